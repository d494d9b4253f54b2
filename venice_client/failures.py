"""From an answer with an error status to the error that a person can act on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from . import errors
from .errors import ApiError
from .texts import printable

_TYPES: dict[int, type[ApiError]] = {
    400: errors.BadRequest,
    401: errors.AuthenticationError,
    402: errors.PaymentRequired,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    410: errors.NotFound,
    413: errors.PayloadTooLarge,
    415: errors.UnsupportedContent,
    422: errors.Unprocessable,
    429: errors.RateLimited,
}

_BY_CODE = {
    errors.PRO_ONLY_MODEL: "This model needs a Venice Pro account: choose another, or upgrade.",
    "INSUFFICIENT_BALANCE": "The Venice balance is used up: top up at venice.ai, then queue again.",
    "API_KEY_USD_SPEND_LIMIT_EXCEEDED": (
        "This key's own USD limit is reached: raise it at venice.ai, Settings, API."
    ),
    "API_KEY_DIEM_SPEND_LIMIT_EXCEEDED": (
        "This key's own Diem limit is reached: raise it at venice.ai, Settings, API."
    ),
    "API_ACCESS_DISABLED": "API access is switched off for this account: see venice.ai, Settings.",
    "CORRUPTED_IMAGE": "Venice cannot read the image that was sent: check it, or send another one.",
    "IMAGE_TOO_SMALL": "The image is too small for Venice: it needs at least 65,536 pixels.",
    "IMAGE_TOO_LARGE": "The image is too large for Venice: make it smaller, then queue again.",
    "CONTENT_POLICY_VIOLATION": "Venice refuses this content: change the prompt or the images.",
    "MODEL_OFFLINE": "The model is offline at the moment: choose another one, or try later.",
    "MODEL_AT_CAPACITY": "The model is at capacity: try again in a while, or choose another one.",
    "INVALID_MODEL": "Venice does not know this model: choose another one.",
}

_BY_STATUS = {
    400: "Venice refuses the request: change what it names, then queue again.",
    401: "Venice does not accept the key: check VENICE_API_KEY, or log in again.",
    402: "Venice wants payment: top up at venice.ai, then queue again.",
    403: "This key or account may not do this: see venice.ai, Settings, API.",
    404: "Venice does not know this model (any more): choose another one.",
    410: "Venice has retired this model: choose another one.",
    413: "The request is too large for Venice: send smaller or fewer images.",
    415: "Venice does not take this type of content: please report this as a fault of the pack.",
    422: "Venice cannot process the request: change the prompt or the images.",
    429: "The rate limit of this Venice key is reached: queue again later.",
    500: "Venice failed to make the image, several times: queue again later.",
    502: "The gateway in front of Venice failed; Venice may be down: queue again later.",
    503: "Venice has no capacity at the moment: queue again later, or choose another model.",
    504: "Venice took too long to answer: queue again later, or choose a faster model.",
}

MAX_FIELDS = 10
MAX_WORDS = 1000
"""Characters of the API's own words that are shown; a gateway may answer a whole web page."""


def error_for(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error for an answer with `status` outside 2xx: cause and remedy, then the API's words."""
    if 300 <= status < 400:
        return _redirect(status, headers)
    code, said, fields = _read(body)
    request_id = headers.get("x-request-id", "") or headers.get("cf-ray", "")
    first = _BY_CODE.get(code) or _BY_STATUS.get(status)
    first = first or f"Venice answered with HTTP status {status}: queue again later."
    lines = [first]
    replacement = headers.get("x-venice-deprecated-replacement")
    if status in (404, 410) and replacement:
        lines[0] = f"{first.rstrip('.')}, such as its replacement `{replacement}`."
    label = f"HTTP {status}" + (f", {code}" if code else "")
    lines.append(f"Venice says ({label}): {said}" if said else f"Venice gave no reason ({label}).")
    told = [f"- {name}: {'; '.join(texts)}"[:MAX_WORDS] for name, texts in fields.items()]
    lines += told[:MAX_FIELDS]
    lines += [f"(and {len(told) - MAX_FIELDS} more)"] if len(told) > MAX_FIELDS else []
    if request_id:
        lines.append(f"Request id: {request_id}")
    kind = _TYPES.get(status) or (errors.ServerError if status >= 500 else ApiError)
    return kind(
        "\n".join(lines),
        status=status,
        code=code,
        api_message=said,
        fields=fields,
        request_id=request_id,
    )


def with_hint(error: ApiError, hint: str) -> ApiError:
    """The same error with `hint` at the end of its first line."""
    first, _, rest = str(error).partition("\n")
    return type(error)(
        f"{first} {hint}" + (f"\n{rest}" if rest else ""),
        status=error.status,
        code=error.code,
        api_message=error.api_message,
        fields=error.fields,
        request_id=error.request_id,
    )


def _redirect(status: int, headers: Mapping[str, str]) -> ApiError:
    try:
        host = urlsplit(headers.get("location", "")).hostname
    except ValueError:
        host = None
    return errors.UnexpectedRedirect(
        f"Venice's address answers with a redirect to {host or 'nowhere'}, which is not followed, "
        "since the key would go along: check VENICE_API_BASE and the network "
        f"(a login page?). HTTP {status}.",
        status=status,
    )


def _read(body: bytes) -> tuple[str, str, dict[str, Sequence[str]]]:
    """Code, words and complaints by field, from any of the forms that errors come in."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return "", _plain(body), {}
    if not isinstance(data, dict):
        return "", _plain(body), {}
    inner = data.get("error")
    holder = inner if isinstance(inner, dict) else data
    said = holder.get("message") if isinstance(inner, dict) else inner
    code = holder.get("code") or data.get("code") or ""
    fields: dict[str, list[str]] = {}
    _collect_details(data.get("details"), "", fields)
    _collect_issues(data.get("issues"), fields)
    words = printable(said or data.get("message") or "", MAX_WORDS)
    code = printable(code, 80) if isinstance(code, str) else ""
    if not code and words.isupper() and " " not in words:
        code = words
    return code, words, {name: tuple(texts) for name, texts in fields.items()}


def _plain(body: bytes) -> str:
    text = body[: 4 * MAX_WORDS].decode("utf-8", "replace").strip()
    if text[:1] == "<":
        return "(a web page instead of an answer)"
    return printable(text, MAX_WORDS)


def _collect_details(node: Any, name: str, fields: dict[str, list[str]], depth: int = 0) -> None:
    if not isinstance(node, dict) or depth > 8:
        return
    texts = node.get("_errors")
    if isinstance(texts, list) and texts:
        fields.setdefault(name or "request", []).extend(printable(t, 200) for t in texts[:10])
    for key, below in list(node.items())[:50]:
        if key != "_errors":
            path = f"{name}.{key}" if name else str(key)
            _collect_details(below, printable(path, 80), fields, depth + 1)


def _collect_issues(issues: Any, fields: dict[str, list[str]]) -> None:
    for issue in issues[:50] if isinstance(issues, list) else []:
        if not isinstance(issue, dict):
            continue
        path = issue.get("path")
        name = ".".join(map(str, path)) if isinstance(path, list) and path else "request"
        texts = fields.setdefault(printable(name, 80), [])
        text = printable(issue.get("message", ""), 200)
        if text and text not in texts:
            texts.append(text)
