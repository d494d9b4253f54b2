"""A canary key: it goes into the Authorization header and nowhere else."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from faulty_sandbox import Fault, Sandbox
from venice_client import GenerateRequest, Progress, Settings, VeniceClient
from venice_client.errors import SettingsError, VeniceError
from venice_client.settings.api_key import ApiKey
from venice_client.transport.transport import Transport
from waiting import wait_for

CANARY = "vn-canary-9f8e7d6c5b4a39281706"
MakeClient = Callable[..., VeniceClient]
RequestFor = Callable[..., GenerateRequest]


@pytest.fixture
def sandbox() -> object:
    with Sandbox(keys=(CANARY,)) as running:
        yield running


@pytest.fixture
def client(
    sandbox: Sandbox, make_client: MakeClient, request: pytest.FixtureRequest
) -> VeniceClient:
    """A client with the canary for its key, which does not wait for long for what hangs."""
    timeout = 1.0 if "hang" in request.node.name else 60.0
    return make_client(sandbox.base_url, key=CANARY, store_mb=10.0, timeout=timeout)


def told_by(error: BaseException) -> str:
    """Everything that an error shows of itself and of what it came from."""
    parts = [str(error), repr(error), repr(error.args), repr(vars(error))]
    return "\n".join([*parts, *traceback.format_exception(error)])


def written_in(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_an_empty_key_is_none(make_client: MakeClient, sandbox: Sandbox, home: Path) -> None:
    with pytest.raises(SettingsError, match="No Venice API key"):
        make_client(sandbox.base_url, key=" ")
    with pytest.raises(SettingsError, match="No Venice API key"):
        VeniceClient(Settings(home, key=ApiKey(CANARY)), key="")


ECHO = {"Authorization": f"Bearer {CANARY}"}
FAULTS = {
    "echo": Fault.echo_key(),
    "words": Fault.status(400, {"error": f"Bad key {CANARY}", "code": CANARY}),
    "fields": Fault.status(400, {"error": "x", "details": {CANARY: {"_errors": [CANARY]}}}),
    "issues": Fault.status(422, {"error": "x", "issues": [{"path": [CANARY], "message": CANARY}]}),
    "page": Fault.status(502, body=f"key={CANARY}".encode()),
    "long page": Fault.status(502, body=b"x" * 990 + CANARY.encode()),
    "very long page": Fault.status(502, body=b"x" * (64 * 1024 - 10) + CANARY.encode()),
    "headers": Fault.status(410, headers={"x-venice-deprecated-replacement": CANARY, **ECHO}),
    "request id": Fault.status(403, headers={"x-request-id": CANARY, "cf-ray": CANARY}),
    "redirect": Fault.redirect(f"https://{CANARY}.example/?key={CANARY}"),
    "rate limit": Fault.status(429, {"error": CANARY}, headers={"retry-after": "3600"}),
    "no JSON": Fault.body(CANARY.encode() * 5, "application/json"),
    "no picture": Fault.body(CANARY.encode() * 5, "image/png"),
    "reset": Fault.reset(),
    "hang": Fault.hang(90),
    "retries": Fault.status(500, {"error": CANARY}),
}


@pytest.mark.long
@pytest.mark.parametrize("variants", [1, 2])
@pytest.mark.parametrize("name", FAULTS)
def test_no_error_and_no_log_line_holds_the_key(
    name: str,
    variants: int,
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    caplog: pytest.LogCaptureFixture,
    home: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.add_fault(FAULTS[name], times=None)
    with pytest.raises(VeniceError) as caught:
        client.generate_images(request_for(variants=variants))
    assert CANARY not in told_by(caught.value).replace(CANARY.upper(), CANARY)
    assert CANARY[:12] not in told_by(caught.value)
    assert CANARY not in caplog.text
    assert CANARY.encode() not in written_in(home)
    sent = wait_for(lambda: sandbox.paid_requests)
    assert sent[0].headers["authorization"] == f"Bearer {CANARY}"


def behind(error: BaseException) -> Iterator[tuple[str, str | bytes]]:
    """Every text that can be reached from an error, with the way there.

    The ways are what it came from, its attributes, and what the functions it went through held
    when it was raised, which some reports of errors show. The transport outlives the error, and
    its connections remember what came last; the key itself lies in its ApiKey.
    """
    waiting: list[tuple[str, object]] = [(type(error).__name__, error)]
    seen: set[int] = set()
    while waiting:
        way, thing = waiting.pop()
        if isinstance(thing, str | bytes):
            yield way, thing
            continue
        if id(thing) in seen or isinstance(thing, ModuleType | type | FunctionType | Transport):
            continue
        seen.add(id(thing))
        if isinstance(thing, BaseException):
            waiting += [(f"{way}.__cause__", thing.__cause__), (f"{way}.args", thing.args)]
            waiting += [(f"{way}.__context__", thing.__context__)]
            for frame, _ in traceback.walk_tb(thing.__traceback__):
                if Path(frame.f_code.co_filename) != Path(__file__):
                    waiting.append((f"{way} in {frame.f_code.co_name}()", dict(frame.f_locals)))
        if isinstance(thing, dict):
            waiting += [(f"{way}[{name!r}]", value) for name, value in thing.items()]
            waiting += [(f"a name in {way}", name) for name in thing]
        elif isinstance(thing, list | tuple | set | deque):
            waiting += [(f"{way}[]", value) for value in thing]
        waiting += [
            (f"{way}.{name}", value) for name, value in getattr(thing, "__dict__", {}).items()
        ]


@pytest.mark.long
@pytest.mark.parametrize("name", [*FAULTS, "cancelled", "refused"])
def test_nothing_behind_an_error_holds_the_key(
    name: str,
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    progress = Progress()
    client.catalogue.refresh()
    if name == "refused":
        sandbox.stop()
    elif name == "cancelled":
        real = client._transport._adapter.send

        def drop_and_send(*args: Any, **kwargs: Any) -> Any:
            progress.cancel()
            return real(*args, **kwargs)

        monkeypatch.setattr(client._transport._adapter, "send", drop_and_send)
    else:
        sandbox.add_fault(FAULTS[name], times=None)
    with pytest.raises(VeniceError) as caught:
        client.generate_images(request_for(), progress)
    held = [way for way, text in behind(caught.value) if CANARY in as_text(text)]
    assert not held, "\n".join(held)


def as_text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")


def test_a_key_that_comes_back_with_the_image_goes_nowhere(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, home: Path
) -> None:
    extra = {
        "x-request-id": CANARY,
        "x-venice-enhanced-prompt": f"a%20fox%20{CANARY}",
        "x-venice-model-deprecation-warning": CANARY,
        "x-venice-deprecated": "true",
        "x-debug": CANARY,
        "content-encoding": CANARY,
    }
    sandbox.add_fault(Fault.headers(extra), times=None)
    for variants in (1, 2):
        result = client.generate_images(request_for(variants=variants))
        assert CANARY not in repr(result)
        assert all(CANARY.encode() not in image.data for image in result.images)
    told = {"id": CANARY, "images": ["x"], "timing": {CANARY: 1}}
    whole = client.generate_images(request_for(variants=3))

    told["images"] = [base64.b64encode(image.data).decode() for image in whole.images]
    sandbox.clear_faults()
    sandbox.add_fault(Fault.body(json.dumps(told).encode(), "application/json"))
    assert CANARY not in repr(client.generate_images(request_for(seed=9, variants=3)))
    assert CANARY.encode() not in written_in(home)


def test_the_lists_that_are_saved_hold_no_key(
    client: VeniceClient, sandbox: Sandbox, home: Path
) -> None:
    styles = ["Anime", CANARY]
    sandbox.add_fault(Fault.status(200, styles), path="/image/styles", times=None)
    client.catalogue.refresh()
    (file,) = home.glob("catalogue-*.json")
    assert CANARY not in file.read_text()


def test_no_repr_shows_the_key(client: VeniceClient) -> None:
    shown = [client, client.settings, client.service, client.catalogue, client.settings.key]
    shown += [vars(client), vars(client.settings), vars(client.service), vars(client._transport)]
    for what in shown:
        for text in (repr(what), str(what), f"{what}"):
            assert CANARY not in text


def test_a_key_is_not_pickled_and_not_copied_into_text() -> None:
    key = ApiKey(CANARY)
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(TypeError):
        json.dumps({"key": key})
    with pytest.raises(TypeError):
        pickle.dumps(Settings(home=Path(), key=key))
    with pytest.raises(TypeError):
        copy.copy(key)


def test_every_call_at_debug_level_logs_no_key(
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    client.account()
    client.list_models()
    client.list_styles()
    client.generate_images(request_for())
    assert "urllib3" in {record.name.partition(".")[0] for record in caplog.records}
    assert CANARY not in caplog.text
    assert all(CANARY not in repr(vars(record)) for record in caplog.records)


def test_two_services_never_see_each_others_key(
    make_client: MakeClient, request_for: RequestFor
) -> None:
    with Sandbox(keys=("key-one",)) as one, Sandbox(keys=("key-two",)) as two:
        for sandbox, key in ((one, "key-one"), (two, "key-two")):
            make_client(sandbox.base_url, key=key).generate_images(request_for())
        one.add_fault(Fault.redirect(two.base_url + "/image/generate"))
        seen = len(two.paid_requests)
        with pytest.raises(VeniceError, match=r"127\.0\.0\.1"):
            make_client(one.base_url, key="key-one").generate_images(request_for(seed=8))
        assert len(two.paid_requests) == seen
        assert {r.headers["authorization"] for r in one.requests} == {"Bearer key-one"}
        assert {r.headers["authorization"] for r in two.requests} == {"Bearer key-two"}
