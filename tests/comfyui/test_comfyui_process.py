"""Which ComfyUI is taken, and how it is started, waited for and stopped.

Runs without ComfyUI: a small HTTP server in a main.py stands in for it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import run_comfyui
from comfyui_process import (
    PACK_FOLDER,
    PORTS,
    ROOT,
    ComfyUIError,
    ComfyUIProcess,
    Installation,
    StartFailed,
    find,
    find_old,
    free_port,
    make_base,
    python_of,
)
from venice_client.settings.settings import home_folders

ANSWERS = """
import http.server, os, sys
print("python path", os.environ.get("PYTHONPATH"))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
ENDS = "import sys; print('no module named torchaudio'); sys.exit(3)"
HANGS = "import time; print('loading'); time.sleep(600)"


@pytest.fixture
def comfy(tmp_path: Path) -> Path:
    """The folder that stands for ~/comfy."""
    return tmp_path / "comfy"


def install(path: Path, main: str = "") -> Path:
    """Put what looks like a ComfyUI into `path`."""
    (path / "comfy").mkdir(parents=True)
    (path / "main.py").write_text(main)
    return path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_takes_the_named_one_first(tmp_path: Path, comfy: Path) -> None:
    pack = install(tmp_path / "around") / "custom_nodes" / "pack"
    install(comfy / "ComfyUI")
    named = install(tmp_path / "named")
    found = find({"HOME": str(tmp_path), "COMFYUI_PATH": str(named)}, pack)
    assert found is not None
    assert found.path == named


def test_takes_the_one_around_the_pack_next(tmp_path: Path, comfy: Path) -> None:
    around = install(tmp_path / "around")
    install(comfy / "ComfyUI")
    found = find({"HOME": str(tmp_path)}, around / "custom_nodes" / "pack")
    assert found is not None
    assert found.path == around


def test_takes_the_one_at_home_last(tmp_path: Path, comfy: Path) -> None:
    assert find({"HOME": str(tmp_path)}, tmp_path / "pack") is None
    install(comfy / "ComfyUI")
    found = find({"HOME": str(tmp_path)}, tmp_path / "pack")
    assert found is not None
    assert found.path == comfy / "ComfyUI"


def test_a_wrong_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ComfyUIError, match=r"COMFYUI_PATH is .*nowhere"):
        find({"HOME": str(tmp_path), "COMFYUI_PATH": str(tmp_path / "nowhere")})


def test_the_old_one_brings_its_packages(tmp_path: Path, comfy: Path) -> None:
    assert find_old({"HOME": str(tmp_path)}) is None
    install(comfy / "ComfyUI-0.3.64")
    (comfy / "old-packages").mkdir()
    found = find_old({"HOME": str(tmp_path)})
    assert found is not None
    assert found.python_path == str(comfy / "old-packages")
    found = find_old({"HOME": str(tmp_path), "COMFYUI_OLD_PYTHONPATH": ""})
    assert found is not None
    assert found.python_path == ""


def test_takes_the_environment_in_or_beside_it(tmp_path: Path, comfy: Path) -> None:
    path = install(comfy / "ComfyUI")
    assert python_of(path) == Path(sys.executable)
    beside = touch(comfy / "env" / "bin" / "python")
    assert python_of(path) == beside
    inside = touch(path / ".venv" / "bin" / "python")
    assert python_of(path) == inside
    found = find({"HOME": str(tmp_path), "COMFYUI_PYTHON": "/opt/python"}, tmp_path)
    assert found is not None
    assert found.python == Path("/opt/python")


def test_links_the_pack_into_a_base_directory(tmp_path: Path) -> None:
    make_base(tmp_path / "base")
    base = make_base(tmp_path / "base")
    assert (base / "custom_nodes" / PACK_FOLDER).resolve() == ROOT.resolve()
    assert (base / "input").is_dir()


def test_starts_waits_and_stops(tmp_path: Path) -> None:
    installation = Installation(
        install(tmp_path / "ComfyUI", ANSWERS), Path(sys.executable), "first"
    )
    base = make_base(tmp_path / "base")
    with ComfyUIProcess(installation, base, {**os.environ, "PYTHONPATH": "second"}) as comfyui:
        comfyui.wait_until_ready(timeout_s=100)
        with urllib.request.urlopen(comfyui.url) as response:
            assert response.status == 200
        assert f"python path first{os.pathsep}second" in comfyui.log_tail(lines=5)
    assert comfyui.wait() == -signal.SIGINT, "it ended as with Ctrl-C"


