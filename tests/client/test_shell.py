"""Commands and settings as a person can type them in their shell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from venice_client import shell

POWERSHELL = r"C:\Users\me\Documents\WindowsPowerShell\Modules;C:\Program Files;C:\Windows"


@pytest.fixture
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "IS_WINDOWS", True)
    monkeypatch.setenv("PSMODULEPATH", r"C:\Program Files;C:\Windows")


@pytest.mark.skipif(sys.platform == "win32", reason="asks sh")
@pytest.mark.parametrize("word", ["plain", "two words", "it's", "$HOME", 'a"b', "雪"])
def test_sh_reads_words_and_settings_as_they_are(word: str) -> None:
    for line in (
        shell.quoted(["printf", "%s", word]),
        f'{shell.setting_lines({"NAME": word})[0]}; printf %s "$NAME"',
    ):
        end = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
        assert end.stdout == word


@pytest.mark.usefixtures("_windows")
def test_cmd_gets_double_quotes() -> None:
    assert shell.quoted([r"C:\a b\python.exe", "-I", "x", "login"]) == (
        r'"C:\a b\python.exe" -I x login'
    )
    assert shell.quoted([r"python_embeded\python.exe", "it's"]) == (
        'python_embeded\\python.exe "it\'s"'
    )


@pytest.mark.usefixtures("_windows")
def test_powershell_calls_a_program_in_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSMODULEPATH", POWERSHELL)

    assert shell.quoted([r"C:\a b\python.exe", "login"]) == r'& "C:\a b\python.exe" login'
    assert shell.quoted([r"python_embeded\python.exe", "login"]) == (
        r"python_embeded\python.exe login"
    )


@pytest.mark.usefixtures("_windows")
def test_windows_gets_settings_for_both_shells() -> None:
    assert shell.setting_lines({"A": "http://127.0.0.1:1/api", "B": "x"}) == [
        "In cmd:",
        'set "A=http://127.0.0.1:1/api"',
        'set "B=x"',
        "In PowerShell:",
        "$env:A = 'http://127.0.0.1:1/api'",
        "$env:B = 'x'",
    ]


def portable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Python and client as in ComfyUI's portable folder, which is the current one."""
    python = tmp_path / "python_embeded" / "python"
    client = tmp_path / "ComfyUI" / "custom_nodes" / "venice-nodes" / "venice_client"
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(shell, "CLIENT", client)
    monkeypatch.chdir(tmp_path)
    return python, client


def test_the_portable_comfyui_gets_paths_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portable(tmp_path, monkeypatch)
    monkeypatch.setattr(shell, "_is_isolated", lambda: True)

    assert shell.command_line("login").replace("\\", "/") == (
        "python_embeded/python -I ComfyUI/custom_nodes/venice-nodes/venice_client login"
    )


def test_from_elsewhere_paths_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python, client = portable(tmp_path, monkeypatch)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(shell, "_is_isolated", lambda: False)

    assert shell.command_line("login") == shell.quoted([str(python), str(client), "login"])


def test_an_installed_command_is_named_as_the_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / ("venice.exe" if os.name == "nt" else "venice")
    command.touch()
    command.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(command.with_suffix("")), "account"])

    monkeypatch.setenv("PATH", str(tmp_path))
    assert shell.command_line("login") == "venice login"

    monkeypatch.setenv("PATH", "")
    assert shell.command_line("login") == shell.quoted([str(command.with_suffix("")), "login"])


def test_a_library_names_the_command_that_pip_installed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts, packages = tmp_path / "bin", tmp_path / "site-packages"
    command = scripts / ("venice.exe" if os.name == "nt" else "venice")
    scripts.mkdir()
    command.touch()
    command.chmod(0o755)
    paths = {"scripts": str(scripts), "purelib": str(packages)}
    monkeypatch.setattr(shell.sysconfig, "get_path", paths.__getitem__)
    monkeypatch.setattr(sys, "argv", ["my_program.py"])
    monkeypatch.setenv("PATH", str(scripts))
    assert shell.command_line("login") != "venice login", "that of another copy"

    monkeypatch.setattr(shell, "CLIENT", packages / "venice_client")
    assert shell.command_line("login") == "venice login"

    monkeypatch.setenv("PATH", "")
    assert shell.command_line("login") == shell.quoted([str(command), "login"])


@pytest.mark.parametrize(
    ("started", "name"),
    [
        (f"{shell.CLIENT}{os.sep}__main__.py", "python -m venice_client"),
        (f"bin{os.sep}venice", "venice"),
        (f"Scripts{os.sep}venice.exe", "venice"),
    ],
)
def test_help_names_the_command_as_it_was_started(
    monkeypatch: pytest.MonkeyPatch, started: str, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [started, "--help"])
    assert shell.command_name() == name
    monkeypatch.setattr(sys, "argv", [str(shell.CLIENT), "--help"])
    assert shell.command_name() == shell.command_line()
