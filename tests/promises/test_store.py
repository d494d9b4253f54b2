"""The store of paid results: what is in it is shown, never anything else, whatever happens."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import KEY, Bench, held_until
from fault_table import picture
from faulty_sandbox import Fault, Sandbox
from venice_client import BadResponseError, GenerateRequest, VeniceClient
from venice_client.errors import StoreError
from venice_client.files import HELD
from venice_client.store import cache_evictor
from venice_client.store.cache_evictor import SWEEP_EVERY
from venice_client.store.result_cache import ResultCache
from venice_client.transport.response import Response

ROOT = Path(__file__).resolve().parents[2]
MB = 1_000_000

# Writes entries whose body says which they are, without end; the parent kills it.
WRITER = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from venice_client.transport.response import Response
from venice_client.store.result_cache import ResultCache
store = ResultCache(Path(sys.argv[2]), 64)
print("ready", flush=True)
number = int(sys.argv[3])
while True:
    key = hashlib.sha256(str(number % 40).encode()).hexdigest()
    body = (key * 16384)[: 700_000 + number % 999]
    store.put(key, Response({"content-type": "image/png"}, body.encode(), 0.1), {"seed": number})
    number += 1
"""

# Reads what others write and sweep at the same time, for a while and until there was something;
# ends with how often it was right.
READER = """
import hashlib, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from venice_client.store.result_cache import ResultCache
store, hits, end = ResultCache(Path(sys.argv[2]), 64), 0, time.monotonic() + float(sys.argv[3])
while not hits or time.monotonic() < end:
    for number in range(40):
        key = hashlib.sha256(str(number).encode()).hexdigest()
        response = store.get(key)
        if response is not None:
            assert response.body.startswith(key.encode()) and len(response.body) >= 700_000
            hits += 1
print(hits)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(ROOT), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


def put(store: ResultCache, key: str, size: int = 1000) -> None:
    put_response(store, key, Response({"content-type": "image/png"}, bytes(size), 0.1))


def sweep(home: Path, max_mb: float) -> None:
    """What a put brings with it, of a process whose limit is so much."""
    cache_evictor.CacheEvictor(home / "results", int(max_mb * MB)).sweep()


def put_response(store: ResultCache, key: str, response: Response) -> None:
    assert store.put(key, response, {"seed": 1}) == ""
    assert key in store


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_kill_in_mid_write_leaves_no_damaged_entry(home: Path, is_long: bool) -> None:
    """kill -9 at any moment: every entry is whole or not there, and leftovers go in time."""
    chance = random.Random(5)
    for turn in range(100 if is_long else 4):
        writer = start(WRITER, home, turn * 1000)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.15))
        writer.kill()
        writer.wait()
        writer.stdout.close()

        files = list((home / "results").iterdir())
        store = ResultCache(home, 64)
        whole = store.entries()
        assert len(whole) == sum(file.suffix == ".result" for file in files)
        for entry in whole:
            response = store.get(entry.key)
            assert response is not None
            assert response.body.startswith(entry.key.encode())
    leftovers = list((home / "results").glob(".aside-*"))
    print(f"{len(leftovers)} half-written files were left behind by {turn + 1} kills")

    # As they would be by the next day.
    for file in leftovers:
        os.utime(file, (time.time() - 7200, time.time() - 7200))
    sweep(home, 64)
    assert not list((home / "results").glob(".aside-*"))


def test_another_process_that_writes_now_is_not_swept_away(home: Path) -> None:
    folder = home / "results"
    folder.mkdir()
    (folder / ".aside-abc").write_bytes(b"half")
    sweep(home, 64)
    assert (folder / ".aside-abc").exists()


@pytest.mark.long
def test_processes_share_a_store(home: Path, is_long: bool) -> None:
    """Two write and sweep, two read: a reader sees whole entries or none, and nobody fails."""
    seconds = 20.0 if is_long else 1.0
    writers = [start(WRITER, home, first) for first in (0, 17)]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    readers = [start(READER, home, seconds) for _ in range(2)]
    told = [reader.communicate(timeout=seconds + 120)[0] for reader in readers]
    assert [writer.poll() for writer in writers] == [None, None], "a writer failed"
    for writer in writers:
        writer.kill()
        writer.communicate()
    assert all(int(hits) > 0 for hits in told)


GENERATING = """
import sys
sys.path.insert(0, sys.argv[1])
from venice_client import BadResponseError, GenerateRequest, VeniceClient
client, free = VeniceClient(), 0
for seed in range(1, int(sys.argv[2]) + 1):
    request = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=seed)
    free += client.generate_images(request).from_store
