"""Models with their constraints and prices, and styles.

They come from three places: the bundled lists, a saved copy of the live ones (a file for each
service), and a live refresh. Constraints that aren't published stay unknown.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError, VeniceError
from ..files import make_folder, write_atomic
from ..text import shortened
from .lists import OTHER_TYPES, Lists, lists_file, saved_lists
from .model import TEXT, Model, is_model, strings, trimmed
from .nearest import as_listed, folded, nearest

log = logging.getLogger(__name__)

DEFAULT_MODEL = "z-image-turbo"
DEFAULT_EDIT_MODEL = "firered-image-edit"
"""The default of nodes and command line."""

DEFAULT_TEXT, DEFAULT_VISION = "default", "default_vision"
"""Traits in place of the ids of text models: Venice's own recommendations."""

MAX_AGE = 24 * 3600.0
"""Seconds until the saved copy is refreshed."""

TRY_AGAIN_AFTER = 600.0
"""Seconds from a failed refresh to the next one."""

MAX_REFRESH_WAIT = 5.0
"""Seconds that all requests together wait for a refresh that may say more about their models."""

ACTION_BY_KIND = {
    "image": "generates images from a prompt",
    "inpaint": "edits images",
    "upscale": "upscales images",
    "cutout": "removes backgrounds",
}
"""The purpose of a model of each kind, in words."""

SUGGESTION_BY_KIND = {
    "image": ("generate images", "another model", DEFAULT_MODEL),
    "inpaint": ("edit images", "an edit model", DEFAULT_EDIT_MODEL),
    TEXT: ("write text", "a text model", DEFAULT_VISION),
}
"""Suggestions for each kind: its purpose, the words for a choice, and the default model."""

MAX_NAME = 60
"""The most characters of a wrong name to show in an error."""

EDIT_SUFFIX = "-edit"
"""The API's suffix for the edit variant of a model."""


