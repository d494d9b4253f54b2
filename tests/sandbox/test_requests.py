"""Keys, content types, methods and bodies of requests; and who may send any."""

from __future__ import annotations

import os
import socket
import time

import pytest

from comfyui_process import free_port
from venice_client import sandbox as shipped
from venice_client.sandbox import server

KEY = "canary-key-5d41"
JSON = {"Content-Type": "application/json"}


def raw_answer(port: int, request: bytes) -> bytes:
    """The first bytes of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request.replace(b"\n", b"\r\n"))
        return connection.recv(65_536)


@pytest.mark.parametrize("path", ["/api_keys/rate_limits", "/billing/balance"])
@pytest.mark.parametrize("header", ["", "Bearer wrong", KEY, "Basic abc"])
def test_account_needs_the_key(api, path, header):
    assert api.get(path).status_code == 200

    api.session.headers["Authorization"] = header

    answer = api.get(path)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Authentication failed", "code": "AUTHENTICATION_FAILED"}


def test_images_need_the_key(api):
    api.session.headers["Authorization"] = "Bearer wrong"

    assert api.generate().status_code == 401
    assert api.sandbox.charges == []


def test_a_paid_request_without_any_key_gets_a_402(api):
    del api.session.headers["Authorization"]

    answer = api.generate()

    assert (answer.status_code, answer.json()["x402Version"]) == (402, 2)
    assert "code" not in answer.json()


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_of_the_key_is_taken_in_any_case(api, scheme):
    api.session.headers["Authorization"] = f"{scheme} {KEY}"

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
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"seed": NaN}',
        b"\xff",
        b"[" * 100_000,
        b'{"model": "chroma", "prompt": "\\ud800"}',
        b'{"model": "chroma", "prompt": "x", "cfg_scale": 1' + b"0" * 400 + b"}",
        b'{"model": "chroma", "prompt": "x", "seed": 1e999}',
        b'{"model": "chroma", "prompt": "x", "seed": 1' + b"0" * 5000 + b"}",
    ],
)
def test_an_odd_body_is_refused(api, body):
    answer = api.post("/image/generate", data=body, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Content-Length: 160000001", 413),
        ("Content-Length: 99999999999999999999", 413),
        ("Content-Length: -1", 411),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_a_body_of_no_proper_length_is_refused_unread(sandbox, header, status):
    head = f"POST /api/v1/image/generate HTTP/1.1\nHost: localhost:{sandbox.port}\n{header}\n\n"

    assert raw_answer(sandbox.port, head.encode()).split(b" ")[1] == str(status).encode()


def test_unknown_paths_and_methods_are_refused(api):
    elsewhere = api.sandbox.base_url.removesuffix("/api/v1") + "/models"

    assert api.post("/image/paint", {}).status_code == 404
    assert api.session.get(elsewhere, timeout=60).status_code == 404
    for method, path, allowed in (("GET", "/image/edit", "POST"), ("DELETE", "/models", "GET")):
        answer = api.session.request(method, api.sandbox.base_url + path, timeout=60)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    trace = api.session.request("TRACE", api.sandbox.base_url + "/models", timeout=60)
    assert (trace.status_code, trace.json()["code"]) == (501, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost", "127.0.0.1:1"]
)
def test_a_website_that_leads_its_own_name_here_is_refused(sandbox, host):
    """Its requests carry its name as Host. Nothing of the body is read."""
    head = (
        f"POST /api/v1/image/generate HTTP/1.1\nHost: {host.format(port=sandbox.port)}\n"
        f"Authorization: Bearer {KEY}\nContent-Length: 1000000\n\n"
    )

    assert raw_answer(sandbox.port, head.encode()).startswith(b"HTTP/1.1 421 ")
    assert sandbox.requests == []


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1"])
def test_the_names_of_this_machine_are_taken(sandbox, name):
    head = f"GET /api/v1/models HTTP/1.1\nHost: {name}:{sandbox.port}\n\n"

    assert raw_answer(sandbox.port, head.encode()).startswith(b"HTTP/1.1 200 ")


def test_no_malformed_request_prints_a_traceback(sandbox, capsys):
    for line in (b"\n", b"nonsense\n\n", b"GET / HTTP/9.9\n\n", b"GET //[ HTTP/1.1\n\n", b"\0\n\n"):
        raw_answer(sandbox.port, line)
    with socket.create_connection(("127.0.0.1", sandbox.port)) as connection:
        connection.sendall(b"POST /api/v1/models HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")

    test_the_names_of_this_machine_are_taken(sandbox, "localhost")
    assert capsys.readouterr().err == ""


def test_one_connection_serves_many_requests(sandbox):
    request = (
        b"POST /api/v1/image/generate HTTP/1.1\r\nHost: localhost:%d\r\n"
        b"Authorization: Bearer canary-key-5d41\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n{}" % sandbox.port
    )
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=60) as connection:
        for _ in range(3):
            connection.sendall(request)
            came = b""
            while not came.endswith(b"}}"):
                came += connection.recv(65_536)
            assert came.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_paid_requests_take_the_latency_and_lists_do_not(api):
    api.sandbox.latency_s = 0.5
    began = time.monotonic()
    api.generate()
    assert time.monotonic() - began >= 0.5

    api.sandbox.latency_s = 60
    assert api.get("/image/styles").elapsed.total_seconds() < 30


def test_paid_answers_tell_the_balance_before_the_image(connect):
    api = connect(balance_usd=1.0)

    answers = [api.generate(), api.generate(), api.generate(seed="x")]

    balances = [float(answer.headers["x-venice-balance-usd"]) for answer in answers]
    assert balances == [1.0, 0.99, 0.98]
    assert "x-venice-balance-usd" not in api.get("/models").headers


@pytest.mark.skipif(os.name == "nt", reason="Windows frees a port only a while later")
def test_the_port_may_be_chosen_and_is_free_after_stop():
    port = free_port()
    for _ in range(2):
        with shipped.Sandbox(port=port) as first:
            assert first.base_url == f"http://127.0.0.1:{port}/api/v1"


def test_two_sandboxes_never_share_a_port():
    with shipped.Sandbox() as first, pytest.raises(OSError, match=r"in use|forbidden"):
        shipped.Sandbox(port=first.port).start()


def test_where_there_is_an_exclusive_port_it_is_taken(monkeypatch):
    """On Windows, "reuse" lets two servers share a port. Another option stands in here."""
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)

    with shipped.Sandbox() as sandbox:
        listening = sandbox._server.socket
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert server.Server.allow_reuse_address is (os.name != "nt")
