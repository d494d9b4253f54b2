"""The values in pyproject.toml (Python 3.10 has no TOML reader)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def project(name: str) -> list[str]:
    """Return the texts for `name` in pyproject.toml, on its line or in its list."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf'^"?{name}"? = (\[[^\]]*\]|.+)$', text, re.MULTILINE)
    assert found, name
    return re.findall(r'"([^"]+)"', found[1])
