"""Check a key with a free call, and save it if it works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .client import VeniceClient
from .errors import AuthenticationError, SettingsError
from .free_calls import KeyStatus
from .settings.api_key import ApiKey
from .settings.settings import DEFAULT_BASE_URL, Settings, save_key

NO_KEY = "Enter a key. You can create one at venice.ai → Settings → API."
NOT_ACCEPTED = "Venice didn't accept this key. Check that you copied all of it."


@dataclass(frozen=True)
class Login:
    """A saved key: its file, service, address and status."""

    file: Path
    service: str
    base_url: str
    status: KeyStatus


def log_in(
    settings: Settings,
    key: ApiKey,
    homes: Sequence[Path] = (),
    is_wanted: Callable[[], bool] = lambda: True,
) -> Login:
    """Save a working key, with its address if it isn't the usual one.

    homes: the folders whose settings stay, the one to save in first; by default the settings' home.
    is_wanted: called once the service has answered. Raises VeniceError if the key doesn't work, and
    SettingsError if it can't be saved or is no longer wanted.
    """
    if not key.reveal():
        raise SettingsError(NO_KEY)
    client = VeniceClient(replace(settings, key=key))  # also with the saved address, which it names
    try:
        status = client.account()
    except AuthenticationError as error:
        error.args = (NOT_ACCEPTED, *error.args[1:])
        raise
    if not is_wanted():
        raise SettingsError("The service didn't answer in time. The key wasn't saved.")
    base_url = DEFAULT_BASE_URL if key.is_sandbox else settings.base_url
    file = save_key(homes or [settings.home], key, base_url)
    return Login(file, client.service.name, base_url, status)
