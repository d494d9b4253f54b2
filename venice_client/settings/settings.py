"""Read the key and the other settings: environment over file over default.

The file is `venice.json` in the home folder, mode 0600. Its keys are the names of the environment
variables.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import IS_IN_COMFYUI, SettingsError
from ..files import PAUSES, check_folder, make_folder, patiently, write_atomic
from ..shell import command_line
from ..text import plain_number
from .api_key import ApiKey, bare

DEFAULT_BASE_URL = "https://api.venice.ai/api/v1"
FILE_NAME = "venice.json"
COMFYUI_FOLDER = "__venice"
MAX_TIMEOUT = 86_400.0
MAX_STORE_MB = 1e9
_ON, _OFF = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
MAX_IN_FLIGHT = 20
"""The most requests at once: if more failed together, the API could lock the key out."""

_BOUNDS = {
    "timeout": (1.0, MAX_TIMEOUT),
    "max_in_flight": (1, MAX_IN_FLIGHT),
    "store_mb": (0.0, MAX_STORE_MB),
    "max_usd_per_run": (0.0, math.inf),
    "max_usd_per_day": (0.0, math.inf),
    "ask_above_usd": (0.0, math.inf),
}
_MAY_BE_NONE = ("max_usd_per_run", "max_usd_per_day")


def no_key() -> SettingsError:
    """The error if no key is set."""
    if IS_IN_COMFYUI:
        return SettingsError(
            "No Venice API key. Enter one in Settings → Venice.",
            "Or set VENICE_API_KEY on the server. The key `sandbox` is free.",
        )
    return SettingsError(
        f"No Venice API key. Set VENICE_API_KEY, or run `{command_line('login')}`. The key "
        "`sandbox` is free."
    )


@dataclass(frozen=True)
class Settings:
    """The settings of the user. `timeout` in seconds, `store_mb` in MB, money in USD.

    base_url_is_saved: whether the address comes from the settings file, where it belongs to the key
    beside it. allowed_hosts: more names, or patterns of names, at which ComfyUI's page may use the
    routes. warnings: sentences about odd settings.
    """

    home: Path
    key: ApiKey | None = None
    base_url: str = DEFAULT_BASE_URL
    timeout: float = 600.0
    max_in_flight: int = 8
    store_mb: float = 1024.0
    max_usd_per_run: float | None = 5.0
    max_usd_per_day: float | None = None
    ask_above_usd: float = 1.0
    show_all_inputs: bool = False
    save_prompts: bool = True
    allowed_hosts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    base_url_is_saved: bool = False

    def __post_init__(self) -> None:
        """Raise SettingsError for a number out of bounds. home: may be a text."""
        object.__setattr__(self, "home", _absolute(Path(self.home)))
        for field in _BOUNDS:
            value = getattr(self, field)
            if value is not None or field not in _MAY_BE_NONE:
                _check(field, field, value, value)

    def with_key(self, key: ApiKey) -> Settings:
        """Return these settings with another key, which never goes to the saved key's address."""
        if self.base_url_is_saved and (self.key is None or key.reveal() != self.key.reveal()):
            return replace(self, key=key, base_url=DEFAULT_BASE_URL, base_url_is_saved=False)
        return replace(self, key=key)


