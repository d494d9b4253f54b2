"""What the pack sets in the process that it runs in: how that ends, and what its streams take."""

from __future__ import annotations

import io
import signal
import sys
import threading

ENDINGS = ("SIGTERM", "SIGHUP", "SIGQUIT")
"""Signals that end a process at once, by default: `docker stop`, a closed terminal, Ctrl-\\."""


def end_gently() -> None:
    """Has the signals in ENDINGS end the process as Ctrl-C does, with what is done at its exit.

    Else answers on their way, which are paid for, would be lost. Somebody else's handler stays, and
    a signal that is ignored stays so. Off the main thread Python can set none.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ENDINGS:
        number = getattr(signal, name, None)  # Windows has but SIGTERM
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def accept_any_letter() -> None:
    """Has stdout and stderr write the code of a letter that their encoding does not know.

    ComfyUI's log goes there, and on Windows the console may know few letters.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
