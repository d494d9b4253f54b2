"""Models, their constraints and prices, and styles.

What is known comes from three places: the bundled lists, a saved copy of the live ones (one file
a service), and a live refresh. Constraints that nobody published are unknown, and stay unknown.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ..atomic_write import write_atomic
from ..errors import InvalidRequestError, VeniceError
from .model import Model, parse_model, strings
from .nearest import nearest

log = logging.getLogger(__name__)

DATA = Path(__file__).parent / "data"
TYPES = ("image", "inpaint", "upscale")
DEFAULT_MODEL = "z-image-turbo"
DEFAULT_EDIT_MODEL = "firered-image-edit"
"""What is chosen until the user chooses: nodes and command line alike."""

MAX_AGE = 24 * 3600.0
"""Seconds after which the saved copy is refreshed."""

TRY_AGAIN_AFTER = 600.0
"""Seconds after a refresh that failed until the next one."""

MAX_REFRESH_WAIT = 5.0
"""Seconds that requests for models with unknown constraints wait for a refresh, all together."""

ACTION_BY_KIND = {
    "image": "makes pictures from a prompt",
    "inpaint": "edits pictures",
    "upscale": "makes pictures larger",
    "cutout": "removes backgrounds",
}
"""What a model of each kind does."""

SUGGESTION_BY_KIND = {
    "image": ("make pictures from a prompt", "another model", DEFAULT_MODEL),
    "inpaint": ("edit", "an edit model", DEFAULT_EDIT_MODEL),
}
"""Where a model is chosen: what for, what it is called, and a usual one."""

EDIT_SUFFIX = "-edit"
"""What the API puts behind a model's name for the one that edits."""


@dataclass(frozen=True)
class Lists:
    """The lists at one moment: entries of `GET /models` and style names."""

    entries: tuple[Any, ...]
    styles: tuple[str, ...]
    saved_at: float = 0.0

    def models(self) -> dict[str, Model]:
        """The models by id, in the order of the list."""
        parsed = (parse_model(entry) for entry in self.entries)
        return {model.id: model for model in parsed if model}

    def kinds(self) -> dict[str, set[str]]:
        """What each listed model does, by id; one may be listed for several things."""
        kinds: dict[str, set[str]] = {}
        for model in filter(None, map(parse_model, self.entries)):
            kinds.setdefault(model.id, set()).add(model.kind)
        return kinds


@cache
def bundled_lists() -> Lists:
    """What was published when this version was made; no constraints are among it."""
    models = json.loads((DATA / "models.json").read_text(encoding="utf-8"))
    styles = json.loads((DATA / "styles.json").read_text(encoding="utf-8"))
    return Lists(tuple(models), tuple(styles))


