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


def test_the_image_is_shown_and_what_was_spent_is_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with no_file_over(0):
        end = bench.generate()
    assert end.pictures == 1, end.error
    warning, ledger = end.info["warnings"]
    assert "couldn't be saved on disk (File too large)" in warning
    assert "The charge can't be added to the ledger yet (File too large)." in ledger
    assert "A paid result couldn't be saved" in caplog.text
    assert "A charge can't be added to the ledger yet" in caplog.text
    assert "nothing tells what was in flight" in caplog.text
    assert nothing_is_half_written(bench)
    assert bench.generate().charged == 0.01, "it is asked for, and paid for, again"
    assert bench.generate().charged == 0.0


def test_a_disk_that_fills_up_in_the_middle_of_a_file_leaves_no_part_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with no_file_over(100):
        assert bench.generate(width=512, height=512).pictures == 1
        monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.025")
        end = bench.generate(seed=101)
        assert end.error_name == "SpendingLimitError", "no other process would know of it"
        assert "Not sent. Your daily limit can't be checked (" in end.first_line
        assert end.sent == ()
    assert nothing_is_half_written(bench)

    assert bench.generate(seed=101).charged == 0.01, "now it can be written"
    ledger = bench.pack.venice_client.store.ledger.Ledger(bench.home)
    assert [charge.usd for charge in ledger.since(0.0)] == [0.01, 0.01], "nor is a line lost"
    end = bench.generate(seed=102)
    assert "the $0.02 already spent today" in end.first_line


def test_settings_stay_as_they_were(bench: Bench) -> None:
    client = bench.pack.venice_client
    save_values = client.settings.settings.save_values
    save_values([bench.home], {"VENICE_TIMEOUT": "60"})
    with no_file_over(10), pytest.raises(client.SettingsError, match="Can't save the settings"):
        save_values([bench.home], {"VENICE_TIMEOUT": "70", "VENICE_STORE_MB": "5"})
    assert client.load_settings().timeout == 60
    assert [path.name for path in bench.home.iterdir()] == ["venice.json"]


def test_lists_that_cannot_be_saved_serve_all_the_same(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = bench.pack.venice_client.VeniceClient().catalogue
    with no_file_over(100), caplog.at_level(logging.WARNING):
        catalogue.refresh()
    assert "The model list couldn't be saved (File too large)" in caplog.text
    assert catalogue.models()
    assert list(bench.home.iterdir()) == []


def test_thumbnails_and_copies_are_whole_or_not_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = bench.home / "output"
    output.mkdir()
    page = bench.pack.venice_nodes.page
    monkeypatch.setattr(page.results.comfyui, "image_folder", lambda _kind: output)
    bench.generate(width=640, height=512)
    (key,) = (entry.key for entry in bench.store().entries())
    results = page.results.Results()
    with no_file_over(100):
        assert results.thumbnail(key)
        with pytest.raises(bench.pack.venice_client.VeniceError, match="disk space") as told:
            results.copy([key], "output")
    assert "The image stays saved here." in str(told.value)
    assert list(output.iterdir()) == list((bench.home / "thumbnails").iterdir()) == []
    (picture,) = bench.pack.venice_client.image_result.cached_images(bench.store().peek(key))
    assert (output / results.copy([key], "output")[0]).read_bytes() == picture.data


def test_a_batch_says_what_is_kept(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.status(400), when=lambda sent: sent["seed"] == 101)
    with no_file_over(0):
        end = bench.generate(batch_size=2)
    told = "1 of 2 images arrived; 0 are saved (File too large). The others will be charged again."
    assert told in str(end.error)
