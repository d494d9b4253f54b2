"""`spending`: what the ledger says, by day and model; without a key."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clock import set_to_noon
from faulty_sandbox import Fault, Sandbox
from venice_client.store.ledger import Charge, Ledger, today
from waiting import wait_for

pytestmark = pytest.mark.usefixtures("noon")
SERVICE = "https://api.venice.ai/api/v1"


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to_noon(monkeypatch)


def spend(home: Path, days_ago: int, model: str, usd: float | None, **more: Any) -> None:
    noon = datetime.combine(today() - timedelta(days=days_ago), datetime.min.time())
    when = (noon + timedelta(hours=12)).timestamp()
    facts = {"service": SERVICE, "is_known": True, "run": "a run", **more}
    Ledger(home).add(Charge(model, "image", usd, time=when, **facts))


def test_by_day_and_model_the_newest_first(cli: Any, home: Path) -> None:
    spend(home, 9, "long-ago", 5.0)
    spend(home, 1, "b", 0.25)
    spend(home, 0, "b", 0.01)
    spend(home, 0, "b", 0.02)
    spend(home, 0, "a", 0.4, is_known=False)
    spend(home, 0, "c", 0.5, service="sandbox")

    end = cli("spending")

    before = today() - timedelta(days=1)
    assert end.code == 0
    assert [line.split() for line in end.lines] == [
        ["DAY", "MODEL", "REQUESTS", "SPENT", "SERVICE"],
        [str(today()), "a", "1", "up", "to", "$0.40", SERVICE],
        [str(today()), "b", "2", "$0.03", SERVICE],
        [str(today()), "c", "1", "free", "sandbox"],
        [str(before), "b", "1", "$0.25", SERVICE],
    ]
    assert end.err == (
        "You spent about $0.68 in 7 days, $0.43 of it today, "
        "for 5 requests (1 free in the sandbox).\n"
    )
    assert cli("spending", "--days", "1").lines == end.lines[:4]
    assert "long-ago" in cli("spending", "--days", "10").out


def test_the_sandbox_alone_costs_nothing(cli: Any, home: Path) -> None:
    spend(home, 0, "c", 0.0, service="sandbox")

    assert cli("spending").err == (
        "You spent nothing in 7 days. Requests to the free sandbox: 1.\n"
    )


def test_as_json(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "2.5")
    spend(home, 0, "a", 0.01)

    assert cli("spending", "--json").json == {
        "days": 7,
        "spending": [
            {
                "day": str(today()),
                "model": "a",
                "service": SERVICE,
                "requests": 1,
                "usd": 0.01,
                "unknown": 0,
            }
        ],
        "total": {
            "requests": 1,
            "sandbox_requests": 0,
            "usd": 0.01,
            "today_usd": 0.01,
            "max_usd_per_day": 2.5,
            "unknown": 0,
        },
    }


def test_totals_agree_with_the_rows(cli: Any, home: Path) -> None:
    spend(home, 0, "a", 0.01)
    spend(home, 1, "a", 0.02, is_known=False)
    for _ in range(3):
        spend(home, 0, "a", 0.5, service="sandbox", is_known=False)

    facts = cli("spending", "--json").json

    for name in ("requests", "usd", "unknown"):
        assert facts["total"][name] == sum(row[name] for row in facts["spending"])
    assert (facts["total"]["usd"], facts["total"]["sandbox_requests"]) == (0.03, 3)


def test_what_was_paid_is_in_it_and_what_was_not_is_not(cli: Any, sandbox: Sandbox) -> None:
    assert cli("generate", "a secret fox", "-n", "2", "--seed", "5").code == 0
    assert cli("generate", "a secret fox", "-n", "3", "--seed", "5").code == 0
    sandbox.add_fault(Fault.status(400))
    assert cli("generate", "a secret fox", "--seed", "50").code == 3
    sandbox.add_fault(Fault.cut())
    assert cli("generate", "a secret fox", "--seed", "51").code == 4

    end = cli("spending", "--json")

    (row,) = end.json["spending"]
    assert (row["model"], row["requests"], row["usd"]) == ("z-image-turbo", 4, 0.04)
    assert row["service"] == sandbox.base_url


def test_the_ledger_holds_neither_prompt_nor_key(cli: Any, home: Path) -> None:
    cli("generate", "a secret fox", "--negative", "no hidden hens")
    text = (home / "ledger.jsonl").read_text()
    assert "z-image-turbo" in text
    for words in ("secret", "hens", "test-key"):
        assert words not in text


def test_the_limit_of_a_day_ends_with_2_and_counts_other_processes(
    cli: Any, home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.025")
    assert cli("generate", "a fox", "--seed", "5").code == 0
    spend(home, 0, "a", 0.01, service=sandbox.base_url)

    end = cli("generate", "a fox", "--seed", "6")

    assert end.code == 2
    assert len(sandbox.paid_requests) == 1
    assert "about $0.01 on top of the $0.02 already spent today" in end.err
    assert "your daily limit is $0.025" in end.err
    assert cli("generate", "a fox", "--seed", "5").code == 0, "it is kept, and free"


def test_the_limit_of_a_day_counts_what_another_process_has_reserved(
    cli: Any, commands: Any, home: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.05")
    sandbox.add_fault(Fault.latency(90), times=3)
    process = commands("generate", "a fox", "-n", "3", "--seed", "5", "-o", "fox.png")
    wait_for(lambda: len(sandbox.paid_requests) == 3)

    end = cli("generate", "a hen", "-n", "3", "--seed", "5")
    assert end.code == 2
    assert "about $0.03 on top of the $0.03 already spent today" in end.err
    assert cli("generate", "a hen", "-n", "2", "--seed", "5").code == 0

    process.kill()
    process.wait(60)
    end = cli("generate", "a hen", "--seed", "50")
    assert "on top of the $0.05 already spent today" in end.err, "what was in flight counts once"
    assert not list((home / "journal").glob("*.jsonl"))


@pytest.mark.long
def test_processes_that_begin_at_once_keep_to_one_limit(
    cli: Any, commands: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENICE_MAX_USD_PER_DAY", "0.04")
    started = [
        commands("generate", "a fox", "-n", "2", "--seed", str(seed), "-o", f"{seed}.png")
        for seed in (10, 20, 30)
    ]
    for process in started:
        process.communicate(timeout=120)
    assert sorted(process.returncode for process in started) == [0, 0, 2]
    assert sandbox.charged_usd == pytest.approx(0.04)


def test_nothing_spent_and_no_key(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VENICE_API_KEY")
    end = cli("spending", "--days", "1")
    assert (end.code, end.out, end.err) == (0, "", "You spent nothing today.\n")
    (home / "ledger.jsonl").mkdir()
    end = cli("spending")
    assert end.code == 1
    assert "Can't read" in end.err


@pytest.mark.parametrize("days", ["0", "401", "x", "-1", "1.5"])
def test_days_that_mean_nothing_end_with_2(cli: Any, days: str) -> None:
    assert cli("spending", "--days", days).code == 2


def test_texts_of_others_are_made_fit_to_be_shown(cli: Any, home: Path) -> None:
    spend(home, 0, "x\x1b[2J", 0.01, service="y\x1b[2J")
    assert "\x1b" not in cli("spending").out


@pytest.mark.long
def test_what_a_killed_process_had_on_its_way_is_told_and_counted_once(
    cli: Any, commands: Any, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.add_fault(Fault.latency(90))
    process = commands("generate", "a fox", "-n", "2", "--seed", "5", "-o", "fox.png")
    wait_for(lambda: len(sandbox.paid_requests) == 2)
    assert "in flight" not in cli("spending").err

    process.kill()
    process.wait(60)

    said = "2 requests were in flight when an earlier session ended (z-image-turbo). You may have"
    assert f"{said} been charged about $0.02" in cli("spending").err

    sandbox.clear_faults()
    cli("generate", "a fox", "--seed", "7")
    assert f"{said} been charged about $0.02" in caplog.text
    caplog.clear()
    cli("generate", "a fox", "--seed", "7")
    assert "in flight" not in caplog.text + cli("spending").err
    assert cli("spending", "--json").json["total"]["requests"] == 3
