"""Importing the pack and listing its nodes asks nobody, whatever the machine looks like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import importlib.util, json, os, socket, sys, threading

def refused(*_args, **_kwargs):
    raise AssertionError("the network was asked")

for name in ("connect", "connect_ex", "bind", "sendto"):
    setattr(socket.socket, name, refused)
socket.getaddrinfo = socket.create_connection = refused

root = sys.argv[1]
name = "/ComfyUI/custom_nodes/venice-nodes"
spec = importlib.util.spec_from_file_location(
    name, root + "/__init__.py", submodule_search_locations=[root]
)
pack = sys.modules[name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pack)
before = dict(os.environ)
for environment in json.loads(sys.argv[2]):
    os.environ.clear()
    os.environ.update({**before, **environment})
    for cls in pack.NODE_CLASS_MAPPINGS.values():
        declared = cls.INPUT_TYPES()
        for part in (declared["required"], declared.get("optional", {})):
            for type, options in part.values():
                assert type != "COMBO" or options["options"], environment
assert threading.active_count() == 1, threading.enumerate()
print("fine", len(pack.NODE_CLASS_MAPPINGS))
"""


ENVIRONMENTS = [
    {},
    {"VENICE_API_KEY": "sandbox"},
    {"VENICE_API_KEY": "a key", "VENICE_TIMEOUT": "soon"},
    {"VENICE_API_BASE": "http://api.venice.invalid"},
    {"VENICE_HOME": "~nobody-has-this-name/x"},
    {"VENICE_HOME": "/dev/null/x"},
]


@pytest.mark.long
def test_import_and_node_list_ask_nobody_whatever_is_set() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ROOT), json.dumps(ENVIRONMENTS)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fine")
