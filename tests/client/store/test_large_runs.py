"""A run that is larger than the store's limit is paid for once, whatever becomes of it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from faulty_sandbox import Fault, Sandbox
from venice_client import EncodedImage, GenerateRequest, Settings, VeniceClient
from venice_client.errors import BadRequestError
from venice_client.settings.api_key import ApiKey
from venice_client.store.result_cache import MB

COUNT = 20


@pytest.fixture
def settings(home: Path, sandbox: Sandbox) -> Settings:
    """A store whose limit is a little over half of a run of COUNT images."""
    other = Settings(home / "elsewhere", ApiKey("test-key"), sandbox.base_url)
    make(VeniceClient(other), [999])
    ((_, _, size),) = VeniceClient(other).results._files()
    return Settings(
        home, ApiKey("test-key"), sandbox.base_url, store_mb=(COUNT + 4) / 2 * size / MB
    )


def make(client: VeniceClient, seeds: list[int], run: str = "") -> list[EncodedImage]:
    """What a batch of these seeds makes; errors are left out."""
    requests = [
        GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=s) for s in seeds
    ]
    batch = client.start(requests, run)
    assert batch.wait(120)
    client.results.finish_sweep()
    return [image for end in batch.outcomes for image in getattr(end, "images", ())]


@pytest.mark.parametrize("run", ["", "a run"])
def test_what_a_failed_run_made_is_free_when_it_is_repeated(
    settings: Settings, sandbox: Sandbox, run: str
) -> None:
    sandbox.add_fault(Fault.status(400), when=lambda sent: sent.get("seed") == COUNT)
    seeds = list(range(1, COUNT + 1))
    before = len(sandbox.charges)
    assert len(make(VeniceClient(settings), seeds, run)) == COUNT - 1
    assert len(sandbox.charges) - before == COUNT - 1

    # After a restart, and with other images generated in between.
    make(VeniceClient(settings), [501, 502], run and "another run")
    again = VeniceClient(settings)
    before = len(sandbox.charges)
    assert len(make(again, seeds, run and "the run again")) == COUNT
    assert len(sandbox.charges) - before == 1

    # A day later, the folder is back within its limit.
    for path in (settings.home / "results").glob("*.result"):
        os.utime(path, (time.time() - 90_000,) * 2)
    make(again, [503, 504], run and "the next run")
    assert again.results.usage()[1] <= settings.store_mb * MB


def test_a_list_of_one_run_that_fails_at_its_end_is_kept_whole(
    settings: Settings, sandbox: Sandbox
) -> None:
    """Each item is a batch of its own."""
    client = VeniceClient(settings)
    for seed in range(1, COUNT):
        make(client, [seed], "a run")
    sandbox.add_fault(Fault.status(400))
    assert make(client, [COUNT], "a run") == []
    again = VeniceClient(replace(settings))
    before = len(sandbox.charges)
    for seed in range(1, COUNT):
        make(again, [seed], "the run again")
    assert len(sandbox.charges) == before


def test_what_cannot_be_read_is_named_in_the_error(settings: Settings, sandbox: Sandbox) -> None:
    client = VeniceClient(settings)
    sandbox.add_fault(Fault.body(b"no picture at all"))
    request = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=7)
    with pytest.raises(Exception, match="may have been charged") as caught:
        client.generate_images(request)
    assert not isinstance(caught.value, BadRequestError)
    (path,) = client.results.unreadable.iterdir()
    assert path.read_bytes() == b"no picture at all"
    assert str(caught.value).endswith(f"The raw response is saved in {path}.")
    assert client.generate_images(request).images
