"""Writes for a person or a program: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from ..errors import ApiError, VeniceError

CLEAR_LINE = "\r\x1b[K"


class Console:
    """Writes for one command. is_json: results as one JSON value. is_verbose: whole errors."""

    def __init__(self, is_json: bool = False, is_verbose: bool = False) -> None:
        self.is_json = is_json
        self.has_result = False
        self.is_broken = False
        self._is_verbose = is_verbose
        self._is_live = is_terminal(sys.stderr)
        self._shown = ""

    def result(self, value: Any, lines: Sequence[str]) -> None:
        """Writes the result to stdout: `value` as JSON if that was asked for, else `lines`.

        Where that is not possible, `is_broken` is set, and the command goes on: what became of the
        money is still to be told.
        """
        self.clear_progress()
        self.has_result = True
        if self.is_json:
            lines = [json.dumps(value, ensure_ascii=False, indent=1)]
        try:
            for line in lines:
                print(line, flush=True)
        except OSError as error:
            self.is_broken = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):  # which `| head` makes, as is meant
                self.note(f"The result cannot be written to stdout ({error.strerror}).")

    def note(self, text: str) -> None:
        """Writes a line to stderr."""
        self.clear_progress()
        _tell(text + "\n")

    def error(self, error: BaseException, prefix: str = "") -> None:
        """Writes an error to stderr: its first line, or all of it with --verbose."""
        text = str(error) or type(error).__name__
        self.note(prefix + (text if self._is_verbose else text.partition("\n")[0]))

    def progress(self, text: str) -> None:
        """Shows what is going on: one line updated in place on a terminal, else a line a change."""
        if text == self._shown:
            return
        if self._is_live:
            width = shutil.get_terminal_size().columns - 1
            _tell(CLEAR_LINE + text[:width])
            self._shown = text
        elif text and (steady := re.sub(r",? \d+ s( left)?", "", text)) != self._shown:
            _tell(steady + "\n")
            self._shown = steady

    def clear_progress(self) -> None:
        """Takes the progress line away, before something else is written."""
        if self._is_live and self._shown:
            _tell(CLEAR_LINE)
            self._shown = ""


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sits at a stream; at none, where the shell has closed it."""
    return stream is not None and stream.isatty()


def _tell(text: str) -> None:
    """Writes to stderr, if anybody reads it: nothing that is paid for ends with that."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns; the first row is the head."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def describe(error: BaseException) -> Mapping[str, Any]:
    """An error as a JSON object."""
    facts: dict[str, Any] = {
        "type": type(error).__name__,
        "message": str(error),
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