def load_settings(
    comfyui_home: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings. Raises SettingsError for an invalid one.

    comfyui_home: the folder in ComfyUI's user directory, inside ComfyUI.
    """
    environ = os.environ if environ is None else environ
    homes = home_folders(comfyui_home, environ)
    path, from_file = _read_first_file(homes)
    ours = (item for item in environ.items() if item[0].startswith("VENICE_"))
    given = {name: text for name, value in ours if (text := bare(value))}
    warnings = [_why_unsafe(path)] if path else []
    warnings.append(_leave_address(from_file, given))
    values = {**from_file, **given}
    key = ApiKey(values.get("VENICE_API_KEY", ""))
    return Settings(
        home=homes[0],
        key=key if key.reveal() else None,
        base_url=normalized_base_url(values.get("VENICE_API_BASE", DEFAULT_BASE_URL)),
        timeout=_number(values, "VENICE_TIMEOUT", "timeout"),
        max_in_flight=_number(values, "VENICE_MAX_IN_FLIGHT", "max_in_flight"),
        store_mb=_number(values, "VENICE_STORE_MB", "store_mb"),
        max_usd_per_run=_number(values, "VENICE_MAX_USD_PER_RUN", "max_usd_per_run"),
        max_usd_per_day=_number(values, "VENICE_MAX_USD_PER_DAY", "max_usd_per_day"),
        ask_above_usd=_number(values, "VENICE_ASK_ABOVE_USD", "ask_above_usd"),
        show_all_inputs=_switch(values, "VENICE_SHOW_ALL_INPUTS", Settings.show_all_inputs),
        save_prompts=_switch(values, "VENICE_SAVE_PROMPTS", Settings.save_prompts),
        allowed_hosts=tuple(
            values.get("VENICE_ALLOWED_HOSTS", "").lower().replace(",", " ").split()
        ),
        warnings=tuple(filter(None, warnings)),
        base_url_is_saved="VENICE_API_BASE" in from_file.keys() - given.keys(),
    )


def _leave_address(from_file: dict[str, str], given: Mapping[str, str]) -> str:
    """Remove the address from `from_file` if the key isn't the file's.

    It belongs to the key beside it. Returns a warning, or "".
    """
    key, saved = ApiKey(given.get("VENICE_API_KEY", "")), from_file.get("VENICE_API_KEY", "")
    if not key.reveal() or key.reveal() == bare(saved):
        return ""
    address = from_file.pop("VENICE_API_BASE", "")
    if not address or key.is_sandbox or "VENICE_API_BASE" in given:
        return ""
    return (
        f"The key in VENICE_API_KEY goes to {DEFAULT_BASE_URL}, since the address in {FILE_NAME} "
        "belongs to the key saved there. To use another address, set VENICE_API_BASE."
    )


def _why_unsafe(path: Path) -> str:
    """Return a warning about a settings file that others can use, or ""."""
    if sys.platform == "win32":  # its modes say nothing
        return ""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    can = [what for what, bits in (("read", 0o044), ("change", 0o022)) if mode & bits]
    if not can:
        return ""
    return (
        f"Others on this machine can {' and '.join(can)} {path}, where your key is saved: run "
        "chmod 600 on it."
    )


def home_folders(comfyui_home: Path | None, environ: Mapping[str, str]) -> list[Path]:
    """Return the home folder, then fallbacks for its settings file.

    All are absolute: a relative one counts from the first call of this process.
    """
    chosen = bare(environ.get("VENICE_HOME", ""))
    around = _comfyui_around(Path(__file__).absolute())
    homes = [home for home in (comfyui_home, around) if home]
    try:
        homes = [Path(chosen).expanduser()] if chosen else [*homes, _platform_folder(environ)]
    except RuntimeError:  # this user, or that of ~name, has no home folder
        if chosen or not homes:
            raise SettingsError(
                "There is no home folder for the settings. Set VENICE_HOME to a folder."
            ) from None
    return [_fixed(home) for home in homes]


@functools.cache
def _fixed(folder: Path) -> Path:
    return _absolute(folder)


def _absolute(folder: Path) -> Path:
    try:
        return folder.absolute()
    except FileNotFoundError:
        raise SettingsError(
            f"The home folder {folder} is relative to the working folder, which no longer exists. "
            "Set VENICE_HOME to an absolute path, or start from another folder."
        ) from None


def make_home(home: Path) -> None:
    """Create the home folder, and check that it's writable. Raises SettingsError."""
    try:
        make_folder(home)
        check_folder(home)
    except OSError as error:
        raise _not_saved(home, error) from None


def save_key(homes: Sequence[Path], key: ApiKey, base_url: str = DEFAULT_BASE_URL) -> Path:
    """Write the key to the settings file in the first of `homes`, as `save_values` does.

    base_url: the service for the key, so that it never goes to another one. Raises SettingsError if
    it can't be written, and leaves nothing behind.
    """
    base = None if base_url == DEFAULT_BASE_URL else base_url
    return save_values(homes, {"VENICE_API_KEY": key.reveal(), "VENICE_API_BASE": base})


def save_values(homes: Sequence[Path], changes: Mapping[str, str | None]) -> Path:
    """Write changed settings to the file in the first of `homes`, mode 0600; None removes one.

    Keeps its other settings, or those of the fallback. Raises SettingsError if it can't be written,
    and leaves nothing behind.
    """
    make_home(homes[0])
    path = homes[0] / FILE_NAME
    values = {**_read_first_file(homes)[1], **changes}
    kept = {name: value for name, value in values.items() if value is not None}
    try:
        write_atomic(path, json.dumps(kept, indent=1).encode(), prefix=".venice-")
    except OSError as error:
        raise _not_saved(homes[0], error) from None
    return path


def forget_key(homes: Sequence[Path]) -> None:
    """Remove the key, and its address, from the files in all of `homes`."""
    for home in homes:
        if "VENICE_API_KEY" in _read_file(home / FILE_NAME):
            save_values([home], {"VENICE_API_KEY": None, "VENICE_API_BASE": None})


def _not_saved(home: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"Can't save the settings in {home} ({error.strerror}). Make the folder writable, or set "
        "VENICE_HOME to another one."
    )


def normalized_base_url(url: str) -> str:
    """Return the URL without a trailing slash. Raises SettingsError unless it's safe."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:  # whose text may quote a part of a password
        raise SettingsError("VENICE_API_BASE isn't a URL. Check it.") from None
    host = (parts.hostname or "").lower()
    if parts.username or parts.password or parts.query or parts.fragment or not host:
        raise SettingsError(
            "VENICE_API_BASE takes scheme, host and path only, such as " + DEFAULT_BASE_URL + "."
        )
    if not host.isascii():
        raise SettingsError(f"VENICE_API_BASE needs the host in ASCII (xn--…), not {host}.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingsError(
            f"VENICE_API_BASE must be https (or http on this machine), not {parts.scheme}://{host}."
            " Otherwise your key would cross the network unencrypted."
        )
    shown = f"[{host}]" if ":" in host else host
    port = None if (parts.scheme, port) == ("https", 443) else port
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether `host` is this computer."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _comfyui_around(file: Path) -> Path | None:
    folder = file.parents[3]
    if folder.name == "custom_nodes" and (folder.parent / "user").is_dir():
        return folder.parent / "user" / COMFYUI_FOLDER
    return None


def _platform_folder(environ: Mapping[str, str]) -> Path:
    if sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    old, new = base / "comfyui-venice", base / "venice-nodes"
    return old if old.is_dir() and not new.is_dir() else new  # the paid results of 0.1 stay


def _read_first_file(homes: Sequence[Path]) -> tuple[Path | None, dict[str, str]]:
    """Return the first settings file with any content, and the content."""
    for home in homes:
        path = home / FILE_NAME
        if values := _read_file(path):
            return path, values
    return None, {}


def _read_file(path: Path) -> dict[str, str]:
    try:
        read = partial(path.read_text, encoding="utf-8-sig")
        values = json.loads(patiently(read, pauses=PAUSES[:3]))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        # The error's own text may quote the file, and with it the key.
        raise SettingsError(
            f"Can't read the settings file {path} ({type(error).__name__}). Fix it, or delete it "
            "and log in again."
        ) from None
    if not isinstance(values, dict):
        raise SettingsError(f"The settings file {path} must contain one JSON object.")
    return {str(name): str(value) for name, value in values.items() if value is not None}


def _number(values: Mapping[str, str], name: str, field: str) -> Any:
    """Return the number of a field of Settings, or its default. Raises SettingsError."""
    text = values.get(name)
    if text is None:
        return getattr(Settings, field)
    if field in _MAY_BE_NONE and text.strip().lower() == "none":
        return None
    number = plain_number(text)
    if field == "max_in_flight" and number.is_integer():
        number = int(number)
    _check(name, field, number, text)
    return number


def _check(name: str, field: str, number: Any, shown: object) -> None:
    """Raise SettingsError unless a number is one for its field. name, shown: for the error."""
    low, high = _BOUNDS[field]
    is_whole = field == "max_in_flight"
    is_number = isinstance(number, int if is_whole else int | float)
    if is_number and math.isfinite(number) and low <= number <= high:
        return
    kind = "whole number" if is_whole else "number"
    bounds = f"from {low:g} to {high:.0f}" if high < math.inf else f"of at least {low:g}"
    text = f"{name} must be a {kind} {bounds}, not {shown!r}."
    if is_whole:
        text += f" The API locks a key out for a while after more than {high} failed requests."
    raise SettingsError(text)


def _switch(values: Mapping[str, str], name: str, default: bool) -> bool:
    text = values.get(name, "").strip().lower()
    if text not in ("", *_ON, *_OFF):
        raise SettingsError(f"{name} must be true or false, not {text!r}.")
    return text in _ON if text else default