print(free)
"""


@pytest.mark.long
def test_two_processes_generate_from_one_store(bench: Bench) -> None:
    """Each shows all images; what one has kept is free for the other."""
    first = start(GENERATING, 12)
    second = start(GENERATING, 12)
    free = [int(process.communicate(timeout=120)[0]) for process in (first, second)]
    assert len(bench.sandbox.paid_requests) + sum(free) == 24
    third = start(GENERATING, 12)
    assert int(third.communicate(timeout=120)[0]) == 12
    assert bench.sandbox.charged_usd == pytest.approx(0.01 * (24 - sum(free)))


@pytest.mark.parametrize("damage", ["flipped", "cut", "longer", "empty", "other version"])
def test_a_damaged_entry_is_set_aside_and_asked_again(bench: Bench, damage: str) -> None:
    shown = bench.generate().tensor
    (path,) = bench.entries
    whole = path.read_bytes()
    places = [0, 5, 14, 16, 40, 80, 90, 145, 146, 147, 160, len(whole) // 2, len(whole) - 1]
    for place in places if damage == "flipped" else [3]:
        harm = bytearray(whole)
        if damage == "flipped":
            harm[place] ^= 0x20
        harmed = {
            "flipped": bytes(harm),
            "cut": whole[:-1],
            "longer": whole + b"\n",
            "empty": b"",
            "other version": whole.replace(b"venice-result 2 ", b"venice-result 3 ", 1),
        }[damage]
        path.write_bytes(harmed)
        end = bench.generate()
        assert end.error is None, end.error
        assert len(end.sent) == 1, f"shown in spite of the damage at byte {place}"
        assert bool((end.tensor == shown).all())
        assert bench.generate().sent == ()
        aside = [path.read_bytes() for path in bench.store().unreadable.iterdir()]
        assert harmed in aside


def test_an_entry_of_odd_json_with_a_right_checksum_counts_as_none(home: Path) -> None:
    store = ResultCache(home, 64)
    key = "a" * 64
    for head in (b"[]", b"5", b"{}", b'{"headers": [], "time": 1}', b'{"headers": {}, "time": []}'):
        put(store, key)
        rest = head + b"\npicture"
        line = f"venice-result 1 {hashlib.sha256(rest).hexdigest()}\n".encode()
        (home / "results" / f"{key}.result").write_bytes(line + rest)
        assert store.entries() == []
        assert store.get(key) is None
        assert not (home / "results" / f"{key}.result").exists()


def test_the_least_recently_used_go_first(home: Path) -> None:
    store = ResultCache(home, 64)
    for number in range(5):
        put(store, str(number), MB)
        path = home / "results" / f"{number}.result"
        os.utime(path, (1000 + number, 1000 + number))
    assert store.get("0") is not None  # used now, so no longer the oldest

    sweep(home, 3.5)

    assert {entry.key for entry in store.entries()} == {"0", "3", "4"}


def test_what_was_generated_in_the_last_day_stays(home: Path) -> None:
    store = ResultCache(home, 64)
    for number in range(5):
        put(store, str(number), MB)
    sweep(home, 2.6)
    assert store.usage()[0] == 5
    sweep(home, 2.4)
    assert store.usage()[0] == 4, "but not beyond twice the limit"


def test_it_sweeps_every_so_many_writes(home: Path) -> None:
    store = ResultCache(home, 1.005)
    put(store, "first", 100)
    store.finish_sweep()
    for number in range(10):
        other = ResultCache(home, 1.005)
        put(other, f"of others {number}", MB // 10)
        other.finish_sweep()
    for path in (home / "results").iterdir():
        os.utime(path, (time.time() - 90_000,) * 2)
    for number in range(SWEEP_EVERY - 1):
        put(store, str(number), 100)
    store.finish_sweep()
    assert len(store.entries()) == 10 + SWEEP_EVERY
    put(store, "last", 100)
    store.finish_sweep()
    left = store.entries()
    assert sum(entry.size for entry in left) <= 1.005 * MB
    assert "last" in {entry.key for entry in left}


def test_it_sweeps_once_much_was_written(home: Path) -> None:
    """Few answers may be large: 49 of 256 MiB would be 12 GiB."""
    store = ResultCache(home, 5)
    for number in range(SWEEP_EVERY - 1):
        put(store, str(number), MB // 2)
        store.finish_sweep()
        assert store.usage()[1] <= 11 * MB
    assert len(store.entries()) > 15


def test_writes_side_by_side_are_all_counted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting, sweeps = cache_evictor.CacheEvictor(home, 2**30), list[int]()
    monkeypatch.setattr(counting, "_start", lambda: start_sweep(counting, sweeps))
    threads = [
        threading.Thread(target=lambda: [counting.count(1) for _ in range(2500)]) for _ in range(4)
    ]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(sweeps) == 1 + (10_000 - 1) // SWEEP_EVERY


def start_sweep(counting: cache_evictor.CacheEvictor, sweeps: list[int]) -> None:
    """Starts one without a thread."""
    sweeps.append(1)
    counting._writes, counting._has_swept = 0, True


def test_what_was_just_paid_for_outlives_a_clock_that_is_set_back(home: Path) -> None:
    """Of another process and of this one; also where entries seem to be of tomorrow."""
    for number in range(3):
        put(ResultCache(home, 64), str(number), MB)
    tomorrow = time.time() + 86_400
    for path in (home / "results").iterdir():
        os.utime(path, (tomorrow, tomorrow))
    sweep(home, 1.25)
    store = ResultCache(home, 1.25)
    assert len(store.entries()) == 2

    for name in ("new", "newer"):
        put(store, name, MB)
        store.finish_sweep()
    sweep(home, 1.25)
    assert {entry.key for entry in store.entries()} == {"new", "newer"}
    for path in (home / "results").iterdir():
        os.utime(path, (tomorrow, tomorrow) if path.stem == "new" else None)
    assert store.get("newer") is not None

    sweep(home, 0.75)

    assert {entry.key for entry in store.entries()} == {"newer"}


def test_what_seems_to_be_of_tomorrow_grows_old_from_now_on(home: Path) -> None:
    """Another process put it before the clock was set back; for a day it would seem the newest."""
    for name in ("of tomorrow", "used since"):
        put(ResultCache(home, 64), name, MB)
    tomorrow = time.time() + 86_400
    os.utime(home / "results" / "of tomorrow.result", (tomorrow, tomorrow))
    sweep(home, 64)
    store = ResultCache(home, 64)
    time.sleep(0.05)
    assert store.get("used since") is not None

    sweep(home, 0.75)

    assert [entry.key for entry in store.entries()] == ["used since"]


def test_a_size_of_0_keeps_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_STORE_MB", "0")
    for _ in range(2):
        assert len(bench.generate().sent) == 1
    assert bench.entries == []
    assert not (bench.home / "results").exists()


def test_a_size_of_0_removes_nothing_that_was_kept_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.generate()
    monkeypatch.setenv("VENICE_STORE_MB", "0")
    bench.sandbox.add_fault(Fault.body(b"no picture"))
    assert bench.generate().error_name == "BadResponseError"
    bench.sandbox.add_fault(Fault.body(damaged_picture()))
    assert bench.generate().error_name == "BadResponseError"
    assert len(bench.entries) == 1

    monkeypatch.delenv("VENICE_STORE_MB")
    assert bench.generate().sent == ()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_the_folder_is_for_the_user_alone(bench: Bench) -> None:
    bench.generate()
    assert stat.S_IMODE((bench.home / "results").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in bench.entries)


def test_no_key_and_no_prompt_in_names_and_facts(bench: Bench) -> None:
    secret = "a prompt that nobody else may read"
    bench.generate(prompt=secret, negative_prompt="nor this one", batch_size=2)
    assert len(bench.entries) == 2
    for path in bench.entries:
        head = path.read_bytes().split(b"\n")[1]
        facts = json.loads(head)
        for words in (secret, "nor this one", KEY):
            assert words not in path.name
            assert words not in json.dumps(facts)
            assert words.encode() not in path.read_bytes()


def test_the_enhanced_prompt_is_not_kept_in_clear(bench: Bench) -> None:
    end = bench.generate(enhance_prompt=True)
    assert end.info["enhanced_prompt"]
    from urllib.parse import quote

    for path in bench.entries:
        for words in (end.info["enhanced_prompt"], quote(end.info["enhanced_prompt"])):
            assert words.encode() not in path.read_bytes()


def test_one_service_is_never_shown_for_another(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox, a base URL and another base URL each ask for themselves; a key does not."""
    assert len(bench.generate().sent) == 1
    with Sandbox(keys=(KEY, "other-key")) as other:
        monkeypatch.setenv("VENICE_API_BASE", other.base_url)
        assert bench.generate().info["from_store"] == 0
        assert len(other.paid_requests) == 1
        monkeypatch.setenv("VENICE_API_KEY", "other-key")
        assert bench.generate().info["from_store"] == 1
    monkeypatch.setenv("VENICE_API_KEY", "sandbox")
    assert bench.generate().info["from_store"] == 0
    assert bench.generate().info["from_store"] == 1
    monkeypatch.setenv("VENICE_API_KEY", KEY)
    monkeypatch.setenv("VENICE_API_BASE", bench.sandbox.base_url + "/")
    assert bench.generate().info["from_store"] == 1
    assert len(bench.entries) == 3


