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


@pytest.mark.parametrize("path", ["/models", "/image/styles"])
def test_lists_need_no_key(api, path):
    del api.session.headers["Authorization"]

    assert api.get(path).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_generate_takes_json_only(api, content_type):
    headers = {"Content-Type": content_type}

    answer = api.post("/image/generate", data=b"{}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "INVALID_CONTENT_TYPE")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b'{"seed": NaN}', b"\xff", b"[" * 100_000]
)
def test_a_body_that_is_no_json_object_is_refused(api, body):
    headers = {"Content-Type": "application/json"}

    answer = api.post("/image/generate", data=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_the_oldest_large_bodies_are_forgotten(api, monkeypatch):
    monkeypatch.setattr(ledger, "KEPT_BODY_BYTES", 1000)

    for seed in (1, 2, 3):
        api.generate(seed=seed, prompt="x" * 400)

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


def test_a_body_without_length_is_refused(api):
    answer = api.post("/image/generate", data=iter([b"{}"]))

    assert answer.status_code == 411


def test_unknown_paths_are_not_found(api):
    assert api.get("/image/generate").status_code == 404
    assert api.post("/image/paint", {}).status_code == 404
    elsewhere = api.sandbox.base_url.removesuffix("/api/v1") + "/models"
    assert api.session.get(elsewhere, timeout=60).status_code == 404


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
        b"POST /api/v1/image/generate HTTP/1.1\r\nHost: x\r\n"
        b"Authorization: Bearer canary-key-5d41\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n{}"
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