def test_says_why_it_did_not_start(tmp_path: Path) -> None:
    installation = Installation(install(tmp_path / "ComfyUI", ENDS), Path(sys.executable))
    with (
        ComfyUIProcess(installation, make_base(tmp_path / "base"), os.environ) as comfyui,
        pytest.raises(StartFailed, match=r"ended \(3\):\n(.|\n)*torchaudio"),
    ):
        comfyui.wait_until_ready(timeout_s=100)


def test_does_not_wait_for_ever(tmp_path: Path) -> None:
    installation = Installation(install(tmp_path / "ComfyUI", HANGS), Path(sys.executable))
    start = time.monotonic()
    with (
        ComfyUIProcess(installation, make_base(tmp_path / "base"), os.environ) as comfyui,
        pytest.raises(StartFailed, match=r"silent after 0\.5 s"),
    ):
        comfyui.wait_until_ready(timeout_s=0.5)
    assert time.monotonic() - start < 60


def test_a_taken_port_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert free_port(taken) in PORTS


def test_a_free_port_that_is_wanted_is_taken() -> None:
    free = free_port()
    assert free_port(free) == free


def test_make_comfyui_sees_a_key_that_is_set(tmp_path: Path) -> None:
    assert not run_comfyui.has_key({}, tmp_path)
    assert run_comfyui.has_key({"VENICE_API_KEY": "x"}, tmp_path)
    assert not run_comfyui.has_key({"VENICE_HOME": str(tmp_path)}, tmp_path)
    touch(tmp_path / "user" / "__venice" / "venice.json")
    assert run_comfyui.has_key({}, tmp_path)
    (tmp_path / "venice.json").touch()
    assert run_comfyui.has_key({"VENICE_HOME": str(tmp_path)}, tmp_path / "elsewhere")


def write_key(folder: Path, key: str) -> None:
    folder.mkdir(parents=True)
    (folder / "venice.json").write_text(json.dumps({"VENICE_API_KEY": key}))


def test_make_comfyui_sees_a_key_that_login_saved_outside_of_comfyui(
    tmp_path: Path, home: Path
) -> None:
    base = make_base(tmp_path / "base")
    assert not run_comfyui.has_key({}, base)

    (of_the_platform,) = home_folders(None, {})
    write_key(of_the_platform, "a-key")

    assert run_comfyui.has_key({}, base)
    assert not run_comfyui.has_key({"VENICE_HOME": str(home)}, base)


def test_make_comfyui_takes_neither_the_word_sandbox_nor_another_setting_for_a_key(
    tmp_path: Path,
) -> None:
    base = make_base(tmp_path / "base")
    assert not run_comfyui.has_key({"VENICE_API_KEY": "sandbox"}, base)
    assert not run_comfyui.has_key({"VENICE_API_KEY": " "}, base)
    write_key(base / "user" / "__venice", "")
    assert not run_comfyui.has_key({}, base)


def test_make_comfyui_looks_where_its_own_comfyui_does(tmp_path: Path) -> None:
    """A key that is saved in the ComfyUI around the pack is not seen by another ComfyUI."""
    around = install(tmp_path / "around")
    pack = around / "custom_nodes" / "pack"
    pack.parent.mkdir()
    pack.symlink_to(ROOT, target_is_directory=True)
    write_key(around / "user" / "__venice", "a-key")

    assert run_comfyui.has_key({}, around)
    assert not run_comfyui.has_key({}, make_base(tmp_path / "base", pack))


def test_make_comfyui_says_that_it_needs_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_comfyui.shutil, "which", lambda _name: None)
    with pytest.raises(ComfyUIError, match="no git"):
        run_comfyui.fetch(tmp_path / "comfy" / "ComfyUI")
    assert not (tmp_path / "comfy").exists()


def test_make_comfyui_fetches_one_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(run_comfyui, "_run", lambda *command: commands.append(command))
    monkeypatch.setattr(run_comfyui.shutil, "which", lambda name: f"/usr/bin/{name}")
    target = tmp_path / "comfy" / "ComfyUI"
    assert run_comfyui.fetch(target).path == target
    assert commands[0] == ("git", "clone", "--depth", "1", run_comfyui.OFFICIAL, str(target))
    assert commands[1][1:] == ("-m", "venv", str(target / ".venv"))
    assert commands[2][-1] == str(target / "requirements.txt")
