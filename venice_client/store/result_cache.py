"""The saved results: paid responses on disk, unchanged, written before anything decodes them.

Each entry is one file, written aside and renamed, so several processes can share them without a
database or locks. Every read verifies a checksum. Damaged entries and unreadable images go to a
quarantine folder first. Reads and writes wait for a file that another program holds: don't call
them from an event loop.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import json
import logging
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..files import PAUSES, check_folder, make_folder, patiently, replace_file, write_atomic
from ..transport.response import Response
from .cache_evictor import (
    CLOCK_STEP,
    ENDING,
    HARD_LIMIT,
    CacheEvictor,
    remove,
    remove_entry,
    touch,
)
from .entry_file import (
    ASIDE,
    DAMAGE,
    Entry,
    cached_headers,
    mark_shown,
    read_beginning,
    read_entry,
    read_facts,
    write_entry,
)
from .prompt_file import (
    Prompt,
    prompt_path,
    prompts_beside,
    read_prompt,
    read_workflow,
    write_prompt,
)

log = logging.getLogger(__name__)

MB = 1_000_000
"""Bytes of a megabyte, in settings and texts alike."""

KEY_FORMAT = 1
FOLDER = "results"
UNREADABLE = "unreadable"
MAX_UNREADABLE = 50
MAX_UNREADABLE_BYTES = 256 * 2**20
"""The most bytes in quarantine; the oldest goes first."""

NOT_THERE = (FileNotFoundError, NotADirectoryError)


def request_key(service: str, path: str, identity: bytes, variation: object = 0) -> str:
    """Return the name of a saved response: equal only for equal requests to one service.

    identity: JSON for the body, input images included, but without the API key.
    """
    name = json.dumps([KEY_FORMAT, service, "POST", path], separators=(",", ":"))
    before, after = f"{name[:-1]},".encode(), f",{json.dumps(variation)}]".encode()
    return hashlib.sha256(before + identity + after).hexdigest()


class ResultCache:
    """Paid responses in `home`/results. Thread-safe; several processes may share it.

    max_mb: the limit in MB, see `cache_evictor`; 0 saves nothing. Only `put` removes entries, and
    opening a store changes nothing on disk. saves_prompts: whether to save prompts and workflows
    too; if not, it knows none. trouble: why the last save failed, or "".
    """

    def __init__(self, home: Path, max_mb: float, saves_prompts: bool = True) -> None:
        self._folder = home / FOLDER
        self._max_bytes = int(max_mb * MB)
        self._saves_prompts = saves_prompts
        self._evictor = CacheEvictor(self._folder, self._max_bytes, saves_prompts)
        self._is_probed = False
        self.trouble = ""

    @property
    def is_on(self) -> bool:
        return self._max_bytes > 0

    @property
    def unreadable(self) -> Path:
        """The quarantine folder."""
        return self._folder / UNREADABLE

    def get(self, key: str) -> Response | None:
        """Return a saved response, or None. Quarantines a damaged one, which counts as none.

        Raises StoreError if there is one that can't be read: sending the request would pay twice.
        """
        if not self.is_on:
            return None
        path = self._path(key)
        try:
            response = patiently(partial(read_entry, path))
        except NOT_THERE:
            return None
        except OSError as error:
            if _is_missing(path):  # with too many files open, that can't be opened either
                return None
            raise StoreError(
                "Not sent. You already paid for this result, but the saved copy can't be read "
                f"right now ({_reason(error)}). Try again, or delete the file to request it "
                f"again.\n{path}"
            ) from error
        except DAMAGE as error:
            where = self.quarantine(key)
            log.warning("A saved result is damaged and counts as none (%s): %s", error, where)
            return None
        touch(path)
        return response

    def peek(self, key: str) -> Response | None:
        """Return a saved response, or None unless it's complete. Doesn't count as a use."""
        try:
            return read_entry(self._path(key))
        except (OSError, *DAMAGE):
            return None

    def __contains__(self, key: str) -> bool:
        return self.is_on and _state(self._path(key)) is not None

    def keys(self) -> set[str]:
        """Return the keys of all entries with one scan of the folder."""
        try:
            names = os.listdir(self._folder) if self.is_on else []  # noqa: PTH208 (it is quick)
        except OSError:
            names = []
        return {name.removesuffix(ENDING) for name in names if name.endswith(ENDING)}

    def changed(self) -> float:
        """Return when an entry came or went for the last time; NaN if nobody can tell."""
        try:
            return self._folder.stat().st_mtime
        except OSError:
            return math.nan

    def probe(self) -> None:
        """Note why answers can't be saved, if one try shows it. Only the first call tries."""
        if self.is_on and not self._is_probed:
            self._is_probed = True
            try:
                self._make_folder()
                check_folder(self._folder)
            except OSError as error:
                self.trouble = _reason(error)

    def room_for(self, size: int) -> bool:
        """Whether a run can save `size` bytes: within twice the limit, and on the disk."""
        try:
            free = shutil.disk_usage(self._folder.parent).free
        except OSError:  # no such folder yet
            free = size
        return size <= min(free, HARD_LIMIT * self._max_bytes)

    def put(
        self, key: str, response: Response, facts: Mapping[str, Any], prompt: Prompt | None = None
    ) -> str:
        """Save a response if the store is on. Returns why it couldn't be saved, or "".

        A full disk is a warning, no error: the image can still be shown. prompt: saved beside it.
        """
        if not self.is_on:
            return ""
        record = {**facts, "time": time.time(), "headers": cached_headers(response.headers)}
        path = self._path(key)
        try:
            self._make_folder()
            size = write_entry(path, record, response)
        except OSError as error:
            self.trouble = _reason(error)
            log.warning("A paid result couldn't be saved (%s).", self.trouble)
            return _reason(error)
        self.trouble = ""
        if prompt and self._saves_prompts:
            self._put_prompt(key, prompt)
        self._evictor.count(size)
        return ""

    def _put_prompt(self, key: str, prompt: Prompt) -> None:
        try:
            write_prompt(prompt_path(self._path(key)), prompt)
        except OSError as error:
            log.warning("The prompt of a result couldn't be saved (%s).", _reason(error))

    def prompt(self, key: str) -> tuple[str, bool]:
        """Return the prompt of an entry, or "", and whether its workflow is saved."""
        try:
            return read_prompt(prompt_path(self._path(key))) if self._saves_prompts else ("", False)
        except (OSError, *DAMAGE):
            return "", False

    def workflow(self, key: str) -> dict[str, Any] | None:
        """Return the workflow of the run that generated an entry, or None."""
        try:
            return read_workflow(prompt_path(self._path(key))) if self._saves_prompts else None
        except (OSError, *DAMAGE):
            return None

    def forget_prompts(self) -> None:
        """Remove all prompts and workflows."""
        for path in prompts_beside(self._folder).glob("*"):
            remove(path, PAUSES)

    def quarantine(self, key: str, checksum: str = "") -> Path | None:
        """Quarantine an unreadable response, so that its request can be sent again.

        checksum: of the response, if the entry is sound but its image isn't; a paid response saved
        since then stays. Returns the new file, or None if nothing moved.
        """
        path = self._path(key)
        name = f"{datetime.now():%Y%m%d-%H%M%S-%f}-{key[:8]}"
        try:
            response = read_entry(path) if self.is_on else None
        except OSError:
            return None
        except DAMAGE:
            response, new = None, self.unreadable / f"{name}{ENDING}"
        else:
            if response is None or response.checksum != checksum:
                return None
            new = self.unreadable / f"{name}{_extension(response)}"
        try:
            make_folder(self.unreadable)
            if response is None:
                replace_file(path, new)
                touch(new)
            else:
                write_atomic(new, response.body, prefix=ASIDE)
                remove(path, PAUSES)
            remove(prompt_path(self._path(key)), PAUSES)
        except OSError as error:
            log.warning("An unreadable result couldn't be quarantined (%s).", _reason(error))
            return None
        self._bound_unreadable()
        return new

    def mark_shown(self, key: str) -> None:
        """Mark the images of a response as shown, or written for the user."""
        try:
            mark_shown(self._path(key))
        except NOT_THERE:
            return
        except OSError as error:
            log.warning("A result couldn't be marked as shown (%s).", _reason(error))

    def entries(
        self,
        maximum: int | None = None,
        since: float = 0.0,
        matches: Callable[[Entry], bool] = lambda entry: True,
    ) -> list[Entry]:
        """Return the entries, the newest first, without damaged ones.

        maximum: the most to return. since: only those generated from this time on. matches: a
        filter. Reads as few heads as possible: no entry is newer than its last use, the time of its
        file.
        """
        found: list[tuple[float, str, Entry]] = []
        for used, name, _ in sorted(self._files(), reverse=True):
            oldest = found[0][0] if maximum and len(found) == maximum else since
            if used + CLOCK_STEP < oldest:
                break
            if (entry := self.entry(name.removesuffix(ENDING))) is None:
                continue
            when = entry.facts["time"]
            if when >= since and matches(entry):
                heapq.heappush(found, (when, entry.key, entry))
                if maximum and len(found) > maximum:
                    heapq.heappop(found)
        return [entry for _, _, entry in sorted(found, key=lambda each: each[:2], reverse=True)]

    def entry(self, key: str) -> Entry | None:
        """Return an entry; None if there is none, or a damaged one."""
        try:
            return read_facts(self._path(key))
        except (OSError, *DAMAGE):
            return None

    def usage(self) -> tuple[int, int]:
        """Return the number of entries, and their size in bytes."""
        files = self._files()
        return len(files), sum(size for _, _, size in files)

    def beginning(self, key: str, maximum: int) -> bytes:
        """Return the first bytes of a saved response; b"" if none can be read."""
        try:
            return read_beginning(self._path(key), maximum)
        except (OSError, *DAMAGE):
            return b""

    def remove(self, key: str) -> bool:
        """Remove one entry; return whether there was one."""
        is_there = key in self
        remove_entry(self._path(key), PAUSES)
        return is_there

    def clear(self) -> int:
        """Remove everything; return the number of entries."""
        files = self._files()
        for _, name, _ in files:
            remove_entry(self._folder / name, PAUSES)
        for path in self.unreadable.glob("*"):
            remove(path, PAUSES)
        self.forget_prompts()
        return len(files)

    def shrink(self, max_mb: float) -> int:
        """Remove the least recently used beyond `max_mb` MB, and return their number."""
        before = len(self._files())
        self._evictor.shrink(int(max_mb * MB))
        return before - len(self._files())

    def finish_sweep(self) -> None:
        """Wait for the sweep that a `put` started."""
        self._evictor.wait()

    def _make_folder(self) -> None:
        make_folder(self._folder)

    def _files(self) -> list[tuple[float, str, int]]:
        """The entries: time of the last use, name, and size."""
        found = []
        with contextlib.suppress(*NOT_THERE), os.scandir(self._folder) as files:
            for file in files:
                if file.name.endswith(ENDING):
                    with contextlib.suppress(OSError):  # another process was quicker
                        state = file.stat()
                        found.append((state.st_mtime, file.name, state.st_size))
        return found

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{ENDING}"

    def _bound_unreadable(self) -> None:
        """Remove the oldest quarantined files beyond their limits, but never the newest."""
        states = [(path, state) for path in self.unreadable.glob("*") if (state := _state(path))]
        states.sort(key=lambda each: each[1].st_mtime_ns, reverse=True)
        total = 0
        for number, (path, state) in enumerate(states):
            total += state.st_size
            if number and (number >= MAX_UNREADABLE or total > MAX_UNREADABLE_BYTES):
                remove(path)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _extension(response: Response) -> str:
    """The extension of a response's file: its own format, if an image viewer may know it."""
    kind = response.headers.get("content-type", "")
    found = re.match(r"image/([a-z0-9]+)|application/(json)\b", kind)
    return f".{found[1] or found[2]}" if found else ".bin"


def _is_missing(path: Path) -> bool:
    """Whether the file certainly doesn't exist, even if its folder is unreadable."""
    try:
        path.stat()
    except NOT_THERE:
        return True
    except OSError:
        pass
    return False


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None  # another process was quicker