class Catalogue:
    """The lists of one service, refreshed when they are old. Thread-safe.

    fetch_models(type) and fetch_styles() get them from the service, or raise VeniceError.
    """

    def __init__(
        self,
        home: Path,
        service: str,
        fetch_models: Callable[[str], Sequence[Any]],
        fetch_styles: Callable[[], Sequence[str]],
    ) -> None:
        self._home, self._service = home, service
        self._fetch_models, self._fetch_styles = fetch_models, fetch_styles
        self._lock = threading.Lock()
        self._refreshed: threading.Event | None = None
        self._wait_until = 0.0
        self._asked_at = -math.inf
        self._pause = MAX_AGE  # seconds from there until the service is asked again
        self._use(saved_lists(home, service))

    def model(self, model_id: str, kind: str = "image") -> Model:
        """Return a model for one use, with its id as the list spells it.

        A model that isn't listed has nothing but its id. If it is listed for other uses only,
        return one of those. For texts, a trait is as good as an id.
        """
        if kind == TEXT and (model := self._traits.get(folded(model_id))):
            return model
        listed = self._listed(model_id)
        return listed.get(kind) or next(iter(listed.values()), None) or Model(model_id, kind)

    @property
    def content(self) -> object:
        """All that the lists say, to compare with another moment."""
        return self._lists.entries, self._lists.styles

    def models(self, type: str | None = None) -> list[Model]:
        """Return the listed image models, of one type or all, or those of type "text"."""
        listed = self._lists.listed(TEXT if type == TEXT else None)
        return [m for m in listed if type is None or m.type == type]

    def text_models(self, sees: bool = False) -> list[Model]:
        """Return the text models, the cheapest first. sees: only those that take images."""
        return self._lists.text_models(sees)

    @property
    def styles(self) -> tuple[str, ...]:
        return self._lists.styles

    def style(self, name: str) -> str:
        """Return the style as the list spells it; an unlisted one doesn't change."""
        return as_listed(name, self.styles) or name

    def nearest_model(self, model_id: str, kind: str = "image") -> str | None:
        """Return the listed model of the same kind with the most similar id.

        None if there is none, or if `model_id` itself is listed.
        """
        fit = [m.id for m in self._lists.listed(kind)]
        return None if model_id in fit else nearest(model_id, fit)

    def nearest_style(self, style: str) -> str | None:
        """Return the most similar listed style; None if there is none, or if `style` is listed."""
        return None if style in self.styles else nearest(style, self.styles)

    def check_kind(self, model_id: str, kind: str) -> None:
        """Raise InvalidRequestError, which names another model, if this one has other uses."""
        listed = self._listed(model_id)
        if kind not in SUGGESTION_BY_KIND or not listed or kind in listed:
            return
        if not listed.keys() <= {*ACTION_BY_KIND, *OTHER_TYPES}:
            return
        wanted, called, usual = SUGGESTION_BY_KIND[kind]
        own, model = min(listed.items())
        is_what = ACTION_BY_KIND.get(own, f"is a model of type {own}")
        sibling = model.id.removesuffix(EDIT_SUFFIX) if kind == "image" else model.id + EDIT_SUFFIX
        choice = sibling if kind in self._listed(sibling) else usual
        raise InvalidRequestError(
            f"{model.id} {is_what} but can't {wanted}. Choose {called}, such as {choice}.",
            "model",
        )

    def check_sees(self, model: Model) -> None:
        """Raise InvalidRequestError if `model` is known to take no images; it names one that does.

        That is the one that Venice recommends, else the cheapest.
        """
        if model.sees is not False:
            return
        able = [self._traits.get(DEFAULT_VISION), *self._lists.text_models(sees=True)]
        choice = next((m.id for m in able if m and m.sees), "")
        such_as = f", such as {choice}" if choice else ""
        raise InvalidRequestError(
            f"{model.id} doesn't accept images. Choose one that does{such_as}.", "model"
        )

    def check_transparency(self, model: Model) -> None:
        """Raise InvalidRequestError if `model` is known to have no transparent background.

        The message names models that do.
        """
        if model.supports_transparency is not False:
            return
        able = [m.id for m in self._lists.listed(model.kind) if m.supports_transparency]
        choose = f"Choose {', '.join(able)}, or turn" if able else "Turn"
        raise InvalidRequestError(
            f"{model.id} can't generate a transparent background. {choose} off "
            "transparent_background.",
            "transparent_background",
        )

    def model_when_known(self, model_id: str, kind: str = "image") -> Model:
        """Return the model, after a refresh if the lists are old and that may help.

        It may help if constraints are unknown, or if there are only the bundled lists.
        """
        refreshed = self.refresh_when_old()
        model = self.model(model_id, kind)
        is_sure = model.is_known and self._lists.saved_at > 0
        if refreshed is not None and model.may_be_constrained and not is_sure:
            refreshed.wait(max(0.0, self._wait_until - time.monotonic()))
        return self.model(model_id, kind)

    def refresh_when_old(self) -> threading.Event | None:
        """Start a refresh in the background if the saved copy is older than a day.

        At most once a day, or ten minutes after a failure. Return an event that marks its end, or
        None if there is nothing to wait for.
        """
        with self._lock:
            if not self._is_newer_than(MAX_AGE) and not 0 <= self._since_asked() < self._pause:
                self._begin_refresh()
            return self._refreshed

    def check_listed(self, models: Iterable[tuple[str, str]], styles: Iterable[str]) -> None:
        """Raise InvalidRequestError for a name that a fresh list doesn't have.

        models: ids, each with its kind. If a name isn't in the saved list, one refresh may take up
        to MAX_REFRESH_WAIT. Without a fresh list, any name is accepted.
        """
        models, styles = list(models), list(styles)
        if self._wrong_name(models, styles) is None or not self._has_fresh_lists():
            return
        if error := self._wrong_name(models, styles):
            raise error

    def _wrong_name(
        self, models: Sequence[tuple[str, str]], styles: Sequence[str]
    ) -> InvalidRequestError | None:
        """Return the error for the first name that isn't listed; None if all are."""
        for model, kind in models:
            is_trait = kind == TEXT and folded(model) in self._traits
            if not is_trait and not self._listed(model):
                return _unknown("model", model, self.nearest_model(model, kind))
        for style in styles:
            if as_listed(style, self.styles) is None:
                return _unknown("style", style, self.nearest_style(style))
        return None

    def _has_fresh_lists(self) -> bool:
        """Whether the lists are a few minutes old at most, after one attempt to get them."""
        with self._lock:
            if self._is_newer_than(TRY_AGAIN_AFTER):
                return True
            if 0 <= self._since_asked() < self._pause == TRY_AGAIN_AFTER:  # the last try failed
                return False
            if self._refreshed is None or self._refreshed.is_set():
                self._begin_refresh()
            refreshed = self._refreshed
        if refreshed is not None:
            refreshed.wait(MAX_REFRESH_WAIT)
        return self._is_newer_than(TRY_AGAIN_AFTER)

    def _is_newer_than(self, seconds: float) -> bool:
        return 0 <= time.time() - self._lists.saved_at < seconds

    def _since_asked(self) -> float:
        return time.time() - self._asked_at

    def _begin_refresh(self) -> None:
        """Refresh in a new thread, which sets `_refreshed` at its end."""
        self._asked_at, self._pause = time.time(), MAX_AGE
        self._refreshed = threading.Event()
        self._wait_until = time.monotonic() + MAX_REFRESH_WAIT
        thread = threading.Thread(target=self._refresh_quietly, name="venice-lists", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # no more threads: the current lists still serve
            log.info("The model list couldn't be refreshed (%s).", error)
            self._pause = TRY_AGAIN_AFTER
            self._refreshed.set()

    def refresh(self) -> None:
        """Get the lists from the service now, and save them. Raises VeniceError."""
        entries = tuple(_needed(e) for e in self._fetch_models("all") if is_model(e))
        lists = Lists(entries, strings(list(self._fetch_styles())), time.time())
        if not lists.models() or not lists.styles:
            raise VeniceError("Venice's list of models or styles is empty. Keeping the saved list.")
        self._use(lists)
        self._save(lists)

    def _refresh_quietly(self) -> None:
        try:
            self.refresh()
        except VeniceError as error:
            # The current lists still serve; what is wrong shows in the request itself.
            log.info("The model list couldn't be refreshed (%s).", type(error).__name__)
            self._pause = TRY_AGAIN_AFTER
        finally:
            assert self._refreshed is not None
            self._refreshed.set()

    def _listed(self, model_id: str) -> dict[str, Model]:
        """Return the listed uses of a model by kind; {} if it isn't listed."""
        return self._models.get(model_id) or self._models.get(folded(model_id), {})

    def _use(self, lists: Lists) -> None:
        self._lists = lists
        self._models, self._traits = lists.by_name(), lists.by_trait()

    def _save(self, lists: Lists) -> None:
        data = {
            "service": self._service,
            "time": lists.saved_at,
            "models": lists.entries,
            "styles": lists.styles,
        }
        try:
            make_folder(self._home)
            path = lists_file(self._home, self._service)
            write_atomic(path, json.dumps(data).encode(), prefix=".catalogue-")
        except OSError as error:
            log.warning("The model list couldn't be saved (%s).", error.strerror)


def _unknown(what: str, name: str, near: str | None) -> InvalidRequestError:
    hint = f"Did you mean {near}?" if near else "Check its spelling."
    text = f"Not sent. Venice has no {what} “{shortened(name, MAX_NAME)}”. {hint}"
    return InvalidRequestError(text, "model" if what == "model" else "style_preset")


def _needed(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of an entry to save: of other than image and text models id and type."""
    if entry.get("type") == TEXT:
        return trimmed(entry)
    is_other = entry.get("type") in OTHER_TYPES
    return {"id": entry["id"], "type": entry["type"]} if is_other else entry
