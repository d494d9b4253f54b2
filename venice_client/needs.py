"""Says in a sentence which package is missing, before one is needed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PACKAGES = {"requests": "requests", "numpy": "numpy", "PIL": "pillow"}
"""The modules that the client needs, with the packages that hold them."""


def _is_command() -> bool:
    """Whether Python was started for the command line, by its name or by its path."""
    by_path = Path(getattr(sys.modules["__main__"], "__file__", None) or "").resolve().parent
    by_name = sys.argv[:1] == ["-m"] and __package__ in sys.orig_argv  # as long as it is looked for
    return by_name or by_path == Path(__file__).resolve().parent


_missing = [name for module, name in PACKAGES.items() if importlib.util.find_spec(module) is None]
if _missing:
    _sentence = (
        f"This Python has no {', no '.join(_missing)}: use ComfyUI's own Python, or run "
        f"{sys.executable} -m pip install {' '.join(_missing)}"
    )
    if _is_command():
        sys.exit(_sentence)
    raise ModuleNotFoundError(_sentence, name=_missing[0])
