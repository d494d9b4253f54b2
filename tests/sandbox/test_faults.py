"""Each fault does what it says."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time

import pytest
import requests

from faulty_sandbox import Fault
from waiting import wait_for

GENERATE = "/image/generate"
SMALL = {"model": "chroma", "prompt": "a fox", "width": 64, "height": 64}


def raw_answer(api):
    """What comes over the wire for one small request, up to the end of the connection."""
    body = b'{"model":"chroma","prompt":"a fox","width":64,"height":64,"return_binary":true}'
    head = (
        f"POST /api/v1{GENERATE} HTTP/1.1\r\nHost: localhost:{api.sandbox.port}\r\n"
        "Authorization: Bearer canary-key-5d41\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.sandbox.port), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def test_status_with_json_and_headers(api):
    api.sandbox.add_fault(Fault.status(503, json={"error": "busy"}, headers={"Retry-After": "2"}))

    answer = api.generate()

    assert (answer.status_code, answer.json()) == (503, {"error": "busy"})
    assert answer.headers["Retry-After"] == "2"
    assert api.sandbox.requests[-1].status == 503
    assert api.sandbox.charges == []


def test_status_with_a_body_is_html_unless_told_otherwise(api):
    api.sandbox.add_fault(Fault.status(502, body=b"<html>Bad Gateway</html>", charge=True))

    answer = api.generate()

    assert answer.headers["Content-Type"] == "text/html"
    assert answer.content == b"<html>Bad Gateway</html>"
    assert api.sandbox.charged_usd == 0.01


@pytest.mark.parametrize(("charge", "usd"), [(False, 0), (True, 0.01)])
@pytest.mark.parametrize("fault", [Fault.reset, Fault.close])
def test_a_connection_that_ends_without_an_answer(api, fault, charge, usd):
    api.sandbox.add_fault(fault(charge=charge))

    with pytest.raises(requests.ConnectionError):
        api.generate()

    assert api.sandbox.paid_requests[0].status is None
    assert api.sandbox.paid_requests[0].json["prompt"] == "a fox"
    assert api.sandbox.charged_usd == usd
    assert api.generate().status_code == 200


def test_reset_resets_and_close_closes(api):
    api.sandbox.add_fault(Fault.close())
    assert raw_answer(api) == b""

    api.sandbox.add_fault(Fault.reset())
    with pytest.raises(ConnectionResetError):
        raw_answer(api)


def test_cut_sends_a_part_of_what_it_promised(api):
    api.sandbox.add_fault(Fault.cut(after=0.5))

    head, _, body = raw_answer(api).partition(b"\r\n\r\n")

    promised = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert len(body) == promised // 2
    assert api.sandbox.charged_usd == 0.01


def test_hang_answers_nothing_and_ends_with_the_client(api):
    api.sandbox.add_fault(Fault.hang(300))

    with pytest.raises(requests.ReadTimeout):
        api.post(GENERATE, SMALL, timeout=2)

    wait_for(lambda: api.sandbox.charged_usd == 0.01)
    assert api.sandbox.paid_requests[0].status is None
    wait_for(lambda: is_idle(api.sandbox))


def is_idle(sandbox):
    """Whether no request is under way; forgets those that came."""
    sandbox.forget()
    return sandbox.max_concurrent == 0


@pytest.mark.parametrize(
    "fault", [Fault.hang(60), Fault.slow_body(1), Fault.endless(), Fault.latency(60)]
)
def test_stop_does_not_wait_for_what_hangs(connect, fault):
    api = connect()
    taken, ended = threading.Event(), threading.Event()
    api.sandbox.add_fault(fault, when=lambda _: taken.set() or True)

    def ask():
        with contextlib.suppress(requests.RequestException):
            for _ in api.post(GENERATE, SMALL, stream=True).iter_content(1000):
                pass
        ended.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    assert taken.wait(60)
    time.sleep(0.3)  # into what hangs
    began = time.monotonic()
    api.sandbox.stop()
    assert time.monotonic() - began < 15
    assert ended.wait(15)


def test_slow_body_drips(api):
    api.sandbox.add_fault(Fault.slow_body(bytes_per_second=200))
    began = time.monotonic()

    with api.post(GENERATE, {**SMALL, "return_binary": True}, stream=True) as answer:
        first = answer.raw.read(60)

    assert len(first) == 60
    assert time.monotonic() - began > 0.15
    assert api.sandbox.charged_usd == 0.01


@pytest.mark.parametrize("delta", [10, -10])
def test_wrong_length(api, delta):
    api.sandbox.add_fault(Fault.wrong_length(delta))

    head, _, body = raw_answer(api).partition(b"\r\n\r\n")

    promised = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert promised == len(body) + delta


def test_endless_never_ends(api):
    api.sandbox.add_fault(Fault.endless())

    with api.post(GENERATE, SMALL, stream=True) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert len(answer.raw.read(5_000_000)) == 5_000_000


def test_gzip_bomb_unpacks_to_a_gigabyte(api):
    api.sandbox.add_fault(Fault.gzip_bomb())

    with api.post(GENERATE, SMALL, stream=True) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) < 2_000_000
        assert len(answer.raw.read(30_000_000, decode_content=True)) == 30_000_000


@pytest.mark.parametrize("binary", [True, False])
def test_bad_base64(api, binary):
    api.sandbox.add_fault(Fault.bad_base64())

    image = api.generate(return_binary=binary).json()["images"][0]

    with pytest.raises(ValueError, match=r"base64|padding|characters"):
        base64.b64decode(image, validate=True)


def test_foreign_bytes(api):
    for fault in (
        Fault.foreign_bytes(b"<html>"),
        Fault.foreign_bytes(b"<html>"),
        Fault.foreign_bytes(b"<html>", content_type="text/html"),
    ):
        api.sandbox.add_fault(fault)

    binary = api.generate()
    told = api.generate(return_binary=False)
    typed = api.generate(return_binary=False)

    assert (binary.content, binary.headers["Content-Type"]) == (b"<html>", "image/png")
    assert base64.b64decode(told.json()["images"][0]) == b"<html>"
    assert (typed.content, typed.headers["Content-Type"]) == (b"<html>", "text/html")


def test_flags(api, opened):
    api.sandbox.add_fault(Fault.flags())

    answer = api.generate()

    assert answer.headers["x-venice-is-blurred"] == "true"
    assert answer.headers["x-venice-is-content-violation"] == "false"
    assert opened(answer.content).size == (64, 64)
    assert api.sandbox.charged_usd == 0.01


def test_a_violation_is_blacked_out_and_not_charged(api, opened):
    api.sandbox.add_fault(Fault.violation(), times=2)

    binary = api.generate(format="jpeg")
    told = api.generate(return_binary=False, variants=2)

    images = [binary.content, *map(base64.b64decode, told.json()["images"])]
    assert len(images) == 3
    for answer in (binary, told):
        assert answer.status_code == 200
        assert answer.headers["x-venice-is-content-violation"] == "true"
    for image in map(opened, images):
        assert (image.format, image.size, image.getextrema()) == ("PNG", (64, 64), ((0, 0),) * 3)
    assert api.sandbox.charges == []
    assert api.generate().headers["x-venice-is-content-violation"] == "false"


@pytest.mark.parametrize(("charge", "usd"), [(False, 0), (True, 0.04)])
def test_a_refused_edit_has_no_code_and_may_be_charged(api, encoded_picture, charge, usd):
    api.sandbox.add_fault(Fault.refused_edit(charge), path="/image/edit")

    answer = api.post("/image/edit", {"image": encoded_picture(), "prompt": "x"})

    assert (answer.status_code, set(answer.json())) == (422, {"error"})
    assert api.sandbox.charged_usd == usd


def test_an_overloaded_model_says_when_to_come_back_and_nothing_of_the_limit(api):
    api.sandbox.add_fault(Fault.overloaded(7))

    answer = api.generate()

    assert (answer.status_code, answer.json()["code"]) == (429, "MODEL_OVERLOADED")
    assert answer.headers["Retry-After"] == "7"
    assert "x-ratelimit-reset-requests" not in answer.headers


def test_headers_override_in_any_case(api):
    date = "Tue, 01 Jan 2030 00:00:00 GMT"
    api.sandbox.add_fault(Fault.headers({"DATE": date, "X-RateLimit-Remaining-Requests": "0"}))

    answer = api.generate()

    assert answer.headers["Date"] == date
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"


def test_latency_of_one_request(api):
    api.sandbox.add_fault(Fault.latency(0.3))

    assert api.generate().elapsed.total_seconds() >= 0.29


def test_redirect(api):
    api.sandbox.add_fault(Fault.redirect("https://example.com/elsewhere"))

    answer = api.post(GENERATE, SMALL, allow_redirects=False)

    assert answer.status_code == 307
    assert answer.headers["Location"] == "https://example.com/elsewhere"
    assert api.sandbox.charges == []


def test_body(api):
    api.sandbox.add_fault(Fault.body(b'{"images": NaN}', "application/json", {"x-a": "b"}))

    answer = api.generate()

    assert (answer.status_code, answer.content) == (200, b'{"images": NaN}')
    assert answer.headers["x-a"] == "b"
    assert api.sandbox.charged_usd == 0.01


def test_size(api, opened):
    api.sandbox.add_fault(Fault.size(100, 50))
    api.sandbox.add_fault(Fault.size(30, 40), path="/image/upscale")

    assert opened(api.generate().content).size == (100, 50)
    image = base64.b64encode(api.generate(width=256, height=256).content).decode()
    assert opened(api.post("/image/upscale", {"image": image}).content).size == (30, 40)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_count(api, count):
    api.sandbox.add_fault(Fault.count(count))

    assert len(api.generate().json()["images"]) == count


def test_count_is_for_generate_only(api):
    with pytest.raises(ValueError, match="/image/generate only"):
        api.sandbox.add_fault(Fault.count(2), path="/image/edit")


def test_echo_key(api):
    api.sandbox.add_fault(Fault.echo_key())

    answer = api.generate()

    assert answer.status_code == 400
    assert "canary-key-5d41" in answer.json()["error"]
    assert "canary-key-5d41" in answer.headers["x-venice-debug"]


def test_faults_wait_in_line_and_are_counted_off(api):
    api.sandbox.add_fault(Fault.status(500), times=2)
    api.sandbox.add_fault(Fault.status(503))

    assert [api.generate().status_code for _ in range(4)] == [500, 500, 503, 200]


def test_a_fault_may_stay_until_cleared(api):
    api.sandbox.add_fault(Fault.status(500), times=None)
    assert [api.generate().status_code for _ in range(3)] == [500, 500, 500]

    api.sandbox.clear_faults()
    assert api.generate().status_code == 200


def test_a_fault_may_choose_its_request_and_path(api):
    api.sandbox.add_fault(Fault.status(500), when=lambda payload: payload["seed"] == 8)
    api.sandbox.add_fault(Fault.status(503), path="/image/edit")

    assert [api.generate(seed=seed).status_code for seed in (7, 8, 8)] == [200, 500, 200]


def test_a_request_that_the_api_refuses_uses_up_no_fault(api):
    api.sandbox.add_fault(Fault.status(500))

    assert [api.generate(seed="x").status_code, api.generate().status_code] == [400, 500]


def test_faults_may_be_for_the_free_endpoints_too(api):
    api.sandbox.add_fault(Fault.status(503), path="/models")
    api.sandbox.add_fault(Fault.latency(0.2), path="/image/styles")

    assert [api.get("/models").status_code for _ in range(2)] == [503, 200]
    assert api.get("/image/styles").elapsed.total_seconds() >= 0.19


def test_a_fault_without_a_path_is_for_any_paid_endpoint(api, encoded_picture):
    api.sandbox.add_fault(Fault.status(503), path=None)

    assert api.get("/models").status_code == 200
    assert api.post("/image/upscale", {"image": encoded_picture()}).status_code == 503
