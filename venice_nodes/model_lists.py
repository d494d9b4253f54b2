"""The lists behind the combos, as last saved for the current service. No network."""

from __future__ import annotations

from ..venice_client import SettingsError, load_settings
from ..venice_client.for_nodes import (
    DEFAULT_EDIT_MODEL,
    DEFAULT_MODEL,
    DEFAULT_TEXT,
    DEFAULT_VISION,
    Lists,
    bundled_lists,
    saved_lists,
    service_name,
)
from .run import comfyui

NO_STYLE = "None"


def lists() -> Lists:
    """All of them, as last saved."""
    try:
        settings = load_settings(comfyui.user_folder())
        return saved_lists(settings.home, service_name(settings))
    except SettingsError:
        return bundled_lists()  # the run reports the error


def styles() -> list[str]:
    """The style presets as last saved."""
    return list(lists().styles)


def generate_models(of: Lists | None = None) -> list[str]:
    """The ids of the text-to-image models, as last saved."""
    ids = [model.id for model in (of or lists()).listed("image")]
    return ids if DEFAULT_MODEL in ids else [DEFAULT_MODEL, *ids]


def other_models(of: Lists) -> list[str]:
    """The ids of all models that neither generate nor edit."""
    return [m.id for m in of.listed() if m.kind not in ("image", "inpaint")]


def describe_models() -> list[str]:
    """The ids of the text models that can see, as last saved; first the one that Venice chooses."""
    return [DEFAULT_VISION, *(model.id for model in lists().text_models(sees=True))]


def prompt_models() -> list[str]:
    """The ids of the text models, as last saved; first the one that Venice chooses."""
    return [DEFAULT_TEXT, *(model.id for model in lists().text_models())]


def edit_models() -> list[str]:
    """The ids of the edit models, as last saved."""
    ids = [model.id for model in lists().listed("inpaint")]
    return ids if DEFAULT_EDIT_MODEL in ids else [DEFAULT_EDIT_MODEL, *ids]
