"""Key, limits, balance and spending for the page. The key goes in and never out."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from ...venice_client import (
    KeyStatus,
    Settings,
    SettingsError,
    VeniceClient,
    VeniceError,
    __version__,
    load_settings,
)
from ...venice_client.for_nodes import (
    DEFAULT_BASE_URL,
    ISSUES_URL,
    PROJECT_URL,
    SANDBOX_NAME,
    ApiKey,
    Ledger,
    ResultCache,
    forget_key,
    home_folders,
    log_in,
    save_values,
    service_name,
    shared_client,
    spent_by,
    start_of_day,
    switch_prompts,
    today,
    total,
)
from ..run import comfyui

KEY_URL = "https://venice.ai/settings/api"

LIMITS = {
    name: f"VENICE_{name.upper()}"
    for name in (
        *("max_usd_per_run", "max_usd_per_day", "store_mb"),
        *("ask_above_usd", "show_all_inputs", "save_prompts"),
    )
}
"""The settings that the page may change, and their variables."""

SWITCHES = ("show_all_inputs", "save_prompts")
NO_LIMIT = ("max_usd_per_run", "max_usd_per_day")
ASK_SECONDS = 5.0
"""Seconds for a free call about the account."""

STARTED = time.time()
MAX_KEY = 500


class LockedError(SettingsError):
    """The environment holds the setting, so the page can't change it."""


@dataclass(frozen=True)
class Balance:
    """The result of a free call about `key`. seen: facts in the last paid response before."""

    key: ApiKey | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] = field(default_factory=dict)


def settings_of_page() -> Settings:
    return load_settings(comfyui.user_folder())


def allowed_hosts() -> tuple[str, ...]:
    """Return the hosts that the owner lists; none if the settings are unreadable."""
    try:
        return settings_of_page().allowed_hosts
    except SettingsError:
        return ()


def account(balance: Balance) -> dict[str, Any]:
    """Return the route's answer. balance: from the last free call, perhaps about another key."""
    try:
        settings = settings_of_page()
    except SettingsError as error:
        return {**_frame(None), "error": first_line(error)}
    seen = _seen(settings)
    asked = balance.facts if balance.key == settings.key else {}
    told = {**seen, **asked} if seen == balance.seen else {**asked, **seen}
    return {**_frame(settings), **told, "spent": _spent(settings)}


def ask_balance() -> Balance:
    """Get the balance with a free call. Raises VeniceError."""
    settings = settings_of_page()
    if settings.key is None:
        return Balance()
    seen = _seen(settings)
    facts = _balance(VeniceClient(replace(settings, timeout=ASK_SECONDS)).account())
    return Balance(settings.key, facts, seen)


def try_key(text: object, until: float) -> dict[str, Any]:
    """Try a key with a free call; save it if it works before `until` (monotonic seconds).

    Raises LockedError if the environment holds the key.
    """
    _check_unlocked("VENICE_API_KEY")
    try:
        key = ApiKey(text if isinstance(text, str) and len(text) <= MAX_KEY else "")
        given = {**os.environ, "VENICE_API_KEY": key.reveal()}
        settings = replace(load_settings(comfyui.user_folder(), given), timeout=ASK_SECONDS)
        homes = home_folders(comfyui.user_folder(), os.environ)
        login = log_in(settings, key, homes, lambda: time.monotonic() <= until)
    except VeniceError as error:
        return {"works": False, "error": first_line(error)}
    return {"works": True, "balance_usd": _balance(login.status)["balance_usd"]}


def forget() -> dict[str, Any]:
    """Remove the saved key. Raises LockedError if the environment holds it."""
    _check_unlocked("VENICE_API_KEY")
    forget_key(home_folders(comfyui.user_folder(), os.environ))
    return {}