def saved_lists(home: Path, service: str) -> Lists:
    """The saved copy for `service` in `home`, else the bundled lists. Never asks the network."""
    path = _file(home, service)
    try:
        return _read_saved(path, service, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return bundled_lists()
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        log.warning("The saved model list is unreadable and not used (%s).", type(error).__name__)
        return bundled_lists()


@lru_cache(maxsize=4)
def _read_saved(path: Path, service: str, _changed: int) -> Lists:
    """The lists in a file, read anew only when it has changed: the node list asks often."""
    data = json.loads(path.read_text(encoding="utf-8"))
    lists = Lists(tuple(data["models"]), strings(data["styles"]), float(data["time"]))
    is_sound = lists.models() and lists.styles and math.isfinite(lists.saved_at)
    if data["service"] != service or not is_sound:
        raise ValueError("not a list of this service")
    return lists


class Catalogue:
    """The lists of one service, refreshed from it when they are old. Thread-safe.

    fetch_models(type) and fetch_styles() ask the service; they raise VeniceError.
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

    def model(self, model_id: str) -> Model:
        """What is known of a model; of one that no list has, nothing but its id."""
        return self._models.get(model_id) or Model(model_id)

    def models(self, type: str | None = None) -> list[Model]:
        """The listed models, of one type or of all."""
        return [m for m in self._models.values() if type is None or m.type == type]

    @property
    def styles(self) -> tuple[str, ...]:
        return self._lists.styles

    def nearest_model(self, model_id: str, kind: str = "image") -> str | None:
        """The listed model whose id is most like `model_id`, among those that do the same.

        None where none is like it, or where it is among them itself.
        """
        fit = [m.id for m in self.models() if m.kind == kind]
        return None if model_id in fit else nearest(model_id, fit)

    def check_kind(self, model_id: str, kind: str) -> None:
        """Refuses a model that is listed for other things than `kind`, and names one for it."""
        listed = self._kinds.get(model_id, set())
        if (
            kind not in SUGGESTION_BY_KIND
            or not listed
            or kind in listed
            or not listed <= set(ACTION_BY_KIND)
        ):
            return
        wanted, called, usual = SUGGESTION_BY_KIND[kind]
        sibling = model_id.removesuffix(EDIT_SUFFIX) if kind == "image" else model_id + EDIT_SUFFIX
        choice = sibling if kind in self._kinds.get(sibling, ()) else usual
        raise InvalidRequestError(
            f"{model_id} {ACTION_BY_KIND[min(listed)]} and does not {wanted}: "
            f"choose {called}, such as {choice}.",
            "model",
        )

    def nearest_style(self, style: str) -> str | None:
        """The listed style whose name is most like `style`; None if none is, or it is listed."""
        return None if style in self.styles else nearest(style, self.styles)

    def model_when_known(self, model_id: str) -> Model:
        """The model; starts a refresh when the lists are old, and waits for it if that may help."""
        refreshed = self.refresh_when_old()
        model = self.model(model_id)
        if refreshed is not None and model.may_be_constrained and not model.is_known:
            refreshed.wait(max(0.0, self._wait_until - time.monotonic()))
        return self.model(model_id)

    def refresh_when_old(self) -> threading.Event | None:
        """Starts a refresh in the background if the saved copy is older than a day.

        At most once a day, or ten minutes after one that failed. Answers an event that is set at
        its end, or None when there is nothing to wait for.
        """
        with self._lock:
            now = time.time()
            is_fresh = 0 <= now - self._lists.saved_at < MAX_AGE
            if is_fresh or 0 <= now - self._asked_at < self._pause:
                return self._refreshed
            self._asked_at, self._pause = now, MAX_AGE
            self._refreshed = threading.Event()
            self._wait_until = time.monotonic() + MAX_REFRESH_WAIT
        threading.Thread(target=self._refresh_quietly, name="venice-lists", daemon=True).start()
        return self._refreshed

    def refresh(self) -> None:
        """Asks the service for its lists now and saves them. Raises VeniceError."""
        entries = [e for type in TYPES for e in self._fetch_models(type) if parse_model(e)]
        styles = strings(list(self._fetch_styles()))
        if not entries or not styles:
            raise VeniceError("The service's list of models or styles is empty; the old one stays.")
        lists = Lists(tuple(entries), styles, time.time())
        self._use(lists)
        self._save(lists)

    def _refresh_quietly(self) -> None:
        try:
            self.refresh()
        except VeniceError as error:
            # The lists at hand go on serving; what is wrong will show in the request itself.
            log.info("The model list was not refreshed (%s).", type(error).__name__)
            self._pause = TRY_AGAIN_AFTER
        finally:
            assert self._refreshed is not None
            self._refreshed.set()

    def _use(self, lists: Lists) -> None:
        self._lists = lists
        self._models = lists.models()
        self._kinds = lists.kinds()

    def _save(self, lists: Lists) -> None:
        data = {
            "service": self._service,
            "time": lists.saved_at,
            "models": lists.entries,
            "styles": lists.styles,
        }
        try:
            self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = _file(self._home, self._service)
            write_atomic(path, json.dumps(data).encode(), prefix=".catalogue-")
        except OSError as error:
            log.warning("The model list could not be saved (%s).", error.strerror)


def _file(home: Path, service: str) -> Path:
    return home / f"catalogue-{hashlib.sha256(service.encode()).hexdigest()[:12]}.json"
