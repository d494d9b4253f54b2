"""`results`: what is kept is listed, saved as it came, and removed; without a key."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faulty_sandbox import Fault, Sandbox
from venice_client.store import result_cache
from venice_client.store.result_cache import ResultCache
from venice_client.transport.response import Response
from waiting import wait_for

HEAD = ["NO", "TIME", "WHAT", "MODEL", "SEED", "OPTIONS", "COST", "SIZE", "SEEN"]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


@pytest.fixture
def kept(cli: Any, folder: Path) -> list[bytes]:
    """Two images of a batch that were made; their bytes, by seed."""
    end = cli("generate", "a secret fox", "-n2", "--seed=5", "--size=256x256", "-o", "made/fox.png")
    assert end.code == 0, end.err
    return [(folder / line).read_bytes() for line in end.lines]


def test_peek_reads_without_use(home: Path) -> None:
    store = ResultCache(home, 64)
    store.put("a", Response({"content-type": "image/png"}, b"picture", 0.1), {})
    path = home / "results" / "a.result"
    os.utime(path, (1000, 1000))

    response = store.peek("a")

    assert response is not None
    assert response.body == b"picture"
    assert path.stat().st_mtime == 1000


def test_peek_neither_shows_nor_drops_what_is_damaged(home: Path) -> None:
    store = ResultCache(home, 64)
    store.put("a", Response({}, b"picture", 0.1), {})
    path = home / "results" / "a.result"
    path.write_bytes(path.read_bytes()[:-1])

    assert store.peek("a") is None
    assert store.peek("b") is None
    assert path.exists()


def test_times_in_several_forms_are_in_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ResultCache(home, 64)
    for key, when in (("old", "1000"), ("new", 2000.0)):
        monkeypatch.setattr(result_cache, "time", SimpleNamespace(time=lambda when=when: when))
        assert store.put(key, Response({}, b"picture", 0.1), {}) == ""

    assert [entry.key for entry in store.entries()] == ["new", "old"]


def test_the_newest_are_first_with_all_that_tells_them_apart(cli: Any, kept: Any) -> None:
    cli("generate", "a fox", "--seed", "9", "--size", "640x448", "-o", "nine.png")

    end = cli("results")

    assert end.code == 0
    assert end.lines[0].split() == HEAD
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    row = rf"1   {time}  generate  z-image-turbo  9     640×448  \$0.01 +\d+ kB +yes"
    assert re.fullmatch(row, end.lines[1])
    assert len(end.lines) == 4
    assert re.search(r"^3 listed, about \$0.03; 3 saved, \d+ kB$", end.err, re.MULTILINE)
    assert "secret" not in end.out


def test_last_limits_what_is_shown_not_the_total(cli: Any, kept: Any) -> None:
    end = cli("results", "--last", "1", "--json")

    (entry,) = end.json["results"]
    assert entry["path"] == "/image/generate"
    assert entry["model"] == "z-image-turbo"
    assert entry["asked"] == {"width": 256, "height": 256}
    assert end.json["listed"]["count"] == 1
    assert end.json["listed"]["cost_usd"] == 0.01
    assert end.json["total"]["count"] == 2
    assert end.json["total"]["bytes"] > end.json["listed"]["bytes"]
    assert "1 listed, about $0.01; 2 saved" in end.err


def test_saves_the_bytes_as_they_came(cli: Any, kept: list[bytes], folder: Path) -> None:
    end = cli("results", "-o", "saved")

    assert end.code == 0
    assert sorted(Path(line).read_bytes() for line in end.lines) == sorted(kept)
    names = sorted(path.name for path in (folder / "saved").iterdir())
    form = r"\d{8}-\d{6}-z-image-turbo-([56])\.png"
    assert {match[1] for name in names if (match := re.fullmatch(form, name))} == {"5", "6"}


def test_saving_twice_makes_no_copies_and_overwrites_nothing(
    cli: Any, kept: list[bytes], folder: Path
) -> None:
    first = cli("results", "-o", "saved", "--last", "1").lines
    Path(first[0]).write_bytes(b"mine")

    end = cli("results", "-o", "saved", "--last", "1")

    assert Path(first[0]).read_bytes() == b"mine"
    assert end.lines != first
    assert Path(end.lines[0]).read_bytes() in kept
    assert cli("results", "-o", "saved", "--last", "1").lines == end.lines


def test_variants_are_taken_apart(cli: Any, folder: Path) -> None:
    made = cli("generate", "a fox", "--variants", "-n", "3", "--seed", "7", "-o", "v.png").lines

    end = cli("results", "-o", "saved", "--json")

    (entry,) = end.json["results"]
    assert [Path(name).name[-8:] for name in entry["files"]] == ["-7-1.png", "-7-2.png", "-7-3.png"]
    assert [Path(name).read_bytes() for name in entry["files"]] == [
        (folder / name).read_bytes() for name in made
    ]
    assert "1024×1024 3 variants" in cli("results").lines[1]


def test_needs_no_key_and_sends_nothing(
    cli: Any, kept: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    before = len(sandbox.requests)

    assert cli("results").code == 0
    assert cli("results", "-o", "saved").code == 0
    assert cli("results", "--clear", "--yes").code == 0
    assert len(sandbox.requests) == before


def test_nothing_kept_is_said(cli: Any) -> None:
    end = cli("results")

    assert (end.code, end.out) == (0, "")
    assert end.err == "There are no saved results.\n"
    assert cli("results", "--json").json == {
        "results": [],
        "listed": {"count": 0, "bytes": 0, "cost_usd": 0},
        "total": {"count": 0, "bytes": 0},
    }


def test_damaged_entries_are_never_saved(cli: Any, kept: list[bytes], home: Path) -> None:
    path = next((home / "results").glob("*.result"))
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))

    end = cli("results", "-o", "saved")
    assert end.code == 1
    assert len(end.lines) == 1
    assert "can't be read" in end.err

    path.write_bytes(path.read_bytes()[:-40])
    assert len(cli("results", "--json").json["results"]) == 1


def test_an_answer_without_an_image_fails_and_the_others_are_saved(
    cli: Any, kept: list[bytes], home: Path
) -> None:
    facts = {
        "path": "/image/edit",
        "model": "../x\x1b[2J",
        "seed": None,
        "asked": [],
        "cost_usd": "?",
    }
    ResultCache(home, 64).put("odd", Response({}, b"no picture", 0.1), facts)

    end = cli("results", "-o", "saved")

    assert end.code == 1
    assert len(end.lines) == 2
    assert "\x1b" not in cli("results").out + end.err


def test_an_odd_name_stays_in_the_folder(cli: Any, folder: Path, home: Path, kept: Any) -> None:
    facts = {"model": "../../x y", "seed": "../7"}
    ResultCache(home, 64).put("odd", Response({}, kept[0], 0.1), facts)

    (line,) = cli("results", "-o", "saved", "--last", "1").lines

    assert Path(line).parent == Path("saved")


def test_output_is_a_folder_a_file_or_a_pattern(cli: Any, kept: Any, folder: Path) -> None:
    one = ("results", "--number", "1", "-o")

    assert cli(*one, "fox.png").lines == ["fox.png"]
    (line,) = cli(*one, "my-{stem}.png").lines
    assert re.fullmatch(r"my-\d{8}-\d{6}-z-image-turbo-\d\.png", line)
    assert {*cli("results", "-o", "both.png").lines} == {"both.png", "both-1.png"}
    assert cli(*one, "fox.gif").code == 2


def test_a_day_that_this_system_does_not_know_is_no_day(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def windows(day: date) -> float:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("venice_client.cli.results.start_of_day", windows)

    end = cli("results", "--day", "1969-12-31")

    assert end.code == 2
    assert "'1969-12-31' is not a day" in end.err


def test_a_folder_that_is_a_file_ends_with_2(cli: Any, kept: Any, folder: Path) -> None:
    (folder / "taken").write_text("a file")

    end = cli("results", "-o", "taken")

    assert end.code == 2
    assert "taken can't be written to" in end.err


def test_clear_says_what_it_removed(cli: Any, kept: Any, home: Path) -> None:
    listed = cli("results").lines
    end = cli("results", "--clear", "--yes")

    assert end.lines == listed
    assert re.fullmatch(r"Deleted 2 saved results, \d+ kB, about \$0\.02\.\n", end.err)
    assert list((home / "results").glob("*.result")) == []
    assert cli("results", "--clear", "--yes", "--json").json == {"removed": [], "bytes": 0}


def test_clear_asks_on_a_terminal(cli: Any, kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(text: str) -> None:
        typed = io.StringIO(text)
        typed.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", typed)

    answer("\n")
    end = cli("results", "--clear")
    assert end.lines == ["Nothing was deleted."]
    assert "Delete all of 2 saved results" in end.err

    answer("")  # nobody is asked
    assert "Deleted 2 saved results" in cli("results", "--clear", "--yes").err

    answer("y\n")
    assert "Deleted 0 saved results" in cli("results", "--clear").err


@pytest.mark.parametrize(
    "options",
    [
        *(["--last", "0"], ["--last", "x"], ["--clear", "--last", "2"], ["--clear", "-o", "saved"]),
        *(["--clear", "--limit", "1"], ["--limit", "x"], ["--limit", "-1"], ["--limit", "nan"]),
        *(["--limit", "1_000"], ["--limit", "1e305"]),
        *(["--limit", "1", "--model", "x"], ["--number", "3"], ["--number", "0"]),
        *(["--day", "yesterday"], ["--day", "2026-02-30"], ["--day", "9999-12-31"]),
    ],
)
def test_options_that_mean_nothing_end_with_2(cli: Any, kept: Any, options: list[str]) -> None:
    end = cli("results", *options)
    assert end.code == 2
    assert "invalid _" not in end.err
    assert cli("results", "--json").json["total"]["count"] == 2


def test_what_came_before_a_kill_is_there(
    cli: Any, commands: Any, sandbox: Sandbox, folder: Path, home: Path
) -> None:
    sandbox.add_fault(Fault.latency(90), when=lambda payload: payload.get("seed") == 6)
    process = commands("generate", "a fox", "-n", "2", "--seed", "5", "-o", "fox.png")
    wait_for(lambda: list((home / "results").glob("*.result")))

    process.kill()
    process.wait(60)

    (entry,) = cli("results", "--json").json["results"]
    assert entry["seed"] == 5
    assert len(cli("results", "-o", "saved").lines) == 1


def test_what_the_sandbox_made_counts_no_money(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_API_KEY", "sandbox")
    cli("generate", "a fox", "--seed", "7", "--size", "128x128")
    end = cli("results")
    assert " free " in end.lines[1]
    assert "1 listed, free in the sandbox; 1 saved" in end.err
    facts = json.loads(cli("results", "--json").out)
    assert facts["listed"]["cost_usd"] == facts["results"][0]["cost_usd"] == 0
    assert facts["results"][0]["service"] == "sandbox"


def test_the_total_agrees_with_the_rows(cli: Any, home: Path) -> None:
    for key, facts in {"a": {"cost_usd": 0.04}, "b": {}, "c": {"cost_usd": 0.02}}.items():
        keep(home, key, datetime(2026, 5, 1), service="https://api.venice.ai/api/v1", **facts)
    end = cli("results")
    assert "3 listed, about $0.06 and 1 of unknown price; 3 saved" in end.err
    listed = cli("results", "--json").json
    assert listed["listed"]["cost_usd"] == sum(row["cost_usd"] or 0 for row in listed["results"])


@pytest.mark.parametrize("options", [["--clear"], ["--limit", "0"]])
def test_without_a_terminal_nothing_is_removed_unless_that_is_said(
    cli: Any, kept: Any, home: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    end = cli("results", *options)
    assert end.code == 2
    assert "Nothing was deleted" in end.err
    assert "--yes" in end.err
    assert len(list((home / "results").glob("*.result"))) == 2
    assert len(cli("results", *options, "--yes", "--json").json["removed"]) == 2


def keep(home: Path, key: str, when: datetime, **facts: Any) -> None:
    """An answer that was made at a time."""
    store = ResultCache(home, 64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_cache, "time", SimpleNamespace(time=when.timestamp))
        store.put(key, Response({"content-type": "image/png"}, PNG, 0.1), facts)
    store.finish_sweep()


def test_filters_by_model_and_day(cli: Any, home: Path) -> None:
    for day in (1, 2, 3):
        for model in ("z-image-turbo", "Other-Model"):
            keep(home, f"{day} {model}", datetime(2026, 5, day, 23, 59), model=model, seed=day)

    def seeds(*options: str) -> list[tuple[int, str]]:
        listed = cli("results", *options, "--json").json["results"]
        return [(each["seed"], each["model"]) for each in listed]

    assert seeds("--model", "other*") == [(day, "Other-Model") for day in (3, 2, 1)]
    assert seeds("--model", "Z-IMAGE-TURBO", "--last", "1") == [(3, "z-image-turbo")]
    assert sorted(seeds("--day", "2026-05-02")) == [(2, "Other-Model"), (2, "z-image-turbo")]
    assert seeds("--day", "2026-05-02", "--model", "z*") == [(2, "z-image-turbo")]
    assert seeds("--day", "2026-05-04") == []
    assert "0 listed" in cli("results", "--model", "none").err


def test_one_is_saved_by_its_number(cli: Any, home: Path, folder: Path) -> None:
    for day in (1, 2, 3):
        keep(home, str(day), datetime(2026, 5, day), model="a-model", seed=day)

    (line,) = cli("results", "--number", "2", "-o", "saved").lines
    assert re.fullmatch(r"20260502-\d+-a-model-2\.png", Path(line).name)
    (listed,) = cli("results", "--number", "3", "--json").json["results"]
    assert (listed["number"], listed["seed"]) == (3, 1)
    end = cli("results", "--number", "4")
    assert end.code == 2
    assert "--number 4 isn't in the list, which has 3" in end.err


def test_what_was_never_shown_is_found_and_saving_shows_it(cli: Any, kept: Any, home: Path) -> None:
    keep(home, "lost", datetime(2026, 5, 1), seed=1)
    assert [line.split()[-1] for line in cli("results").lines] == ["SEEN", "yes", "yes", "no"]

    (line,) = cli("results", "--unseen", "-o", "saved").lines
    assert Path(line).read_bytes() == PNG
    assert cli("results", "--unseen").lines == []
    assert [each["shown"] for each in cli("results", "--json").json["results"]] == [True] * 3


def test_the_store_is_made_smaller(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ResultCache(home, 64)
    for number in range(4):
        store.put(str(number), Response({}, bytes(2**20), 0.1), {"seed": number})
        os.utime(home / "results" / f"{number}.result", (1000 + number, 1000 + number))
    store.finish_sweep()

    typed = io.StringIO("no\n")
    typed.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", typed)
    end = cli("results", "--limit", "2.5")
    assert end.lines == ["Nothing was deleted."]
    assert "Delete everything beyond 2.5 MB of 4 saved results (4.2 MB)?" in end.err
    end = cli("results", "--limit", "2.5", "--yes")
    assert [line.split()[3] for line in end.lines[1:]] == ["1", "0"]
    assert "Deleted 2 saved results, 2.1 MB" in end.err
    assert {each["seed"] for each in cli("results", "--json").json["results"]} == {2, 3}


def test_a_list_removes_nothing_whatever_the_limit(
    cli: Any, kept: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_STORE_MB", "0.001")
    assert cli("results").code == 0
    assert cli("results", "-o", "saved").code == 0
    assert len(list((home / "results").glob("*.result"))) == 2


def test_it_says_where_unreadable_answers_are(cli: Any, sandbox: Sandbox, home: Path) -> None:
    sandbox.add_fault(Fault.body(b"no picture"))
    end = cli("generate", "a fox", "--verbose")
    assert end.code == 4
    (path,) = (home / "results" / "unreadable").iterdir()
    assert path.read_bytes() == b"no picture"
    assert f"The raw response is saved in {path}." in end.err
    said = cli("results").err
    assert f"Quarantined responses: 1, in {path.parent}" in said