@pytest.mark.parametrize("trouble", ["a file where the folder should be", "a full disk"])
def test_an_image_that_cannot_be_kept_is_shown(
    bench: Bench,
    trouble: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if trouble == "a full disk":

        def no_space(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", no_space)
    else:
        (bench.home / "results").write_bytes(b"")
    end = bench.generate()
    assert end.error is None, end.error
    assert end.pictures == 1
    assert "couldn't be saved" in caplog.text
    (warning,) = end.info["warnings"]
    why = "File exists" if trouble != "a full disk" else "No space left on device"
    assert f"couldn't be saved on disk ({why})" in warning
    assert "charge you again" in warning
    assert end.texts[-1].endswith(warning)


def test_who_shares_an_answer_that_is_not_kept_is_told_so_too(
    bench: Bench, followers: Callable[[], int]
) -> None:
    (bench.home / "results").write_bytes(b"")
    bench.sandbox.add_fault(held_until(followers))
    ends = bench.side_by_side(bench.generate, bench.generate)
    assert len(bench.sandbox.paid_requests) == 1
    for end in ends:
        assert "couldn't be saved on disk" in end.info["warnings"][0]


def test_an_error_of_a_batch_does_not_promise_what_is_not_kept(bench: Bench) -> None:
    (bench.home / "results").write_bytes(b"")
    bench.sandbox.add_fault(Fault.status(400), when=lambda sent: sent["seed"] == 101)
    end = bench.generate(batch_size=3)
    assert end.error_name == "BatchError"
    told = str(end.error).splitlines()[1]
    assert told.startswith("2 of 3 images arrived; 0 are saved (")
    assert told.endswith("). The others will be charged again.")
    assert bench.generate(batch_size=3).charged == pytest.approx(0.03)


def test_a_store_that_may_only_be_read_still_shows_what_it_has(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as on a disk mounted read-only, or of another user: not paid for again."""
    bench.generate()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    assert bench.generate().sent == ()
    assert len(bench.entries) == 1


def hold_entries(patch: pytest.MonkeyPatch, tries: int, number: int = 13) -> list[Path]:
    """Another program holds the entries for so many tries to open one; answers those tries."""
    opened, tried = Path.open, list[Path]()

    def busy(path: Path, *args: Any, **more: Any) -> Any:
        if path.suffix == ".result":
            tried.append(path)
            if len(tried) <= tries:
                raise OSError(number, "used by another process")
        return opened(path, *args, **more)

    patch.setattr(Path, "open", busy)
    return tried


def test_what_is_paid_for_and_cannot_be_read_is_not_asked_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virus scanner that holds the file, too many open files: it is not damaged."""
    bench.generate(batch_size=2)
    with monkeypatch.context() as patch:
        hold_entries(patch, tries=1000)
        end = bench.generate(batch_size=2)
    assert end.error_name == "BatchError", repr(end.error)
    assert end.sent == ()
    assert "can't be read right now (used by another process)" in end.first_line
    assert any(str(path) in str(end.error) for path in bench.entries)
    again = bench.generate(batch_size=2)
    assert again.sent == ()
    assert again.pictures == 2


def test_what_was_never_paid_for_is_not_told_as_paid(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too many files open, nothing can be opened: there may be nothing to open either."""
    store = ResultCache(home, 64)
    put_response(store, "a", Response({}, picture(), 0.0))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    hold_entries(monkeypatch, tries=1000, number=errno.EMFILE)
    assert store.get("b") is None
    with pytest.raises(StoreError, match="already paid"):
        store.get("a")


@pytest.mark.parametrize("number", sorted(HELD))
def test_a_file_that_is_held_for_a_moment_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    bench.generate()
    tried = hold_entries(monkeypatch, 3, number)
    end = bench.generate()
    assert end.error is None, end.error
    assert end.sent == ()
    assert len(tried) == 5, "four to read it, one to note that it was shown"


def test_a_new_file_that_is_held_for_a_moment_is_kept_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, tries = Path.replace, list[Path]()
    number = errno.EACCES if sys.platform == "win32" else errno.EBUSY

    def busy(path: Path, target: Path) -> Path:
        if target.suffix == ".result":
            tries.append(path)
            if len(tries) < 4:
                raise OSError(number, "used by another process")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", busy)
        assert bench.generate().pictures == 1
    assert len(tries) == 4
    assert len(set(tries)) == 1, "a scanner opens every new file"
    assert bench.generate().sent == ()
    assert not list((bench.home / "results").glob(".aside-*"))


def damaged_picture() -> bytes:
    """Whole by its head and its end: that its pixels are not shows when it is decoded."""
    webp = bytearray(picture(200, 200, "WEBP"))
    webp[40:] = bytes(len(webp) - 40)
    return bytes(webp)


def test_who_reads_a_damaged_answer_late_leaves_the_good_one_that_came_since(home: Path) -> None:
    store = ResultCache(home, 64)
    bad, good = Response({}, damaged_picture(), 0.0), Response({}, picture(), 0.0)
    put_response(store, "a", good)
    store.quarantine("a", bad.checksum)
    assert store.get("a") == replace(good, from_store=True)
    put_response(store, "a", bad)
    store.quarantine("a", bad.checksum)
    assert store.get("a") is None


def test_an_image_that_is_damaged_is_set_aside_once(bench: Bench) -> None:
    client = VeniceClient()
    request = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=7)
    bench.sandbox.add_fault(Fault.body(damaged_picture()))
    first, late = client.generate_images(request), client.generate_images(request)
    assert late.from_store
    client.discard(first, BadResponseError("damaged"))
    good = client.generate_images(request)
    assert not good.from_store

    client.discard(late, BadResponseError("damaged"))

    assert client.generate_images(request).from_store
    client.discard(good, BadResponseError("damaged"))
    assert not client.generate_images(request).from_store


def test_the_error_of_a_damaged_image_names_its_file(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.body(damaged_picture()))
    end = bench.generate()
    (path,) = bench.store().unreadable.iterdir()
    assert path.read_bytes() == damaged_picture()
    assert f"The raw response is saved in {path}." in str(end.error)


def test_what_a_node_shows_is_noted_as_shown(bench: Bench) -> None:
    bench.generate()
    bench.generate(seed=200)
    client = VeniceClient()
    client.generate_images(GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=7))
    shown = {entry.facts["seed"]: entry.was_shown for entry in bench.store().entries()}
    assert shown == {100: True, 200: True, 7: False}
