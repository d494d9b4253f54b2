"""Set what the pack needs of its process: how signals end it, forks, and what its streams take."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable

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


def after_fork(renew: Callable[[], None]) -> Callable[[], None]:
    """Call `renew` in every process that is forked off, before it does anything else; a decorator.

    A forked process has its parent's memory and connections, but none of its threads: a lock that
    one of them holds is never released, and both would read each other's answers.
    """
    if sys.platform != "win32":  # which has no fork
        os.register_at_fork(after_in_child=renew)
    return renew


def accept_any_letter() -> None:
    """Has stdout and stderr write the code of a letter that their encoding does not know.

    ComfyUI's log goes there, and on Windows the console may know few letters.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
