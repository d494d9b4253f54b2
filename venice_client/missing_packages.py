"""A sentence about packages that this Python lacks. Import it before anything else.

It runs in Pythons that are too old for the rest.
"""

import importlib.util
import signal
import sys
from pathlib import Path
from typing import NoReturn

OLDEST = (3, 10)

PACKAGES = {"requests": "requests", "numpy": "numpy", "PIL": "pillow"}
"""The modules that the client needs, with the packages that hold them."""


def _is_command() -> bool:
    """Whether Python was started for the command line, by its name or by its path."""
    by_path = Path(getattr(sys.modules["__main__"], "__file__", None) or "").resolve().parent
    words = getattr(sys, "orig_argv", [__package__])  # from Python 3.10 on
    by_name = sys.argv[:1] == ["-m"] and __package__ in words  # during the search
    by_script = Path(sys.argv[0]).stem == "venice"
    return by_name or by_script or by_path == Path(__file__).resolve().parent


def _complain(sentence: str, name: str = "") -> NoReturn:
    if _is_command():
        sys.exit(sentence)
    raise ModuleNotFoundError(sentence, name=name)


if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends quietly until the command begins

if sys.version_info < OLDEST:
    _complain(
        f"The Venice client needs Python {OLDEST[0]}.{OLDEST[1]} or newer. This is "
        f"{sys.version.partition(' ')[0]}: use ComfyUI's own."
    )

_missing = [name for module, name in PACKAGES.items() if importlib.util.find_spec(module) is None]
if _missing:
    _names = " and ".join(filter(None, (", ".join(_missing[:-1]), _missing[-1])))
    _complain(
        f"This Python is missing {_names}. Use ComfyUI's own, or run "
        f"{sys.executable} -m pip install {' '.join(_missing)}",
        _missing[0],
    )
