"""Output for people or programs: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, TextIO, TypeVar

from ..errors import ApiError, VeniceError

T = TypeVar("T")

MAX_LINES = 20
"""The most lines of one kind, such as one for each image; --verbose shows all."""


class Console:
    """Output of one command. Thread-safe.

    is_json: write the result as one JSON value. is_verbose: write all lines of an error. is_broken:
    stdout refused something, and the exit code must say so.
    """

    def __init__(self, is_json: bool = False, is_verbose: bool = False) -> None:
        self.is_json = is_json
        self.has_result = False
        self.is_broken = False
        self._is_verbose = is_verbose
        self._is_live = is_terminal(sys.stderr)
        self._shown = ""
        self._lock = threading.RLock()

    def result(self, value: Any, lines: Sequence[str]) -> None:
        """Write the result to stdout: `value` with --json, else `lines`.

        The JSON is ASCII, so it's valid in any code page of a console.
        """
        self.has_result = True
        for line in [json.dumps(value, indent=1)] if self.is_json else lines:
            self._print(line)

    def line(self, text: str) -> None:
        """Write a line of the result at once; nothing with --json."""
        if not self.is_json:
            self._print(text)

    def first(self, lines: Sequence[T]) -> Sequence[T]:
        """The lines of one kind to show; if there are more, `more` tells how many."""
        return lines if self._is_verbose else lines[:MAX_LINES]

    def more(self, lines: Sequence[object], what: str) -> None:
        """Tell how many lines of one kind `first` leaves out, such as "errors"."""
        if left := len(lines) - len(self.first(lines)):
            self.note(f"… and {left:,} more {what}; --verbose shows all.")

    def notes(self, texts: Sequence[str]) -> None:
        """Write notes to stderr, not too many."""
        for text in self.first(texts):
            self.note(f"note: {text}")
        self.more(texts, "notes")

    def note(self, text: str) -> None:
        """Write a line to stderr."""
        with self._lock:
            self.clear_progress()
            _write(sys.stderr, text + "\n")

    def error(self, error: BaseException, prefix: str = "") -> None:
        """Write an error to stderr: its first line and hint, or all of it with --verbose."""
        text = _with_links(str(error)) or type(error).__name__
        if not self._is_verbose:
            hint = _with_links(getattr(error, "hint", ""))
            text = " ".join(filter(None, (text.partition("\n")[0], hint)))
        self.note(prefix + text)

    def progress(self, text: str, steady: str) -> None:
        """Show progress: `text` in one place on a terminal, else a line if `steady` changed."""
        with self._lock:
            if self._is_live and text != self._shown:
                text = text[: shutil.get_terminal_size().columns - 1]
                _write(sys.stderr, f"\r{text.ljust(len(self._shown))}")
                self._shown = text
            elif not self._is_live and steady != self._shown:
                _write(sys.stderr, steady + "\n")
                self._shown = steady

    def clear_progress(self) -> None:
        """Remove the progress line from a terminal."""
        if self._is_live and self._shown:
            _write(sys.stderr, f"\r{' ' * len(self._shown)}\r")
            self._shown = ""

    def _print(self, line: str) -> None:
        with self._lock:
            self.clear_progress()
            error = None if self.is_broken else _write(sys.stdout, line + "\n")
            if error is not None:
                self.is_broken = True
                if not isinstance(error, BrokenPipeError):  # a reader such as `head` has enough
                    self.note(f"Can't write to stdout ({error.strerror}).")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal. There is none if the shell closed it."""
    return stream is not None and stream.isatty()


def _write(stream: TextIO | None, text: str) -> OSError | None:
    """Write, and return the error if that fails: no paid image is lost over a message."""
    try:
        if stream is not None:
            stream.write(text)
            stream.flush()
    except OSError as error:
        return error
    return None


def _with_links(text: str) -> str:
    """Restore the addresses in a message, which errors break for the page."""
    return text.replace(": //", "://")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns; the first row is the head."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def describe(error: BaseException) -> Mapping[str, Any]:
    """Return an error as a JSON object."""
    facts: dict[str, Any] = {
        "type": type(error).__name__,
        "message": _with_links(str(error)),
        "may_have_been_charged": isinstance(error, VeniceError) and error.may_have_been_charged,
    }
    if isinstance(error, ApiError):
        facts.update(
            status=error.status,
            code=error.code,
            api_message=error.api_message,
            fields=error.fields,
            request_id=error.request_id,
        )
    return facts
