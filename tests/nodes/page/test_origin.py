"""Which requests are ComfyUI's own page's, on this computer, in a network, and behind a proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bench import Bench
from page_server import OURS, PageClient

SAME = {"Sec-Fetch-Site": "same-origin"}
LOCAL, ELSEWHERE = True, False
NAME = "comfy.example.org"
OWNER = (NAME, "*.tunnel.example")

FINE: list[tuple[bool, Mapping[str, str]]] = [
    (LOCAL, {"Host": "127.0.0.1:8188"}),  # a script, and a page's GET
    (LOCAL, {"Host": "localhost:8188", "Origin": "http://localhost:8188", **SAME}),
    (LOCAL, {"Host": "LocalHost:8188", "Origin": "http://localhost:8188"}),
    (LOCAL, {"Host": "[::1]:8188", "Origin": "http://[::1]:8188"}),
    (LOCAL, {"Host": "127.9.9.9", "Origin": "http://127.9.9.9"}),
    (LOCAL, {"Host": "localhost:443", "Origin": "https://localhost"}),
    (LOCAL, {"Host": "localhost:8188", "Sec-Fetch-Site": "none"}),  # typed into the address bar
    # Names that the owner lists, as a proxy hands them on.
    (LOCAL, {"Host": NAME, "Origin": f"https://{NAME}", **SAME}),
    (LOCAL, {"Host": f"{NAME}:443", "Origin": f"https://{NAME}"}),
    (LOCAL, {"Host": "abc.tunnel.example", "Origin": "https://abc.tunnel.example", **SAME}),
    (LOCAL, {"Host": "127.0.0.1:8188", "X-Forwarded-Host": NAME, "Origin": f"https://{NAME}"}),
    (LOCAL, {"Host": "127.0.0.1:8188", "Origin": f"https://{NAME}", **SAME}),
    # A ComfyUI that a network reaches: any name may be its own.
    (ELSEWHERE, {"Host": "192.168.1.5:8188", "Origin": "http://192.168.1.5:8188"}),
    (ELSEWHERE, {"Host": "gpu-box:8188", "Origin": "http://gpu-box:8188", **SAME}),
    (ELSEWHERE, {"Host": "gpu-box:8188"}),
    (ELSEWHERE, {"Host": f"{NAME}:443", "Origin": f"https://{NAME}"}),
    (ELSEWHERE, {"Host": f"{NAME}:80", "Origin": f"http://{NAME}"}),
    (ELSEWHERE, {"Host": NAME, "Origin": f"http://{NAME}:8080"}),  # a proxy without the port
    (ELSEWHERE, {"Host": "comfyui:8188", "Origin": f"https://{NAME}", **SAME}),
    (ELSEWHERE, {"Host": "comfyui:8188", "Origin": f"http://{NAME}", "X-Forwarded-Host": NAME}),
    (
        ELSEWHERE,
        {"Host": "c:1", "Origin": f"http://{NAME}:81", "X-Forwarded-Host": f"{NAME}:81, inner"},
    ),
]

EVIL = "evil.example"
REFUSED: list[tuple[bool, Mapping[str, str], str]] = [
    # DNS rebinding: the name of a website leads to this computer.
    (LOCAL, {"Host": f"{EVIL}:8188", "Origin": f"http://{EVIL}:8188", **SAME}, EVIL),
    (LOCAL, {"Host": f"{EVIL}:8188", "Origin": f"http://{EVIL}:8188"}, EVIL),
    (LOCAL, {"Host": EVIL}, "VENICE_ALLOWED_HOSTS"),
    (LOCAL, {"Host": EVIL, "X-Forwarded-Host": "localhost"}, EVIL),
    (LOCAL, {"Host": "localhost", "X-Forwarded-Host": EVIL}, EVIL),
    (LOCAL, {"Host": "localhost:8188", "Origin": f"http://{EVIL}", **SAME}, EVIL),
    (LOCAL, {"Host": f"localhost.{EVIL}"}, EVIL),
    (LOCAL, {"Host": f"127.0.0.1.{EVIL}"}, EVIL),
    (LOCAL, {"Host": f"{NAME}.{EVIL}"}, EVIL),
    (LOCAL, {"Host": f"{EVIL}@localhost"}, "without a name"),
    (LOCAL, {"Host": f"localhost/{EVIL}"}, "without a name"),
    (LOCAL, {"Host": "localhost:x"}, "without a name"),
    (LOCAL, {"Host": ""}, "without a name"),
    (LOCAL, {}, "without a name"),
    # Other pages of this computer, and of the network.
    (LOCAL, {"Host": "localhost:8188", "Origin": "http://localhost:3000"}, "X-Forwarded-Host"),
    (LOCAL, {"Host": "localhost:8188", "Origin": "http://localhost"}, "X-Forwarded-Host"),
    (LOCAL, {"Host": "localhost:8188", "Origin": "http://127.0.0.1:8188"}, "X-Forwarded-Host"),
    (ELSEWHERE, {"Host": "box:8188", "Origin": f"http://{EVIL}"}, f"{EVIL}, but"),
    (ELSEWHERE, {"Host": "box:8188", "Origin": "http://box:81"}, "X-Forwarded-Host"),
    (ELSEWHERE, {"Host": "box:8188", "Origin": "http://box"}, "X-Forwarded-Host"),
    (ELSEWHERE, {"Host": "a", "Origin": "http://b", "X-Forwarded-Host": "c"}, "X-Forwarded-Host"),
    *(
        (where, {"Host": "localhost", "Sec-Fetch-Site": site}, f"Sec-Fetch-Site: {site}")
        for where in (LOCAL, ELSEWHERE)
        for site in ("cross-site", "same-site", "", "SAME-ORIGIN")
    ),
    *(
        (where, {"Host": "localhost", "Origin": origin, **SAME}, "(Origin: ")
        for where in (LOCAL, ELSEWHERE)
        for origin in ("null", "", "file://", "http://", "localhost", "http://a:b", "http://[::1")
    ),
]


@pytest.mark.parametrize(("is_local", "headers"), FINE, ids=str)
def test_comfyuis_own_page_may_ask(pack: Any, is_local: bool, headers: Mapping[str, str]) -> None:
    assert pack.venice_nodes.page.origin.why_refused(headers, is_local, lambda: OWNER) == ""


@pytest.mark.parametrize(("is_local", "headers", "said"), REFUSED, ids=str)
def test_another_page_may_not(
    pack: Any, is_local: bool, headers: Mapping[str, str], said: str
) -> None:
    why = pack.venice_nodes.page.origin.why_refused(headers, is_local, lambda: OWNER)
    assert said in why
    assert why.endswith((".", ")."))
    assert "\n" not in why


@pytest.mark.parametrize("path", ["/venice/limits", "/venice/key", "/venice/preview"])
def test_a_rebound_name_changes_nothing(page: PageClient, bench: Bench, path: str) -> None:
    host = page.url.replace("http://127.0.0.1", EVIL)
    rebound = {**OURS, "Content-Type": "application/json"}
    rebound |= {"Host": host, "Origin": f"http://{host}", **SAME}
    body = json.dumps({"max_usd_per_run": None, "key": "another"})
    answer = page.raw(path, body, rebound)
    assert answer.status_code == 403
    said = f"To use the Venice nodes at {EVIL}, add it to VENICE_ALLOWED_HOSTS on the server."
    assert answer.json() == {"error": said}
    assert not (bench.home / "venice.json").exists()


@pytest.mark.parametrize("place", ["environment", "file"])
def test_the_owner_lists_the_name_of_a_proxy(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    proxied = {"Host": NAME, "Origin": f"https://{NAME}", **SAME}
    assert page.post("/venice/limits", {"max_usd_per_run": 3}, **proxied).status_code == 403
    names = f"other.example, {NAME.upper()}"
    if place == "environment":
        monkeypatch.setenv("VENICE_ALLOWED_HOSTS", names)
    else:
        (bench.home / "venice.json").write_text(json.dumps({"VENICE_ALLOWED_HOSTS": names}))
    assert page.post("/venice/limits", {"max_usd_per_run": 3}, **proxied).status_code == 200
    assert page.get("/venice/account", **proxied).json()["limits"]["max_usd_per_run"] == 3


def test_no_route_changes_who_may_ask(page: PageClient, bench: Bench) -> None:
    for name in ("allowed_hosts", "VENICE_ALLOWED_HOSTS"):
        assert page.post("/venice/limits", {name: EVIL}).status_code == 400
    assert not (bench.home / "venice.json").exists()


@pytest.mark.parametrize(
    ("listen", "address", "is_local"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1,::1", "127.0.0.1", True),
        ("localhost", "::1", True),
        ("0.0.0.0", "127.0.0.1", False),
        ("127.0.0.1, 192.168.1.5", "127.0.0.1", False),
        (None, "127.0.0.1", True),
        (None, "192.168.1.5", False),
        (None, "", False),
    ],
)
def test_where_comfyui_listens(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, listen: Any, address: str, is_local: bool
) -> None:
    host = bench.pack.venice_nodes.run.comfyui
    monkeypatch.setattr(host, "args", type("Args", (), {"listen": listen}))
    origin = bench.pack.venice_nodes.page.origin
    assert origin.listens_locally(host.listens_on(), address) is is_local
