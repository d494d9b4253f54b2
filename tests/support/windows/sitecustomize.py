"""Put this folder on PYTHONPATH: each Python that starts then imitates Windows."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "imitated_windows", Path(__file__).parent.parent / "imitated_windows.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
_module.install()
