"""Set up the process: its ends by signals, its forks, and its output streams."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable

ENDINGS = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
"""Signals that end a process at once, by default: `docker stop`, a closed terminal, Ctrl-\\.

SIGBREAK is Ctrl-Break on Windows.
"""

CLOSE_EVENTS = (2, 5, 6)
"""Windows closes the console, logs the user off, or shuts down."""

CLOSE_WAIT = 4.5
"""Seconds for responses in flight then: Windows ends the process after five."""


def at_close(action: Callable[[float], None]) -> Callable[[float], None]:
    """Call `action` with CLOSE_WAIT when Windows ends the process without `atexit`; a decorator."""
    _at_close.append(action)
    return action


def end_gently() -> None:
    """Let the signals in ENDINGS end the process as Ctrl-C does, with its work at exit.

    Otherwise, paid responses in flight would be lost. If Windows closes the console, wait for them
    too. Leave other handlers and ignored signals alone. Python can set handlers only in the main
    thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ENDINGS:
        number = getattr(signal, name, None)  # Windows has SIGTERM and SIGBREAK
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    _handle_close()  # after the signals, since Windows calls the last handler first


def _handle_close() -> None:
    if sys.platform == "win32" and not _handlers:
        import ctypes

        def handle(event: int) -> int:
            """Hold the process. Windows calls this in its own thread, and ends it after."""
            if event not in CLOSE_EVENTS:
                return False
            for action in _at_close:
                action(CLOSE_WAIT)
            return True

        _handlers.append(ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(handle))
        ctypes.WinDLL("kernel32").SetConsoleCtrlHandler(_handlers[-1], True)


def after_fork(renew: Callable[[], None]) -> Callable[[], None]:
    """Call `renew` first in every forked process; a decorator.

    A forked process has its parent's memory and connections, but not its threads: nobody releases
    their locks, and both would read each other's responses.
    """
    if sys.platform != "win32":  # which has no fork
        os.register_at_fork(after_in_child=renew)
    return renew


def accept_any_letter() -> None:
    """Make stdout and stderr write the code of a letter that their encoding lacks.

    ComfyUI's log goes there, and on Windows the console may know few letters.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


_at_close: list[Callable[[float], None]] = []
_handlers: list[object] = []
"""The handler for Windows, which must stay in memory."""
