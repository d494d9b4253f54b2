"""Who may use the routes: ComfyUI's own page, also behind a proxy, and no other website.

The browser sets `Host`, `Origin` and `Sec-Fetch-Site`, not the page. If ComfyUI listens only on
this computer, every name must be this computer's or on the owner's list: a website can point its
own name here (DNS rebinding), and then its pages look like ComfyUI's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

from ...venice_client.for_nodes import harmless, is_loopback

OWN_SITES = ("same-origin", "none")
DEFAULT_PORTS = (None, 80, 443)
MAX_SHOWN = 100


def why_refused(
    headers: Mapping[str, str], is_local: bool, allowed: Callable[[], Sequence[str]]
) -> str:
    """Return why a request is refused, and what an owner can change; "" if it isn't refused.

    is_local: whether ComfyUI listens only on this computer. allowed: returns the names, or
    patterns of names, that the owner lists for such a ComfyUI.
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if site is not None and site not in OWN_SITES:
        return _foreign("Sec-Fetch-Site", site)
    page = None if origin is None else _parsed(origin)
    if page is None and origin is not None:
        return _foreign("Origin", origin)
    forwarded = headers.get("X-Forwarded-Host", "").partition(",")[0].strip()
    hosts = [_parsed(f"http://{text}") for text in (headers.get("Host", ""), forwarded) if text]
    if is_local and (name := _unknown_name([*hosts, page] if page else hosts, allowed)):
        return f"To use the Venice nodes at {name}, add it to VENICE_ALLOWED_HOSTS on the server."
    if page is None or site == "same-origin" or any(_is_same(page, host) for host in hosts):
        return ""
    return (
        f"The page comes from {_shown(page.netloc)}, but the request is for "
        f"{_shown(headers.get('Host', ''))}: have your proxy send X-Forwarded-Host."
    )


def listens_locally(addresses: Sequence[str], here: str) -> bool:
    """Whether ComfyUI listens only on this computer. here: this end of a connection, which tells if
    ComfyUI doesn't."""
    return all(map(is_loopback, addresses or [here]))


def _unknown_name(
    addresses: Sequence[SplitResult | None], allowed: Callable[[], Sequence[str]]
) -> str:
    """Return the first name that is neither this computer's nor allowed, or ""."""
    for address in addresses:
        name = (address.hostname or "") if address else ""
        if not is_loopback(name) and not any(fnmatchcase(name, each) for each in allowed()):
            return _shown(name) or "an address without a name"
    return "" if addresses else "an address without a name"


def _parsed(origin: str) -> SplitResult | None:
    """Parse the origin of a web page; None for any other, such as "null"."""
    try:
        parts = urlsplit(origin.lower())
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_whole = origin.lower() == f"{parts.scheme}://{parts.netloc}" and "@" not in origin
        return parts if is_web and is_whole and parts.port != 0 else None  # the port may raise
    except ValueError:
        return None


def _is_same(page: SplitResult, host: SplitResult | None) -> bool:
    """Whether a page comes from the host of its request. A proxy may omit the port."""
    if host is None or page.hostname != host.hostname:
        return False
    is_usual = page.port in DEFAULT_PORTS and host.port in DEFAULT_PORTS
    return host.port is None or host.port == page.port or is_usual


def _foreign(header: str, value: str) -> str:
    return f"Only ComfyUI's own page may use this ({header}: {_shown(value)})."


def _shown(text: str) -> str:
    return harmless(text, MAX_SHOWN)
