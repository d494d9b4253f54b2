"""The routes of the page: who may ask, and what they answer, take and refuse."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from bench import GENERATE, KEY, Bench, held_until
from page_server import OURS, PageClient
from waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
GETS = ("/venice/account", "/venice/models", "/venice/results", "/venice/ends")
POSTS = (
    *("/venice/key", "/venice/key/forget", "/venice/limits", "/venice/preview"),
    "/venice/lists/refresh",
    *(f"/venice/results/{name}" for name in ("search", "save", "input", "seen", "remove")),
)
EVIL = "<img src=x onerror=alert(1)> javascript:alert(1) [x](http://evil.example) [[b]]"
FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@pytest.mark.parametrize("path", [*GETS, f"/venice/results/{'a' * 64}/thumbnail"])
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_foreign_page_reads_nothing(page: PageClient, path: str, headers: dict[str, str]) -> None:
    assert page.get(path, **headers).status_code == 403


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_foreign_page_changes_nothing(
    page: PageClient, path: str, headers: dict[str, str]
) -> None:
    answer = page.post(path, {}, **headers)
    assert (answer.status_code, list(answer.json())) == (403, ["error"])


@pytest.mark.parametrize("path", POSTS)
def test_what_a_form_can_send_is_refused(page: PageClient, path: str) -> None:
    assert page.raw(path, "{}", {"Content-Type": "application/json"}).status_code == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert page.raw(path, "{}", {**OURS, "Content-Type": kind}).status_code == 415
    for body in (b"", b"[]", b"{", b"[" * 50_000, b'"x"', b"\xff"):
        headers = {**OURS, "Content-Type": "application/json"}
        assert page.raw(path, body, headers).status_code == 400, body[:9]


@pytest.mark.parametrize("path", POSTS)
def test_a_huge_body_is_refused(page: PageClient, path: str) -> None:
    headers = {**OURS, "Content-Type": "application/json"}
    size = 33 * 2**20 if path == "/venice/preview" else 100_000
    parts = iter([b'{"key": "', b"k" * size, b'"}'])
    assert page.raw(path, parts, headers).status_code == 413  # chunked: no length is told


def test_the_account_before_there_is_a_key(
    page: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    told = page.get("/venice/account").json()
    assert told["key"] == {"is_set": False, "source": None, "is_sandbox": False}
    assert told["limits"] == {
        "max_usd_per_run": 5.0,
        "max_usd_per_day": None,
        "store_mb": 1024.0,
        "ask_above_usd": 1.0,
        "show_all_inputs": False,
        "save_prompts": True,
    }
    assert told["spent"] == {"session": 0.0, "today": 0.0, "days_30": 0.0, "by_model": []}
    assert told["key_url"] == "https://venice.ai/settings/api"
    assert page.get("/venice/account?refresh=1").json()["balance_usd"] is None
    assert page.post("/venice/lists/refresh").status_code == 409


def test_the_account_tells_what_was_spent_and_what_is_left(page: PageClient, bench: Bench) -> None:
    bench.generate(batch_size=2)
    told = page.get("/venice/account").json()
    assert told["key"]["source"] == "environment"
    assert told["spent"]["session"] == told["spent"]["today"] == 0.02
    assert told["spent"]["by_model"] == [{"model": "z-image-turbo", "usd": 0.02, "requests": 2}]
    assert told["balance_usd"] is not None, "every answer tells it"
    assert set(told["rate_limit"]) == {"limit", "remaining"}
    fresh = page.get("/venice/account?refresh=1").json()
    assert fresh["balance_usd"] == pytest.approx(100 - 0.02)
    assert "error" not in fresh


def test_a_balance_is_told_for_its_own_key_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = bench.pack.venice_nodes.page.account
    late = account.ask_balance()  # asked before, and answered after, the key changes
    assert account.account(late)["balance_usd"] == 100.0
    monkeypatch.setenv("VENICE_API_KEY", "another-key-of-mine")
    assert account.account(late)["balance_usd"] is None


def test_the_newest_balance_is_told(page: PageClient, bench: Bench) -> None:
    assert page.get("/venice/account?refresh=1").json()["balance_usd"] == 100.0
    bench.generate()
    bench.generate(seed=900)
    told = page.get("/venice/account").json()["balance_usd"]
    assert told == pytest.approx(99.99), "the answer that was paid for is newer"
    assert page.get("/venice/account?refresh=1").json()["balance_usd"] == pytest.approx(99.98)


def test_the_addresses_are_those_of_the_project(page: PageClient) -> None:
    told = page.get("/venice/account").json()
    urls = (ROOT / "pyproject.toml").read_text("utf-8").partition("[project.urls]")[2]
    assert f'Repository = "{told["project_url"]}"' in urls
    assert f'"Bug Tracker" = "{told["issues_url"]}"' in urls


def test_nothing_waits_for_the_preview_of_a_large_graph(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    preview = bench.pack.venice_nodes.page.preview.Preview
    monkeypatch.setattr(preview, "of", lambda self, prompt: may_end.wait(60) and {})
    asking = [
        threading.Thread(target=PageClient(page.url).post, args=("/venice/preview",))
        for _ in range(6)
    ]
    for thread in asking:
        thread.start()
    try:
        assert page.get("/venice/account").status_code == 200
        assert page.get("/venice/results").status_code == 200
    finally:
        may_end.set()
        for thread in asking:
            thread.join(60)


def test_a_key_that_works_is_saved(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    told = page.post("/venice/key", {"key": f'  "{KEY}" '}).json()
    assert told == {"works": True, "balance_usd": 100.0}
    file = bench.home / "venice.json"
    assert json.loads(file.read_text())["VENICE_API_KEY"] == KEY
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert page.get("/venice/account").json()["key"]["source"] == "file"
    assert page.post("/venice/key/forget").json() == {}
    assert page.get("/venice/account").json()["key"]["is_set"] is False
    assert "VENICE_API_KEY" not in json.loads(file.read_text())


@pytest.mark.parametrize("key", ["wrong-key-of-mine", "", " ", None, 7, "a b", "k" * 1000, EVIL])
def test_a_key_that_does_not_work_is_not_saved(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch, key: Any
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    answer = page.post("/venice/key", {"key": key})
    assert answer.json()["works"] is False
    assert answer.json()["error"]
    assert "VENICE_" not in answer.text, "nobody here has set it"
    if key == "wrong-key-of-mine":
        told = "Venice didn't accept this key. Check that you copied all of it."
        assert answer.json()["error"] == told
    assert "wrong-key" not in answer.text
    assert not (bench.home / "venice.json").exists()


def test_a_key_keeps_the_other_settings_of_the_file(
    page: PageClient, bench: Bench, saved_key: str
) -> None:
    assert page.post("/venice/limits", {"max_usd_per_run": 2}).json()["max_usd_per_run"] == 2
    page.post("/venice/key", {"key": KEY})
    page.post("/venice/key/forget")
    assert json.loads((bench.home / "venice.json").read_text())["VENICE_MAX_USD_PER_RUN"] == "2"


def test_the_key_of_the_environment_is_not_changed(page: PageClient, bench: Bench) -> None:
    for path in ("/venice/key", "/venice/key/forget"):
        answer = page.post(path, {"key": "another-key"})
        assert (answer.status_code, "VENICE_API_KEY" in answer.json()["error"]) == (409, True)
    assert not (bench.home / "venice.json").exists()


def test_a_service_that_does_not_answer_is_told_in_time(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.pack.venice_nodes.page.routes, "WAIT_S", 0.05)
    monkeypatch.setattr(bench.pack.venice_nodes.page.account, "ASK_SECONDS", 0.5)
    monkeypatch.setenv("VENICE_API_BASE", "http://127.0.0.1:9/api/v1")
    told = page.get("/venice/account?refresh=1").json()
    assert told["error"]
    assert told["limits"], "the rest is there all the same"
    assert "127.0.0.1:9/" not in json.dumps(told)


def test_the_sandbox_is_chosen_by_its_word(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    assert page.post("/venice/key", {"key": "Sandbox"}).json()["works"] is True
    assert json.loads((bench.home / "venice.json").read_text()) == {"VENICE_API_KEY": "sandbox"}
    told = page.get("/venice/account").json()
    assert (told["service"], told["key"]["is_sandbox"]) == ("sandbox", True)


def test_a_key_that_nobody_answers_for_is_not_saved(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    monkeypatch.setattr(bench.pack.venice_nodes.page.routes, "WAIT_S", 0.05)
    may_answer = threading.Event()
    held = held_until(may_answer.is_set)
    bench.sandbox.add_fault(held, path="/billing/balance")
    assert page.post("/venice/key", {"key": KEY}).json()["works"] is False
    may_answer.set()
    late = bench.pack.venice_nodes.page.account.try_key(KEY, until=0.0)
    assert late["works"] is False, "the page was told that it does not work"
    assert not (bench.home / "venice.json").exists()


def test_limits_are_saved_all_or_none(page: PageClient, bench: Bench) -> None:
    given = {"max_usd_per_run": None, "max_usd_per_day": 20, "store_mb": 64, "ask_above_usd": 0.5}
    given |= {"show_all_inputs": True, "save_prompts": False}
    told = page.post("/venice/limits", given).json()
    assert told == given
    assert page.get("/venice/account").json()["limits"] == told
    for wrong, said in (
        ({"max_usd_per_day": -5}, "Enter 0 or more."),
        ({"store_mb": float("1e300")}, "Enter 0 or more."),
        ({"ask_above_usd": "5"}, "Enter a number."),
        ({"show_all_inputs": 1}, "Turn it on or off."),
    ):
        answer = page.post("/venice/limits", wrong)
        assert (answer.status_code, answer.json()) == (400, {"error": said})
    for wrong in (
        {"max_usd_per_run": -1},
        {"max_usd_per_run": "5"},
        {"store_mb": None},
        {"show_all_inputs": 1},
        {"ask_above_usd": True},
        {"VENICE_API_BASE": "http://evil.example"},
        {"store_mb": [1]},
    ):
        answer = page.post("/venice/limits", {"ask_above_usd": 9, **wrong})
        assert answer.status_code == 400, wrong
    assert page.get("/venice/account").json()["limits"] == told
    assert bench.pack.venice_client.load_settings().max_usd_per_run is None


def test_a_limit_of_the_environment_is_not_changed(
    page: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_RUN", "3")
    assert page.post("/venice/limits", {"max_usd_per_run": 4}).status_code == 409
    told = page.get("/venice/account").json()
    assert (told["limits"]["max_usd_per_run"], told["locked"]) == (3.0, ["max_usd_per_run"])


def test_settings_that_cannot_be_read_are_told_without_a_path(
    page: PageClient, bench: Bench
) -> None:
    (bench.home / "venice.json").write_text("{")
    told = page.get("/venice/account").json()
    assert "Can't read the settings file" in told["error"]
    for answer in (json.dumps(told), page.post("/venice/preview", {"prompt": {}}).text):
        assert str(bench.home) not in answer


def test_models_tell_what_they_take(page: PageClient) -> None:
    told = page.get("/venice/models").json()
    assert told["generate"][0]["id"] == "z-image-turbo"
    assert told["edit"][0]["id"] == "firered-image-edit"
    by_id = {model["id"]: model for model in told["generate"]}
    nano = by_id["nano-banana-pro"]
    assert nano["label"] == "Nano Banana Pro · $0.18–$0.35"
    assert (nano["inputs"]["steps"], nano["inputs"]["negative_prompt"]) == (False, False)
    assert by_id["z-image-turbo"]["inputs"]["resolution"] is False
    names = set(page_inputs("VeniceGenerateImage", page))
    assert set(nano["inputs"]) <= names
    prices = [model["label"] for model in told["generate"][1:]]
    assert prices[0].endswith("$0.01")


def page_inputs(node: str, _page: PageClient) -> set[str]:
    from contract import CONTRACT

    return {*CONTRACT[node]["required"], *CONTRACT[node]["optional"], "transparent_background"}


def test_the_lists_are_refreshed(page: PageClient, bench: Bench) -> None:
    assert page.post("/venice/lists/refresh").json() == {}
    assert list(bench.home.glob("catalogue-*.json"))


def test_the_lists_are_refreshed_when_a_page_opens(page: PageClient, bench: Bench) -> None:
    """Before the first run: its prices and limits are then those of the service."""
    page.get("/venice/models")
    assert wait_for(lambda: list(bench.home.glob("catalogue-*.json")))
    assert bench.sandbox.paid_requests == []


def test_nobody_is_asked_for_lists_without_a_key_or_on_the_sandbox(
    page: PageClient, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    client = bench.pack.venice_client.catalogue.catalogue.Catalogue
    monkeypatch.setattr(client, "refresh_when_old", lambda self: asked.append(self))
    routes = bench.pack.venice_nodes.page.routes
    for key in ("", "sandbox"):
        monkeypatch.setenv("VENICE_API_KEY", key)
        routes._refresh_when_old()
    assert asked == []


def test_no_browser_takes_an_answer_for_a_page(page: PageClient, bench: Bench) -> None:
    """What a graph says stays as it is: the page puts it into texts alone."""
    graph = {"1": {"class_type": "VeniceGenerateImage", "inputs": {**GENERATE, "model": EVIL}}}
    answer = page.post("/venice/preview", {"prompt": graph})
    assert EVIL in answer.json()["total"]["text"]
    for told in (
        answer,
        page.post("/venice/limits", {EVIL: 1}),
        page.get("/venice/results?limit=x"),
    ):
        assert told.headers["Content-Type"].startswith("application/json")
        assert told.headers["X-Content-Type-Options"] == "nosniff"


def test_no_answer_holds_the_key(page: PageClient, bench: Bench, saved_key: str) -> None:
    bench.generate()
    key = page.get("/venice/results").json()["results"][0]["id"]
    answers = [page.get(path) for path in (*GETS, "/venice/account?refresh=1")]
    answers += [page.get(f"/venice/results/{key}/{end}") for end in ("thumbnail", "image/0")]
    bodies = {
        "/venice/preview": {"prompt": {KEY: {"class_type": "x"}}},
        "/venice/key": {"key": KEY},
    }
    answers += [page.post(path, bodies.get(path)) for path in POSTS]
    for answer in answers:
        assert saved_key.encode() not in answer.content, answer.url
        assert bench.sandbox.base_url not in answer.text, answer.url
        assert str(bench.home) not in answer.text, answer.url
        assert saved_key not in str(answer.headers)


def test_nothing_paid_is_started(page: PageClient, bench: Bench) -> None:
    graph = {"1": {"class_type": "VeniceGenerateImage", "inputs": dict(GENERATE)}}
    for path in POSTS:
        page.post(path, {"prompt": graph, "key": KEY})
    for path in GETS:
        page.get(path)
    assert bench.sandbox.charged_usd == 0
    assert bench.sandbox.paid_requests == []
