"""Over real HTTP: what is sent again and what never is, and where the key goes."""

from __future__ import annotations

import gzip
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

import posting
from faulty_sandbox import Fault, Sandbox
from jobs import batch_of
from scripted_server import ScriptedServer, read_request, saying
from venice_client import GenerateRequest, Progress, VeniceClient, __version__
from venice_client.errors import (
    ApiError,
    BadResponseError,
    ConnectionFailedError,
    GatewayError,
    RateLimitError,
    RedirectError,
    RequestCancelledError,
    ResponseLostError,
    SettingsError,
    VeniceError,
)
from venice_client.transport import connections, retry, transport
from waiting import wait_for

KEY = "test-key"
MakeClient = Callable[..., VeniceClient]
RequestFor = Callable[..., GenerateRequest]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"
BUSY = b"HTTP/1.1 429 Busy\r\nRetry-After: 60\r\nContent-Length: 2\r\n\r\n{}"


class CountingSession(requests.Session):
    """Counts what is sent, by an adapter of its own, as a caller's own session may."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[requests.PreparedRequest] = []
        self.mount("http://", _CountingAdapter(self.sent))


class _CountingAdapter(connections.NoRetryAdapter):
    def __init__(self, sent: list[requests.PreparedRequest]) -> None:
        super().__init__()
        self._sent = sent

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        self._sent.append(request)
        return super().send(request, **kwargs)


def paid(sandbox: Sandbox) -> int:
    return len(sandbox.paid_requests)


@pytest.mark.parametrize("fault", [Fault.reset(), Fault.close(), Fault.cut(), Fault.cut(0.99)])
def test_an_answer_that_was_lost_is_not_asked_for_again(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, fault: Fault
) -> None:
    sandbox.add_fault(fault)
    with pytest.raises(ResponseLostError) as caught:
        client.generate_images(request_for())
    assert paid(sandbox) == 1
    assert caught.value.may_have_been_charged
    first = str(caught.value).partition("\n")[0]
    assert "may have been charged" in first
    assert "Running again" in first


@pytest.mark.long
@pytest.mark.parametrize("fault", [Fault.hang(90), Fault.slow_body(1)])
def test_the_deadline_ends_whatever_does_not_end(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor, fault: Fault
) -> None:
    client = make_client(sandbox.base_url, timeout=1.0)
    sandbox.add_fault(fault)
    began = time.monotonic()
    with pytest.raises(ResponseLostError, match="within"):
        client.generate_images(request_for())
    assert time.monotonic() - began < 30
    assert wait_for(lambda: paid(sandbox)) == 1


@pytest.mark.long
def test_a_head_and_then_silence_ends_at_the_deadline(make_client: MakeClient) -> None:
    def silent(connection: socket.socket) -> None:
        connection.sendall(OK + b"Content-Length: 1000\r\n\r\nabc")
        server.pause(90)

    with ScriptedServer(silent) as server:
        client = make_client(server.base_url, timeout=1.0)
        began = time.monotonic()
        with pytest.raises(ResponseLostError):
            post(client)
        assert time.monotonic() - began < 30


def post(client: VeniceClient) -> Any:
    """A paid call without the lists, for servers that know nothing but one answer."""
    return posting.post(client)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10, 20\r\n\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\nabc",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        OK + b"Content-Length: 10\r\n\r\nabc",
        OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
        OK + b"x: y\r\n" * 200 + b"\r\n",
    ],
    ids=range(10),
)
def test_an_answer_that_is_no_http_is_lost_and_not_asked_for_again(
    make_client: MakeClient, answer: bytes
) -> None:
    with ScriptedServer(saying(answer)) as server:
        with pytest.raises(ResponseLostError):
            post(make_client(server.base_url))
        assert len(server.requests) == 1


def test_a_refused_connection_is_tried_four_times(
    make_client: MakeClient,
) -> None:
    session = CountingSession()
    client = make_client("http://127.0.0.1:1", session=session)  # where nobody listens
    with pytest.raises(ConnectionFailedError) as caught:
        post(client)
    assert len(session.sent) == 4
    assert not caught.value.may_have_been_charged
    first = str(caught.value).partition("\n")[0]
    assert "Nothing was sent" in first
    assert "VENICE_API_BASE" in caught.value.hint


def test_a_name_that_nobody_has_is_no_connection(make_client: MakeClient) -> None:
    with pytest.raises(ConnectionFailedError, match=r"api\.venice\.invalid"):
        post(make_client("https://api.venice.invalid/api/v1"))


@pytest.mark.parametrize("status", [500, 503])
def test_what_is_documented_as_retryable_is_tried_four_times(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, status: int
) -> None:
    sandbox.add_fault(Fault.status(status), times=None)
    with pytest.raises(ApiError) as caught:
        client.generate_images(request_for())
    assert paid(sandbox) == 4
    assert caught.value.status == status


def test_the_wait_before_another_try_is_told(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 30.0)
    sandbox.add_fault(Fault.status(500))
    batch = client.start([request_for()])
    (progress,) = batch.progress

    wait_for(lambda: "left" in progress.text())

    assert re.fullmatch(r"waiting to try again \(1 of 3\), (2[0-9]|30) s left", progress.text())
    batch.cancel()
    assert batch.wait(60)


def test_a_retry_that_succeeds_is_a_success(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    sandbox.add_fault(Fault.status(500))
    sandbox.add_fault(Fault.status(503))
    assert client.generate_images(request_for()).images
    assert paid(sandbox) == 3
    assert len(sandbox.charges) == 1


@pytest.mark.parametrize(
    "status", [301, 307, 400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 501, 599]
)
def test_any_other_refusal_is_an_error_at_once(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, status: int
) -> None:
    sandbox.add_fault(Fault.status(status, headers={"x-request-id": "req-7"}), times=None)
    with pytest.raises(ApiError) as caught:
        client.generate_images(request_for())
    assert paid(sandbox) == 1
    assert caught.value.status == status
    assert not caught.value.may_have_been_charged


@pytest.mark.parametrize("status", [502, 504, 520, 524])
def test_what_a_gateway_gave_up_is_not_asked_for_again_and_perhaps_charged(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, status: int
) -> None:
    sandbox.add_fault(Fault.status(status, charge=True), times=None)
    with pytest.raises(GatewayError, match="may have been charged") as caught:
        client.generate_images(request_for())
    assert paid(sandbox) == 1
    assert caught.value.status == status
    assert caught.value.may_have_been_charged


def test_a_429_waits_for_the_reset_and_goes_on(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    sandbox.add_fault(Fault.status(429, headers={"retry-after": "0.2"}), times=2)
    began = time.monotonic()
    assert client.generate_images(request_for()).images
    assert time.monotonic() - began >= 0.4
    assert paid(sandbox) == 3


def test_a_reset_far_ahead_is_not_waited_for(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    told = {"error": "Daily limit reached", "code": "RATE_LIMIT_EXCEEDED"}
    sandbox.add_fault(Fault.status(429, json=told, headers={"retry-after": "3600"}))
    with pytest.raises(RateLimitError, match="60 minutes") as caught:
        client.generate_images(request_for())
    assert "Daily limit reached" in str(caught.value)
    assert paid(sandbox) == 1


def test_dropping_while_waiting_ends_it_at_once_and_sends_nothing(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    sandbox.add_fault(Fault.status(429, headers={"retry-after": "200"}))
    progress = Progress()
    caught: list[VeniceError] = []

    def ask() -> None:
        try:
            client.generate_images(request_for(), progress)
        except VeniceError as error:
            caught.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    wait_for(lambda: "rate limit" in progress.phase)
    progress.cancel()
    thread.join(60)
    assert isinstance(caught[0], RequestCancelledError)
    assert paid(sandbox) == 1


def test_a_redirect_is_not_followed_and_the_key_stays(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    with ScriptedServer(saying(OK + b"\r\n")) as elsewhere:
        sandbox.add_fault(Fault.redirect(elsewhere.base_url + "/image/generate"))
        with pytest.raises(RedirectError, match=r"127\.0\.0\.1") as caught:
            client.generate_images(request_for())
        assert elsewhere.connections == 0
    assert caught.value.status == 307
    assert paid(sandbox) == 1


@pytest.mark.parametrize(
    "location",
    [b"https://login.example/x", b"/elsewhere", b"//evil.example/", b"nonsense", b""],
)
def test_a_redirect_names_the_host_where_there_is_one(
    make_client: MakeClient, location: bytes
) -> None:
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
    with ScriptedServer(saying(head)) as server:
        with pytest.raises(RedirectError) as caught:
            post(make_client(server.base_url))
        assert len(server.requests) == 1
    named = {b"https://login.example/x": "login.example", b"//evil.example/": "evil.example"}
    assert named.get(location, "") in str(caught.value).partition("\n")[0]


def test_requests_one_after_the_other_share_a_connection(make_client: MakeClient) -> None:
    def answer_twice(connection: socket.socket) -> None:
        for _ in range(3):
            connection.sendall(OK + b"Content-Length: 7\r\n\r\n[1,2,3]")
            if not read_request(connection):
                return

    with ScriptedServer(answer_twice) as server:
        client = make_client(server.base_url)
        for _ in range(3):
            assert post(client).body == b"[1,2,3]"
        assert server.connections == 1


def test_a_connection_that_the_server_dropped_while_idle_is_no_lost_answer(
    make_client: MakeClient,
) -> None:
    with ScriptedServer(saying(OK + b"Content-Length: 7\r\n\r\n[1,2,3]")) as server:
        client = make_client(server.base_url)
        for _ in range(3):
            assert post(client).body == b"[1,2,3]"
            wait_for(lambda: server.has_closed)
        assert server.connections == 3


def test_a_connection_idle_for_too_long_is_not_used_again(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer_each(connection: socket.socket) -> None:
        while True:
            connection.sendall(OK + b"Content-Length: 7\r\n\r\n[1,2,3]")
            if not read_request(connection):
                return

    assert connections.MAX_IDLE == 4.0
    with ScriptedServer(answer_each) as server:
        client = make_client(server.base_url)
        post(client)
        post(client)
        assert server.connections == 1
        monkeypatch.setattr(connections, "MAX_IDLE", 0.1)
        time.sleep(0.2)
        post(client)
        assert server.connections == 2


def test_a_netrc_is_not_read(
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = home / ".netrc"
    netrc.write_text(
        "machine 127.0.0.1 login someone password secret\ndefault login a password b\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(sandbox.base_url)

    client.generate_images(request_for())
    client.list_styles()

    assert {r.headers["authorization"] for r in sandbox.requests} == {f"Bearer {KEY}"}


def test_proxies_in_the_environment_are_not_used_for_this_machine(
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedServer(saying(b"")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            if os.name != "nt" or name.isupper():
                monkeypatch.setenv(name, proxy.base_url)
        client.generate_images(request_for())
        assert proxy.connections == 0
    assert paid(sandbox) == 1


def test_a_session_of_the_callers_is_used_and_keeps_no_key(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    session = CountingSession()
    session.headers["X-Trace"] = "7"
    client = make_client(sandbox.base_url, session=session)

    client.generate_images(request_for())

    assert len(session.sent) == len(sandbox.requests) >= 1
    assert sandbox.paid_requests[0].headers["x-trace"] == "7"
    assert session.auth is None
    assert "authorization" not in session.headers
    assert KEY not in repr(vars(session))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Team", 5),
        ("X-Team", "→CANARY"),
        ("X-Team", "CANARY\r\nX: 7"),
        ("X-Team", "CANARY\n"),
        ("X-Täm", "CANARY"),
    ],
)
def test_a_header_of_a_session_that_cannot_be_sent_is_a_wrong_setting(
    sandbox: Sandbox,
    make_client: MakeClient,
    request_for: RequestFor,
    home: Path,
    name: str,
    value: Any,
) -> None:
    session = requests.Session()
    session.headers[name] = value
    client = make_client(sandbox.base_url, session=session)
    for call in (lambda: client.generate_images(request_for()), client.account):
        with pytest.raises(SettingsError, match="Nothing was sent") as caught:
            call()
        assert "CANARY" not in str(caught.value)
        assert caught.value.__context__ is None
    assert sandbox.requests == []
    assert not (home / "ledger.jsonl").exists()


def test_a_session_may_drop_a_header(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor
) -> None:
    session = requests.Session()
    session.headers["Accept"] = None  # type: ignore[assignment]
    session.headers["X-Team"] = "Zoë"
    make_client(sandbox.base_url, session=session).generate_images(request_for())
    headers = sandbox.paid_requests[0].headers
    assert "accept" not in headers
    assert headers["x-team"] == "Zoë"


@pytest.mark.parametrize("fault", [Fault.reset(charge=True), Fault.status(504, charge=True)])
def test_a_session_that_retries_pays_only_once(
    sandbox: Sandbox, make_client: MakeClient, request_for: RequestFor, fault: Fault
) -> None:
    """Such an adapter would send a paid request again and tell of one charge."""
    again = urllib3.Retry(3, status_forcelist=[504], allowed_methods=None, backoff_factor=0)
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=again))
    client = make_client(sandbox.base_url, session=session)
    sandbox.add_fault(fault, times=None)
    with pytest.raises(VeniceError):
        client.generate_images(request_for())
    assert paid(sandbox) == 1


@pytest.mark.long
def test_the_deadline_holds_on_a_session_of_the_callers(
    make_client: MakeClient,
) -> None:
    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    with ScriptedServer(drip) as server:
        client = make_client(server.base_url, session=requests.Session(), timeout=1.0)
        began = time.monotonic()
        with pytest.raises(ResponseLostError):
            post(client)
        assert time.monotonic() - began < 20


def test_every_request_says_who_asks(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:

    client.generate_images(request_for())
    (request,) = sandbox.paid_requests
    assert request.headers["user-agent"] == f"venice-nodes/{__version__}"
    assert request.headers["content-type"] == "application/json"


def test_a_busy_model_holds_up_its_own_requests_alone(make_client: MakeClient) -> None:
    """A 429 with Retry-After and no reset says nothing about the key."""

    def answer(connection: socket.socket) -> None:
        is_busy = b"chroma" in server.requests[-1]
        done = OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"
        connection.sendall(BUSY if is_busy else done)

    with ScriptedServer(answer) as server:
        sender = make_client(server.base_url)
        busy = batch_of([partial(posting.post, sender, {"model": "chroma"})])
        busy.begin()
        phase = "waiting (chroma is busy)"
        wait_for(lambda: busy.progress[0].phase == phase)
        for _ in range(3):
            answered = posting.post(sender, {"model": "z-image-turbo"})
            assert answered.body == b"ok"
        assert busy.progress[0].phase == phase
        busy.cancel()
        assert busy.wait(60)
    assert len(server.requests) == 4


def test_a_bad_certificate_is_no_connection_and_nothing_is_sent(
    make_client: MakeClient, self_signed: Any
) -> None:
    with ScriptedServer(saying(OK + b"\r\n"), tls=self_signed) as server:
        with pytest.raises(ConnectionFailedError) as caught:
            post(make_client(server.base_url))
        assert server.requests == []
        assert server.connections == 1  # no further try could help
    first = str(caught.value).partition("\n")[0]
    assert "certificate" in first
    assert "Set REQUESTS_CA_BUNDLE" in caught.value.hint
    assert "SSL_CERT_FILE isn't read" in caught.value.hint


def test_the_limit_of_an_answer_holds_however_it_is_packed(
    client: VeniceClient,
    sandbox: Sandbox,
    request_for: RequestFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1024 * 1024)
    for seed, fault in enumerate((Fault.endless(), Fault.gzip_bomb()), start=1):
        sandbox.add_fault(fault)
        with pytest.raises(BadResponseError, match="exceeds 1 MB"):
            client.generate_images(request_for(seed=seed))
    assert paid(sandbox) == 2


def test_ten_megabytes_of_error_page_are_cut_to_a_few_lines(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    pages = (b"<html>" + b"x" * 10_000_000, b"y" * 10_000_000, b'{"error": "' + b"z" * 10_000_000)
    for page in pages:
        sandbox.add_fault(Fault.status(400, body=page))
        with pytest.raises(ApiError) as caught:
            client.generate_images(request_for())
        assert len(str(caught.value)) < 2_000
    assert client.generate_images(request_for()).images


def test_an_answer_packed_with_gzip_is_read(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor
) -> None:
    whole = client.generate_images(request_for(seed=5)).images[0]
    packed = {"Content-Encoding": "gzip"}
    sandbox.add_fault(Fault.body(gzip.compress(whole.data), headers=packed))
    assert client.generate_images(request_for(seed=6)).images == (whole,)
    sandbox.add_fault(Fault.body(b"no gzip", headers=packed))
    with pytest.raises(BadResponseError, match="7 bytes starting with b'no gzip'"):
        client.generate_images(request_for(seed=7))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"images": [NaN]}', "contains no image"),
        (b'{"images": ' + b"[" * 200_000, "isn't a readable image"),
        (b"<html>", "a web page"),
        (b"", "it is empty"),
        (b"[]", "contains no image"),
        (b'{"images": []}', "contains no image"),
        (b'{"images": "abc"}', "contains no image"),
        (b'{"images": [5]}', "isn't valid base64"),
        (b'{"images": ["*"]}', "isn't valid base64"),
        (b'{"images": ["aGVsbG8="]}', "5 bytes"),
    ],
    ids=range(10),
)
def test_json_without_images_is_a_bad_answer(
    client: VeniceClient, sandbox: Sandbox, request_for: RequestFor, body: bytes, said: str
) -> None:
    sandbox.add_fault(Fault.body(body, "application/json"))
    with pytest.raises(BadResponseError, match=said) as caught:
        client.generate_images(request_for(variants=2))
    assert "may have been charged" in str(caught.value).partition("\n")[0]
    assert paid(sandbox) == 1
