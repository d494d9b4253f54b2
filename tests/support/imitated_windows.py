"""Imitate on Linux what Windows documents about files, locks, signals and clocks.

Imitated, for the shipped modules and what they call:
- A file that any process has open can't be replaced, renamed or removed. A rename replaces nothing.
- There is no fcntl. A lock of msvcrt belongs to the handle, and its bytes are for nobody else.
- Appending is a seek to the end and then a write, with APPEND_GAP seconds in between.
- A file that os.open opens without O_BINARY gets "\r\n" for each "\n".
- No fork, no POSIX signals, no times before 1970. Clocks tick 64 times a second.

The tests see the platform "win32", so that they skip what needs POSIX. It isn't Windows: paths,
names, rights, consoles and processes are those of Linux.
"""

from __future__ import annotations

import builtins
import ctypes
import datetime
import errno
import fcntl
import io
import os
import signal
import socket
import stat
import struct
import sys
import threading
import time
import types
from collections.abc import Callable, Collection, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

assert sys.platform == "linux"

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = tuple(f"{ROOT / name}" for name in ("venice_client/", "venice_nodes/", "nodes.py"))
TESTS = f"{ROOT / 'tests'}/"
APPEND_GAP = 0.001
TICK = 1 / 64
O_BINARY = 1 << 27

NO_MODULES = {"fcntl", "resource", "pwd", "grp", "termios"}
NO_OS = {
    *("fork", "forkpty", "register_at_fork", "getuid", "geteuid", "getgid", "setsid", "killpg"),
    *("getpgid", "chown", "fchmod", "uname", "sched_getaffinity", "mkfifo", "statvfs", "pread"),
    *("pwrite", "nice", "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_TMPFILE"),
}
NO_SIGNALS = {"SIGHUP", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "pthread_sigmask"}
NO_SOCKET = {"AF_UNIX", "SO_REUSEPORT"}

_os = {name: getattr(os, name) for name in ("open", "write", "fdopen", "replace", "rename")}
_unlink, _sleep = os.unlink, time.sleep


