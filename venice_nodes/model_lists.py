"""The lists behind the combos: as last saved for the service that is set. No network."""

from __future__ import annotations

from ..venice_client import SettingsError, load_settings
from ..venice_client.for_nodes import (
    DEFAULT_EDIT_MODEL,
    DEFAULT_MODEL,
    Lists,
    bundled_lists,
    saved_lists,
    service_name,
)
from .run import comfyui

NO_STYLE = "None"


def styles() -> list[str]:
    """The style presets as last saved."""
    return list(_lists().styles)


def generate_models() -> list[str]:
    """The ids of the models that make pictures from a prompt, as last saved."""
    ids = [model.id for model in _lists().listed("image")]
    return ids if DEFAULT_MODEL in ids else [DEFAULT_MODEL, *ids]


def models_like(pattern: str) -> list[str]:
    """The ids that a shell pattern asks for, as `Lists.ids_like`, as last saved."""
    return _lists().ids_like(pattern)


def other_models() -> list[str]:
    """The ids of the models that neither make pictures from a prompt nor edit, as last saved."""
    return [m.id for m in _lists().listed() if m.kind not in ("image", "inpaint")]


def edit_models() -> list[str]:
    """The ids of the edit models, as last saved."""
    ids = [model.id for model in _lists().listed("inpaint")]
    return ids if DEFAULT_EDIT_MODEL in ids else [DEFAULT_EDIT_MODEL, *ids]


def _lists() -> Lists:
    try:
        settings = load_settings(comfyui.user_folder())
        return saved_lists(settings.home, service_name(settings))
    except SettingsError:
        return bundled_lists()  # the run itself says what is wrong with the settings
