"""Who asks for the same thing at the same time shares one request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench import Bench, held_until
from faulty_sandbox import Fault
from venice_client import GenerateRequest, ImageResult, Settings, VeniceClient
from venice_client.batch import MAX_THREADS
from venice_client.errors import (
    AuthenticationError,
    RequestCancelledError,
    SpendingLimitError,
    VeniceError,
)
from venice_client.settings.api_key import ApiKey
from venice_client.store.single_flight import SingleFlight
from venice_client.transport.progress import Progress
from venice_client.transport.response import Response
from waiting import wait_for

Followers = Callable[[], int]


def ask(client: VeniceClient, progress: Progress, into: list[object]) -> threading.Thread:
    """Asks in a thread of its own; what comes of it goes `into` the list."""
    request = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=7)

    def run() -> None:
        try:
            into.append(client.generate_images(request, progress))
        except VeniceError as error:
            into.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def is_following(progress: Progress) -> bool:
    return progress.phase == "waiting for an identical request"


@pytest.fixture
def client(bench: Bench) -> VeniceClient:
    settings = Settings(bench.home, ApiKey("test-key"), bench.sandbox.base_url, 60.0)
    made = VeniceClient(settings)
    made.catalogue.refresh()
    return made


@pytest.mark.parametrize("store_mb", ["1024", "0"])
def test_equal_runs_at_once_ask_once(
    bench: Bench, followers: Followers, monkeypatch: pytest.MonkeyPatch, store_mb: str
) -> None:
    monkeypatch.setenv("VENICE_STORE_MB", store_mb)
    bench.sandbox.add_fault(held_until(lambda: followers() == 6), times=None)
    ends = bench.side_by_side(*[partial(bench.generate, batch_size=2)] * 4)
    assert [end.error for end in ends] == [None] * 4
    assert len(bench.sandbox.paid_requests) == 2
    assert sorted(end.info["from_store"] for end in ends) != [0, 0, 0, 0]
    total = sum(end.info["estimated_cost_usd"] for end in ends)
    assert total == pytest.approx(bench.sandbox.charged_usd)


def test_equal_requests_of_a_batch_are_paid_once_without_a_store(bench: Bench) -> None:
    """More of them than a batch has threads: the last begin when the first have ended."""
    key, url = ApiKey("test-key"), bench.sandbox.base_url
    client = VeniceClient(Settings(bench.home, key, url, 60.0, store_mb=0))
    request = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=7)
    batch = client.start([request] * (MAX_THREADS + 8))
    assert batch.wait(60)
    assert [type(outcome) for outcome in batch.outcomes] == [ImageResult] * (MAX_THREADS + 8)
    assert len(bench.sandbox.paid_requests) == 1
    costs = [outcome.cost for outcome in batch.outcomes if isinstance(outcome, ImageResult)]
    assert sum(cost or 0.0 for cost in costs) == pytest.approx(bench.sandbox.charged_usd)


def test_overlapping_batches_share_what_is_equal(bench: Bench, followers: Followers) -> None:
    bench.sandbox.add_fault(held_until(lambda: followers() == 2), times=None)
    runs = [partial(bench.generate, seed=seed, batch_size=4) for seed in (100, 102)]
    ends = bench.side_by_side(*runs)
    assert [end.pictures for end in ends] == [4, 4]
    assert sorted(request.json["seed"] for request in bench.sandbox.paid_requests) == [
        100,
        101,
        102,
        103,
        104,
        105,
    ]


def test_an_error_is_shared(bench: Bench, followers: Followers) -> None:
    bench.sandbox.add_fault(held_until(followers, Fault.status(422)))
    ends = bench.side_by_side(bench.generate, bench.generate)
    assert [end.error_name for end in ends] == ["UnprocessableError", "UnprocessableError"]
    assert len(bench.sandbox.paid_requests) == 1
    assert bench.generate().pictures == 1


def test_who_shares_an_error_has_one_of_their_own(bench: Bench, followers: Followers) -> None:
    """A node of a list names its item in it."""
    bench.sandbox.add_fault(held_until(followers, Fault.status(422)))
    ends = bench.side_by_side(bench.generate, bench.generate)
    first, second = (end.error for end in ends)
    assert first is not None
    assert second is not None
    assert len(bench.sandbox.paid_requests) == 1
    assert first is not second
    assert vars(first) == vars(second)
    first.name_item("(the first)")  # type: ignore[attr-defined]
    assert "(the first)" not in str(second)


def test_a_limit_of_the_leader_is_not_the_followers() -> None:
    """The leader's run has spent its money; the follower's has not."""
    flights, leads, refused = SingleFlight(), threading.Event(), threading.Event()
    following, answers, errors = Progress(), list[object](), list[object]()

    def send() -> Any:
        leads.set()
        refused.wait(60)
        raise SpendingLimitError("Not sent. Your limit is $5.00 per run.")

    def lead() -> None:
        try:
            flights.do("a", Progress(), send)
        except SpendingLimitError as error:
            errors.append(error)

    def follow() -> None:
        answers.append(flights.do("a", following, lambda: Response({}, b"made", 0.1)))

    threads = [threading.Thread(target=lead, daemon=True)]
    threads[0].start()
    assert leads.wait(60)
    threads.append(threading.Thread(target=follow, daemon=True))
    threads[1].start()
    wait_for(lambda: is_following(following))
    refused.set()
    for thread in threads:
        thread.join(60)

    assert len(errors) == 1
    assert answers == [Response({}, b"made", 0.1)]


def test_a_lost_answer_is_not_asked_again_by_the_one_who_waits(
    bench: Bench, followers: Followers
) -> None:
    bench.sandbox.add_fault(held_until(followers, Fault.reset(charge=True)))
    ends = bench.side_by_side(bench.generate, bench.generate)
    assert [end.error_name for end in ends] == ["ResponseLostError", "ResponseLostError"]
    assert len(bench.sandbox.charges) == 1


def test_a_leader_dropped_before_sending_makes_room_for_the_follower(
    bench: Bench, client: VeniceClient
) -> None:
    bench.sandbox.add_fault(Fault.status(500, headers={"Retry-After": "30"}))
    leading, following = Progress(), Progress()
    outcomes: list[object] = []
    first = ask(client, leading, outcomes)
    wait_for(lambda: "try again" in leading.phase, 20)
    second = ask(client, following, outcomes)
    wait_for(lambda: is_following(following))
    leading.cancel()
    second.join(60)
    first.join(60)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "ImageResult",
        "RequestCancelledError",
    ]
    assert len(bench.sandbox.charges) == 1


def test_a_leader_dropped_on_its_way_brings_the_answer_all_the_same(
    bench: Bench, client: VeniceClient
) -> None:
    leading, following, outcomes = Progress(), Progress(), list[object]()
    bench.sandbox.add_fault(held_until(lambda: is_following(following)))
    first = ask(client, leading, outcomes)
    wait_for(lambda: bench.sandbox.paid_requests)
    leading.cancel()
    second = ask(client, following, outcomes)
    second.join(60)
    first.join(60)
    assert len(bench.sandbox.paid_requests) == 1
    assert [getattr(outcome, "from_store", None) for outcome in outcomes] in (
        [False, True],
        [True, False],
    )


def test_a_follower_can_be_dropped_alone(bench: Bench, client: VeniceClient) -> None:
    following, outcomes = Progress(), list[object]()
    bench.sandbox.add_fault(held_until(lambda: outcomes))
    first = ask(client, Progress(), outcomes)
    wait_for(lambda: bench.sandbox.paid_requests)
    second = ask(client, following, outcomes)
    wait_for(lambda: is_following(following))
    following.cancel()
    second.join(60)
    first.join(60)
    assert isinstance(outcomes[0], RequestCancelledError), "the one who was dropped ends first"
    assert not isinstance(outcomes[1], VeniceError)


def test_sixty_threads_for_ten_things_send_ten() -> None:
    """Also where answers come so fast that flights begin and end all the time."""
    flights, sent, lock = SingleFlight(), list[str](), threading.Lock()
    kept: dict[str, object] = {}

    def get(key: str) -> None:
        def send() -> object:
            if key in kept:
                return kept[key]
            with lock:
                sent.append(key)
            time.sleep(0.01)
            kept[key] = key
            return key

        response = flights.do(key, Progress(), send)  # type: ignore[arg-type]
        assert response == key  # type: ignore[comparison-overlap]

    threads = [threading.Thread(target=get, args=(str(i % 10),)) for i in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == [str(i) for i in range(10)]


@pytest.mark.parametrize("other", [{"key": ApiKey("poor-key")}, {"home": Path("another-home")}])
def test_clients_with_another_key_or_home_send_their_own(
    bench: Bench, client: VeniceClient, tmp_path: Path, other: dict[str, Any]
) -> None:
    """A key without a balance fails alone, and each home gets the image that it paid for."""
    home = tmp_path / other.get("home", client.settings.home)
    second = VeniceClient(replace(client.settings, **{**other, "home": home}))
    following, outcomes, others = Progress(), list[object](), list[object]()
    bench.sandbox.add_fault(held_until(lambda: others or is_following(following)))
    first = ask(client, Progress(), outcomes)
    wait_for(lambda: bench.sandbox.paid_requests)
    ask(second, following, others).join(60)
    first.join(60)
    assert [type(outcome) for outcome in outcomes] == [ImageResult]
    expected = AuthenticationError if "key" in other else ImageResult
    assert [type(outcome) for outcome in others] == [expected]
    homes = {client.settings.home, home}
    assert all(len(list(folder.glob("results/*.result"))) == 1 for folder in homes)
    assert len(bench.sandbox.charges) == len(homes)
