"""Keys, content types and sizes of requests; and who may ask for what."""

from __future__ import annotations

import socket
import time

import pytest

from comfyui_process import free_port
from venice_client.sandbox import ledger


@pytest.mark.parametrize("path", ["/api_keys/rate_limits", "/billing/balance"])
@pytest.mark.parametrize("header", ["", "Bearer wrong", "canary-key-5d41", "Basic abc"])
def test_account_needs_the_key(api, path, header):
    assert api.get(path).status_code == 200

    api.session.headers["Authorization"] = header

    answer = api.get(path)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Authentication failed", "code": "AUTHENTICATION_FAILED"}


def test_pictures_need_the_key(api):
    api.session.headers["Authorization"] = "Bearer wrong"

    assert api.generate().status_code == 401
    assert api.sandbox.charges == []


def test_a_paid_request_without_any_key_is_told_that_none_arrived(api):
    del api.session.headers["Authorization"]

    answer = api.generate()

    assert (answer.status_code, answer.json()["x402Version"]) == (402, 2)
    assert "code" not in answer.json()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_the_key_is_taken_in_any_case(api, scheme):
    api.session.headers["Authorization"] = f"{scheme} canary-key-5d41"

    assert api.generate().status_code == 200


@pytest.mark.parametrize("path", ["/models", "/image/styles"])
def test_lists_need_no_key(api, path):
    del api.session.headers["Authorization"]

    assert api.get(path).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_generate_takes_json_only(api, content_type):
    headers = {"Content-Type": content_type}

    answer = api.post("/image/generate", data=b"{}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "INVALID_CONTENT_TYPE")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_may_be_called_so_in_any_way(api, media_type):
    headers = {"Content-Type": media_type}

    answer = api.post("/image/generate", data=b"{}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b'{"seed": NaN}', b"\xff", b"[" * 100_000]
)
def test_a_body_that_is_no_json_object_is_refused(api, body):
    headers = {"Content-Type": "application/json"}

    answer = api.post("/image/generate", data=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_the_oldest_large_bodies_are_forgotten(api, monkeypatch):
    monkeypatch.setattr(ledger, "KEPT_BYTES", 2500)

    for seed in (1, 2, 3):
        api.generate(seed=seed, prompt="x" * 1000)

    first, *rest = api.sandbox.requests
    assert (first.json, first.body, first.status, first.charged_usd) == (None, b"", 200, 0.01)
    assert rest[-1].json["seed"] == 3


@pytest.mark.parametrize(
    "fields",
    [
        b'"prompt": "\\ud800"',
        b'"prompt": "x", "cfg_scale": 1' + b"0" * 400,
        b'"prompt": "x", "cfg_scale": 1e999',
        b'"prompt": "x", "seed": 1e999',
        b'"prompt": "x", "seed": 1' + b"0" * 5000,
    ],
)
def test_numbers_and_texts_beyond_reason_are_refused(api, fields):
    headers = {"Content-Type": "application/json"}

    answer = api.post(
        "/image/generate", data=b'{"model": "chroma", ' + fields + b"}", headers=headers
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_a_body_that_is_too_large_is_refused(connect):
    api = connect(max_body_bytes=1000)

    assert api.generate().status_code == 200
    answer = api.generate(prompt="x" * 1000)

    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_body_in_chunks_is_read(api):
    body = b'{"model": "chroma", "prompt": "a fox", "width": 64, "height": 64}'
    headers = {"Content-Type": "application/json"}

    answer = api.post("/image/generate", data=iter([body[:9], body[9:]]), headers=headers)

    assert answer.status_code == 200
    assert api.sandbox.paid_requests[0].body == body


def test_unknown_paths_are_not_found(api):
    assert api.post("/image/paint", {}).status_code == 404
    elsewhere = api.sandbox.base_url.removesuffix("/api/v1") + "/models"
    assert api.session.get(elsewhere, timeout=60).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/image/generate", "POST, OPTIONS"),
        ("POST", "/models", "GET, HEAD, OPTIONS"),
        ("TRACE", "/image/styles", "GET, HEAD, OPTIONS"),
        ("PROPFIND", "/image/edit", "POST, OPTIONS"),
    ],
)
def test_another_method_is_told_which_there_are(api, method, path, allowed):
    answer = api.session.request(method, api.sandbox.base_url + path, timeout=60)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_requests_are_recorded(api):
    before = time.monotonic()
    api.get("/image/styles")
    api.generate(prompt="a fox in snow")

    first, second = api.sandbox.requests
    assert (first.method, first.path, first.status) == ("GET", "/image/styles", 200)
    assert second.json["prompt"] == "a fox in snow"
    assert second.headers["authorization"] == "Bearer canary-key-5d41"
    assert before <= first.received_at <= second.received_at
    assert second.charged_usd == 0.01
    assert api.sandbox.paid_requests == [second]

    api.sandbox.forget()
    assert (api.sandbox.requests, api.sandbox.charges) == ([], [])


def test_one_connection_serves_many_requests(api):
    request = (
        b"POST /api/v1/image/generate HTTP/1.1\r\nHost: localhost:%d\r\n"
        b"Authorization: Bearer canary-key-5d41\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n{}" % api.sandbox.port
    )
    with socket.create_connection(("127.0.0.1", api.sandbox.port), timeout=60) as connection:
        for _ in range(3):
            connection.sendall(request)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_an_idle_connection_is_dropped(connect):
    api = connect(idle_close_s=0.1)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", api.sandbox.port), timeout=60) as idle:
        assert idle.recv(1) == b""
        assert time.monotonic() - began > 0.05


def test_the_port_may_be_chosen_and_is_free_after_stop(connect):
    port = free_port()
    first = connect(port=port)
    assert first.sandbox.port == port

    first.sandbox.stop()

    assert connect(port=port).sandbox.port == port


def test_it_listens_on_this_machine_only(api):
    assert api.sandbox.base_url == f"http://127.0.0.1:{api.sandbox.port}/api/v1"
