"""The checker of `make lint` finds a banned phrase in every class of text, and only there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import plain_english

FILES = {
    "README.md": "# Title\n\nIt costs 3 USD\nfor each.",
    "nodes.py": '"""What is kept."""\n\nSEARCH_ALIASES = ("generate picture",)\n'
    'KEY = "picture"\nTEXT = f"about {1} USD"  # drawn anew\n',
    "web/page.js": 'say("Two pictures"); // made\n// once more\ncode("picture");\n',
    "locales/en/main.json": json.dumps({"a": {"b": "at the foot"}}),
    "example_workflows/one.json": json.dumps(
        {"nodes": [{"type": "MarkdownNote", "widgets_values": ["Goes along"]}, {"type": "Other"}]}
    ),
}
HITS = {
    ("interface", "example_workflows/one.json:1: “Goes along” in: Goes along"),
    ("interface", "locales/en/main.json:1: “at the foot” in: at the foot"),
    ("interface", "web/page.js:1: “pictures” in: Two pictures"),
    ("messages", "nodes.py:5: “} USD” in: about {} USD"),
    ("documents", "README.md:3: “3 USD” in: # Title It costs 3 USD for each."),
    ("docstrings", "nodes.py:1: “is kept” in: What is kept."),
    ("docstrings", "nodes.py:1: begins with a clause: What is kept."),
    ("docstrings", "nodes.py:5: “anew” in: # drawn anew"),
    ("docstrings", "web/page.js:2: “once more” in: once more"),
}


@pytest.fixture
def pack_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(plain_english, "ROOT", tmp_path)


@pytest.mark.usefixtures("pack_folder")
def test_every_hit_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain_english.main([]) == 1

    *lines, counts = capsys.readouterr().out.splitlines()
    assert {tuple(line.split(": ", 1)) for line in lines} == HITS
    assert counts == "English: 3 in interface, 1 in messages, 1 in documents, 4 in docstrings"