def install() -> None:
    """Imitate from now on: in every module of the pack and of its tests that is loaded later."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # sent to a process that holds a lease
    for name, call in (("replace", _replace), ("rename", _rename)):
        setattr(os, name, call)
    os.unlink = os.remove = _remove
    load = SourceFileLoader.exec_module

    def exec_module(loader: SourceFileLoader, module: types.ModuleType) -> None:
        _adapt(module)
        load(loader, module)
        if module.__name__ == "_pytest.assertion.rewrite":  # which loads the tests
            _adapt_all_of(module.AssertionRewritingHook)

    SourceFileLoader.exec_module = exec_module  # type: ignore[method-assign, assignment]


def _adapt_all_of(loader: Any) -> None:
    load = loader.exec_module

    def exec_module(self: Any, module: types.ModuleType) -> None:
        _adapt(module)
        load(self, module)

    loader.exec_module = exec_module


def _adapt(module: types.ModuleType) -> None:
    """Let a module of ours import modules as they are on Windows."""
    file = os.path.normpath(getattr(module, "__file__", None) or "")
    if file.startswith(SHIPPED) or file == f"{ROOT / '__init__.py'}":
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import_for(_MODULES)}
    elif file.startswith(TESTS) and file != __file__:
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _import_for(_FOR_TESTS)}


def _import_for(modules: Mapping[str, types.ModuleType]) -> Callable[..., Any]:
    def import_(name: str, *args: Any, **named: Any) -> Any:
        if name in NO_MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return modules.get(name) or builtins.__import__(name, *args, **named)

    return import_


class StandIn(types.ModuleType):
    """A module as it is on Windows: `others` in place of its own names, and some are missing.

    A test that changes the real module, or this one, changes both.
    """

    def __init__(
        self, real: types.ModuleType, others: dict[str, Any], missing: Collection[str] = ()
    ) -> None:
        super().__init__(real.__name__)
        before = {name: getattr(real, name, None) for name in others}
        vars(self).update(_real=real, _others=others, _missing=missing, _before=before)

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"{self.__name__} has no {name!r} on Windows")
        value = getattr(self._real, name, None)
        if name in self._others and value is self._before[name]:
            return self._others[name]
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        is_own = name in self._others and value == self._others[name]
        setattr(self._real, name, self._before[name] if is_own else value)

    def __delattr__(self, name: str) -> None:
        delattr(self._real, name)


# Files that are open

_checking = threading.Lock()


def is_open(path: Any, dir_fd: int | None = None) -> bool:
    """Whether any process has a file open: then Linux gives no lease on it."""
    with _checking:
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            handle = _os["open"](path, flags, dir_fd=dir_fd)
        except OSError:
            return False
        try:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(handle)


def _denied(path: Any) -> PermissionError:
    return PermissionError(errno.EACCES, "Another process has the file open", os.fspath(path))


def _replace(source: Any, target: Any, **named: Any) -> None:
    for path in (source, target):
        if is_open(path):
            raise _denied(path)
    _os["replace"](source, target, **named)


def _rename(source: Any, target: Any, **named: Any) -> None:
    if is_open(source):
        raise _denied(source)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "File exists", os.fspath(source))
    _os["rename"](source, target, **named)


def _remove(path: Any, *, dir_fd: int | None = None) -> None:
    if is_open(path, dir_fd):
        raise _denied(path)
    _unlink(path, dir_fd=dir_fd)


# Handles of os.open

_handles: dict[int, tuple[bool, bool]] = {}
"""Whether a handle is in text mode, and whether it appends."""


class AppendingFile(io.FileIO):
    """A file that seeks to its end before each write, as the C library of Windows does."""

    def write(self, data: Any, /) -> int:
        self.seek(0, os.SEEK_END)
        _sleep(APPEND_GAP)
        return super().write(data) or 0

    def close(self) -> None:
        if not self.closed:
            _handles.pop(self.fileno(), None)
        super().close()


def _open(path: Any, flags: int, *args: Any, **named: Any) -> int:
    handle: int = os.open(path, flags & ~O_BINARY & ~os.O_APPEND, *args, **named)
    _handles[handle] = (not flags & O_BINARY, bool(flags & os.O_APPEND))
    return handle


def _write(handle: int, data: Any) -> int:
    is_text, appends = _handles.get(handle, (False, False))
    if appends:
        os.lseek(handle, 0, os.SEEK_END)
        _sleep(APPEND_GAP)
    _os["write"](handle, bytes(data).replace(b"\n", b"\r\n") if is_text else data)
    return len(data)


def _close(handle: int) -> None:
    _handles.pop(handle, None)
    os.close(handle)


def _fdopen(handle: int, mode: str = "r", buffering: int = -1, *args: Any, **named: Any) -> Any:
    """Python sets a handle to binary that it makes a file of."""
    _, appends = _handles.pop(handle, (False, False))
    if not appends:
        return _os["fdopen"](handle, mode, buffering, *args, **named)
    _handles[handle] = (False, True)
    raw = AppendingFile(handle, mode.replace("b", ""))
    return raw if buffering == 0 else io.BufferedWriter(raw)


# Locks

msvcrt = types.ModuleType("msvcrt")
LK_UNLCK, LK_LOCK, LK_NBLCK, LK_RLCK, LK_NBRLCK = range(5)


def locking(handle: int, mode: int, count: int) -> None:
    """Lock or unlock bytes from the position on. They must lie behind what others read."""
    start = os.lseek(handle, 0, os.SEEK_CUR)
    assert start >= os.fstat(handle).st_size, "Windows lets no other handle read these bytes"
    assert mode in (LK_UNLCK, LK_NBLCK), "the others wait for ten seconds"
    kind = fcntl.F_UNLCK if mode == LK_UNLCK else fcntl.F_WRLCK
    lock = struct.pack("hhqqi", kind, os.SEEK_SET, start, count, 0)
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, lock)
    except BlockingIOError:
        raise PermissionError(errno.EACCES, "Permission denied") from None


vars(msvcrt).update(
    locking=locking,
    LK_UNLCK=LK_UNLCK,
    LK_LOCK=LK_LOCK,
    LK_NBLCK=LK_NBLCK,
    LK_RLCK=LK_RLCK,
    LK_NBRLCK=LK_NBRLCK,
)


# Clocks


class DateTime(datetime.datetime):
    """A datetime that knows no local time before 1970, or long after 3000."""

    @classmethod
    def fromtimestamp(cls, t: float, tz: datetime.tzinfo | None = None) -> Any:
        if tz is None and not 0 <= t < 32_536_850_400:
            raise OSError(errno.EINVAL, "Invalid argument")
        return super().fromtimestamp(t, tz)

    def timestamp(self) -> float:
        seconds = super().timestamp()
        if self.tzinfo is None and not 86_400 <= seconds < 32_536_850_400:
            raise OSError(errno.EINVAL, "Invalid argument")
        return seconds


def _ticks(clock: str) -> Callable[[], float]:
    return lambda: getattr(time, clock)() // TICK * TICK


# The console


class Kernel32:
    """The part of kernel32.dll that handles what happens to the console: nothing does."""

    def __init__(self, name: str) -> None:
        assert name == "kernel32"

    def SetConsoleCtrlHandler(self, handler: object, adds: bool) -> bool:
        return callable(handler) and adds


_MODULES: dict[str, types.ModuleType] = {
    "ctypes": StandIn(ctypes, {"WinDLL": Kernel32, "WINFUNCTYPE": ctypes.CFUNCTYPE}),
    "os": StandIn(
        os,
        {
            "name": "nt",
            "O_BINARY": O_BINARY,
            "open": _open,
            "write": _write,
            "close": _close,
            "fdopen": _fdopen,
        },
        NO_OS,
    ),
    "sys": StandIn(sys, {"platform": "win32"}),
    "signal": StandIn(
        signal, {"SIGBREAK": 21, "CTRL_C_EVENT": 0, "CTRL_BREAK_EVENT": 1}, NO_SIGNALS
    ),
    "socket": StandIn(socket, {"SO_EXCLUSIVEADDRUSE": socket.SO_KEEPALIVE}, NO_SOCKET),
    "time": StandIn(time, {"time": _ticks("time"), "monotonic": _ticks("monotonic")}),
    "datetime": StandIn(datetime, {"datetime": DateTime}),
    "msvcrt": msvcrt,
}
_FOR_TESTS: dict[str, types.ModuleType] = {
    "os": StandIn(os, {"name": "nt"}, NO_OS),
    "sys": _MODULES["sys"],
    "signal": _MODULES["signal"],
    "msvcrt": msvcrt,
}
