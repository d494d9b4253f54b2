"""The cached results for the page: lists, images, thumbnails, and copies for ComfyUI."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ...venice_client import EncodedImage, Settings, VeniceError
from ...venice_client.for_nodes import (
    Entry,
    ResultCache,
    cached_images,
    images,
    make_folder,
    remove_file,
    write_atomic,
    write_new,
)
from ..run import comfyui
from .account import settings_of_page, shown_service
from .result_index import Query, index_of, is_text, text_of

MAX_LISTED = 200
MAX_OFFSET = 1_000_000
THUMBNAIL_SIDE = 256
THUMBNAILS = "thumbnails"
MAX_THUMBNAILS = 4000
ASIDE = ".making-"
HEAD_BYTES = 65_536
"""Bytes at the beginning of an image that contain its size."""

FORMATS = ("PNG", "JPEG", "WEBP")
"""Formats whose head contains the size."""

GONE = "This image is no longer saved."
EVERYTHING = Query()
_KEY = re.compile(r"[0-9a-f]{64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class NoResultError(VeniceError):
    """The result, or the image in it, doesn't exist."""


class Results:
    """The store of the current settings."""

    def __init__(self) -> None:
        self._settings: Settings = settings_of_page()
        self._store = ResultCache(
            self._settings.home, self._settings.store_mb, self._settings.save_prompts
        )
        self._index = index_of(self._settings)

    def listed(self, offset: int, limit: int, query: Query = EVERYTHING) -> dict[str, Any]:
        """List results from `offset` on, the newest batch first, and the values to filter by."""
        offset, limit = min(max(0, offset), MAX_OFFSET), min(max(1, limit), MAX_LISTED)
        while True:  # what another process has changed is noted when it is read
            found = self._index.find(self._store, query)
            page = [self._store.entry(row.key) for row in found[offset : offset + limit]]
            entries = [entry for entry in page if entry]
            if not self._index.note(self._store, entries):
                break
        rows = [self._row(entry) for entry in entries]
        return {"total": len(found), "results": rows, **self._index.choices(self._store)}

    def workflow(self, key: str) -> dict[str, Any]:
        """Return the workflow that generated a result. Raises NoResultError."""
        workflow = self._store.workflow(_checked(key))
        if workflow is None:
            raise NoResultError("The workflow of this image isn't saved.")
        return workflow

    def image(self, key: str, index: int) -> EncodedImage:
        """Return one original image. Raises NoResultError."""
        found = self._images(key)
        if not 0 <= index < len(found):
            raise NoResultError(GONE)
        return found[index]

    def _images(self, key: str) -> Sequence[EncodedImage]:
        """Return all images of a result, at least one. Raises NoResultError."""
        entry = self._store.entry(_checked(key))
        response = self._store.peek(key) if entry and not is_text(entry) else None
        if not (found := cached_images(response) if response else ()):
            raise NoResultError(GONE)
        return found

    def thumbnail(self, key: str) -> bytes:
        """Return a small WebP of the first image, created once."""
        folder = self._settings.home / THUMBNAILS
        path = folder / f"{_checked(key)}.webp"
        if key not in self._store:
            raise NoResultError(GONE)
        with contextlib.suppress(OSError):
            return path.read_bytes()
        data = _thumbnail(self.image(key, 0))
        with contextlib.suppress(OSError):  # the next request creates it again
            make_folder(folder)
            write_atomic(path, data, prefix=ASIDE)
            self._bound(folder)
        return data

    def copy(self, keys: Sequence[str], kind: str) -> list[str]:
        """Copy images into ComfyUI's "input" or "output"; return their names, in order.

        Raises NoResultError if none is still saved.
        """
        folder = comfyui.image_folder(kind)
        if folder is None:
            raise NoResultError("Only ComfyUI can copy images to its folders.")
        names = list[str]()
        for key in keys:
            with contextlib.suppress(NoResultError):
                names += self._copy(key, folder)
        if not names:
            raise NoResultError(GONE)
        return names

    def _copy(self, key: str, folder: Path) -> list[str]:
        found, entry = self._images(key), self._store.entry(key)
        facts = entry.facts if entry else {}
        stem = _UNSAFE.sub("_", f"venice_{facts.get('model', '')}_{facts.get('seed') or key[:8]}")
        try:
            names = [_write_new(folder, stem[:100], data) for data in found]
        except OSError as error:
            raise VeniceError(
                f"Can't copy the image ({error.strerror}). Check the output folder's disk space "
                "and permissions, then try again. The image stays saved here."
            ) from None
        self._store.mark_shown(key)
        return names

    def mark_seen(self, keys: Sequence[str]) -> None:
        """Note that the user has seen results."""
        for key in map(_checked, keys):
            self._store.mark_shown(key)

    def remove(self, keys: Sequence[str]) -> int:
        """Remove results and their thumbnails; return how many there were."""
        removed = 0
        for key in map(_checked, keys):
            removed += self._store.remove(key)
            with contextlib.suppress(OSError):
                remove_file(self._settings.home / THUMBNAILS / f"{key}.webp")
        return removed

    def _row(self, entry: Entry) -> dict[str, Any]:
        key, facts, asked = entry.key, entry.facts, entry.asked
        width, height = (None, None) if is_text(entry) else self._size(key)
        prompt, has_workflow = self._store.prompt(key)
        return {
            "id": key,
            "model": str(facts.get("model", "")),
            "prompt": prompt,
            "seed": _whole(facts.get("seed")),
            "width": width or _whole(asked.get("width")),
            "height": height or _whole(asked.get("height")),
            "usd": entry.cost_usd,
            "time": facts["time"],
            "kind": "text" if is_text(entry) else "image",
            "text": text_of(self._store, entry),
            "images": 0 if is_text(entry) else _whole(asked.get("variants")) or 1,
            "was_shown": bool(entry.was_shown),
            "has_workflow": has_workflow,
            "service": shown_service(str(facts.get("service", ""))),
        }

    def _size(self, key: str) -> tuple[int | None, int | None]:
        sizes = self._index.sizes
        if key not in sizes:
            sizes[key] = _size(self._store.beginning(key, HEAD_BYTES))
        return sizes[key]

    def _bound(self, folder: Path) -> None:
        """If there are very many thumbnails, remove those without a result."""
        names = os.listdir(folder)  # noqa: PTH208 (it is quick)
        if len(names) <= MAX_THUMBNAILS:
            return
        cached = self._store.keys()
        gone = [name for name in names if name.partition(".")[0] not in cached]
        for name in gone or names[: len(names) - MAX_THUMBNAILS]:
            remove_file(folder / name)


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise NoResultError("This image doesn't exist.")
    return key


def _thumbnail(image: EncodedImage) -> bytes:
    small = Image.fromarray(images.decode(image, "RGBA"))
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=80)
    return out.getvalue()


def _size(head: bytes) -> tuple[int | None, int | None]:
    try:
        with Image.open(io.BytesIO(head), formats=FORMATS) as image:
            width, height = image.size
            return width, height
    except (OSError, ValueError, SyntaxError):
        return None, None  # JSON, or an image with its size further on


def _write_new(folder: Path, stem: str, image: EncodedImage) -> str:
    """Write an image under a free name, or one that already holds the same."""
    data = bytes(image.data)
    ending = "jpg" if image.format == "jpeg" else image.format
    for number in range(1, 10_000):
        path = folder / f"{stem}{'' if number == 1 else f'_{number}'}.{ending}"
        try:
            write_new(path, data, prefix=".venice-")
            return path.name
        except FileExistsError:
            if path.stat().st_size == len(data) and path.read_bytes() == data:
                return path.name
    raise OSError(17, "too many files of that name")


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
