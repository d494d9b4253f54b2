"""A full disk: nothing is half-written or lost silently, and what was paid for is shown."""

from __future__ import annotations

import logging

import pytest

from bench import Bench
from faulty_sandbox import Fault
from full_disk import HAS_LIMIT, no_file_over

pytestmark = pytest.mark.skipif(not HAS_LIMIT, reason="this system has no such limit")


def nothing_is_half_written(bench: Bench) -> bool:
    return not bench.entries and not list((bench.home / "results").glob(".aside-*"))


def test_the_picture_is_shown_and_what_was_spent_is_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with no_file_over(0):
        end = bench.generate()
    assert end.pictures == 1, end.error
    (warning,) = end.info["warnings"]
    assert "could not be kept on disk (File too large)" in warning
    assert "A paid result could not be kept on disk" in caplog.text
    assert "What was spent cannot be written down" in caplog.text
    assert "A request on its way cannot be noted on disk" in caplog.text
    assert nothing_is_half_written(bench)
    assert bench.generate().charged == 0.01, "it is asked for, and paid for, again"
    assert bench.generate().charged == 0.0


def test_a_disk_that_fills_up_in_the_middle_of_a_file_leaves_no_part_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.015")
    with no_file_over(100):
        assert bench.generate(width=512, height=512).pictures == 1
    assert nothing_is_half_written(bench)
    assert "cannot be written down (No space left" in caplog.text
    end = bench.generate(seed=101)
    assert end.error_name == "SpendingLimitError", "what could not be written down counts here"
    assert "on top of 0.01 USD before it today" in end.first_line
    monkeypatch.delenv("VENICE_MAX_USD_PER_DAY")
    assert bench.generate(seed=101).charged == 0.01
    ledger = bench.pack.venice_client.store.ledger.Ledger(bench.home)
    assert [charge.usd for charge in ledger.since(0.0)] == [0.01], "a torn line harms no other"


def test_settings_stay_as_they_were(bench: Bench) -> None:
    client = bench.pack.venice_client
    save_values = client.settings.settings.save_values
    save_values([bench.home], {"VENICE_TIMEOUT": "60"})
    with no_file_over(10), pytest.raises(client.SettingsError, match="cannot be saved"):
        save_values([bench.home], {"VENICE_TIMEOUT": "70", "VENICE_STORE_MB": "5"})
    assert client.load_settings().timeout == 60
    assert [path.name for path in bench.home.iterdir()] == ["venice.json"]


def test_lists_that_cannot_be_saved_serve_all_the_same(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = bench.pack.venice_client.VeniceClient().catalogue
    with no_file_over(100), caplog.at_level(logging.WARNING):
        catalogue.refresh()
    assert "The model list could not be saved (File too large)" in caplog.text
    assert catalogue.models()
    assert list(bench.home.iterdir()) == []


def test_thumbnails_and_copies_are_whole_or_not_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = bench.home / "output"
    output.mkdir()
    page = bench.pack.venice_nodes.page
    monkeypatch.setattr(page.results.comfyui, "picture_folder", lambda _kind: output)
    bench.generate(width=640, height=512)
    (key,) = (entry.key for entry in bench.store().entries())
    results = page.results.Results()
    with no_file_over(100):
        assert results.thumbnail(key)
        with pytest.raises(bench.pack.venice_client.VeniceError, match="make room there") as told:
            results.copy(key, "output")
    assert "It stays among the results" in str(told.value)
    assert list(output.iterdir()) == list((bench.home / "thumbnails").iterdir()) == []
    (picture,) = bench.pack.venice_client.image_result.kept_images(bench.store().peek(key))
    assert (output / results.copy(key, "output")).read_bytes() == picture.data


def test_a_batch_says_what_is_kept(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.status(400), when=lambda sent: sent["seed"] == 101)
    with no_file_over(0):
        end = bench.generate(batch_size=2)
    assert "1 of 2 made, 0 kept (File too large)" in end.first_line