def set_limits(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Save limits, all or none. Raises SettingsError for an invalid one."""
    if unknown := sorted(changes.keys() - LIMITS.keys()):
        raise SettingsError(f"Unknown limit {unknown[0][:40]}. Use {', '.join(LIMITS)}.")
    texts = {LIMITS[name]: _text(name, value) for name, value in changes.items()}
    for name in changes:
        _check_unlocked(LIMITS[name])
    load_settings(comfyui.user_folder(), {**os.environ, **texts})  # raises for a wrong one
    save_values(home_folders(comfyui.user_folder(), os.environ), texts)
    settings = settings_of_page()
    switch_prompts(settings.home, settings.save_prompts)
    if not settings.save_prompts:
        ResultCache(settings.home, settings.store_mb).forget_prompts()
    return _limits(settings)


def shown_service(name: str) -> str:
    """Name a service without its address: "Venice", "sandbox", or the host."""
    if name in (SANDBOX_NAME, DEFAULT_BASE_URL):
        return SANDBOX_NAME if name == SANDBOX_NAME else "Venice"
    return urlsplit(name).hostname or "another service"


def _frame(settings: Settings | None) -> dict[str, Any]:
    """Return the facts that need no call."""
    key = settings.key if settings else None
    source = "environment" if _is_locked("VENICE_API_KEY") else "file" if key else None
    warnings = settings.warnings if settings else ()
    return {
        "key": {
            "is_set": key is not None,
            "source": source,
            "is_sandbox": key is not None and key.is_sandbox,
        },
        "warnings": [_without_paths(text) for text in warnings],
        "service": shown_service(service_name(settings)) if settings else "Venice",
        "balance_usd": None,
        "balance_diem": None,
        "rate_limit": None,
        "limits": _limits(settings) if settings else None,
        "locked": [name for name, setting in LIMITS.items() if _is_locked(setting)],
        "spent": None,
        "version": __version__,
        "project_url": PROJECT_URL,
        "issues_url": ISSUES_URL,
        "key_url": KEY_URL,
    }


def _limits(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in LIMITS}


def _is_locked(setting: str) -> bool:
    return bool(os.environ.get(setting, "").strip())


def _check_unlocked(setting: str) -> None:
    if _is_locked(setting):
        raise LockedError(f"Set by {setting} on the server. Change it there.")


MAX_AMOUNT = 10**12
"""The highest amount to accept as a limit."""


def _text(name: str, value: object) -> str:
    """Return a limit as text for the settings file. Raises SettingsError for an invalid one."""
    if value is None and name in NO_LIMIT:
        return "none"
    if name in SWITCHES:
        if not isinstance(value, bool):
            raise SettingsError("Turn it on or off.")
        return str(value).lower()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError("Enter a number.")
    if not 0 <= value <= MAX_AMOUNT:  # NaN fails too
        raise SettingsError("Enter 0 or more.")
    return repr(value)


def _balance(status: KeyStatus) -> dict[str, Any]:
    balances = status.balance.get("balances")
    found = balances if isinstance(balances, dict) else {}
    by_unit = {str(unit).lower(): _number(value) for unit, value in found.items()}
    return {"balance_usd": by_unit.get("usd"), "balance_diem": by_unit.get("diem")}


def _seen(settings: Settings) -> dict[str, Any]:
    """Return the account's facts in the last paid response; {} without one."""
    if settings.key is None or settings.key.is_sandbox:
        return {}  # the sandbox needn't start for it
    headers = shared_client(settings).account_headers
    limit = _number(headers.get("x-ratelimit-limit-requests"))
    left = _number(headers.get("x-ratelimit-remaining-requests"))
    told = {
        "balance_usd": _number(headers.get("x-venice-balance-usd")),
        "balance_diem": _number(headers.get("x-venice-balance-diem")),
        "rate_limit": {"limit": limit, "remaining": left} if limit is not None else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _spent(settings: Settings) -> dict[str, Any] | None:
    """Sum up the spending on this service; None if the ledger is unreadable."""
    midnight = start_of_day(today())
    service = service_name(settings)
    try:
        charges = Ledger(settings.home).since(min(midnight - 29 * 86_400, STARTED))
    except OSError:
        return None
    own = [charge for charge in charges if charge.service == service]
    begins = {"session": STARTED, "today": midnight, "days_30": midnight - 29 * 86_400}
    totals = {
        name: total(charge for charge in own if charge.time >= begin).usd
        for name, begin in begins.items()
    }
    models = spent_by(own, lambda charge: charge.model)
    rows = [
        {"model": model, "usd": round(spent.usd, 6), "requests": spent.requests}
        for model, spent in sorted(models.items(), key=lambda each: (-each[1].usd, each[0]))
    ]
    return {**{name: round(value, 6) for name, value in totals.items()}, "by_model": rows}


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None


def first_line(error: VeniceError) -> str:
    """Return an error's first line, without paths of this computer."""
    return _without_paths(str(error).partition("\n")[0])


def _without_paths(text: str) -> str:
    for home in home_folders(comfyui.user_folder(), os.environ):
        text = text.replace(f"{home}{os.sep}", "").replace(str(home), "its folder")
    return text
