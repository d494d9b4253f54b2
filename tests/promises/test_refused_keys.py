"""What becomes of the rest of a run when a key, an account or a model is refused."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest

import node_calls
from bench import GENERATE, KEY, Bench
from faulty_sandbox import Fault

MODELS = ["z-image-turbo", "chroma", "lustify-v8"]


def run_lists(bench: Bench, **lists: list[Any]) -> BaseException:
    """The error of a node that runs for lists."""
    node = bench.pack.NODE_CLASS_MAPPINGS["VeniceGenerateImage"]()
    values = {**{name: [value] for name, value in GENERATE.items()}, **lists}
    with pytest.raises(bench.pack.venice_client.VeniceError) as caught:
        node_calls.call_with_lists(node, **values)
    return caught.value


def test_a_sweep_of_all_styles_with_a_refused_key_sends_no_more_than_go_at_once(
    bench: Bench, one_run: str
) -> None:
    bench.sandbox.add_fault(Fault.status(401), times=None)
    styles = bench.pack.venice_nodes.model_lists.styles()
    error = run_lists(bench, style=styles)
    assert "set VENICE_API_KEY" in str(error)
    assert 1 <= len(bench.sandbox.paid_requests) <= 8


@pytest.mark.parametrize(
    ("status", "code", "is_model"),
    [
        (401, "", False),
        (402, "", False),
        (403, "", True),
        (401, "PRO_ONLY_MODEL", True),
        (403, "API_ACCESS_DISABLED", False),
    ],
)
def test_a_refused_model_of_a_sweep_leaves_the_others(
    bench: Bench,
    one_run: str,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    is_model: bool,
) -> None:
    """A 403 may be about one model: its modelPrivacy, or the region."""
    monkeypatch.setenv("VENICE_MAX_IN_FLIGHT", "1")
    fault = Fault.status(status, {"error": "no", "code": code})
    bench.sandbox.add_fault(fault, times=None, when=lambda sent: sent["model"] == MODELS[0])

    error = run_lists(bench, model=MODELS, batch_size=[4])

    sent = Counter(request.json["model"] for request in bench.sandbox.paid_requests)
    assert sent == ({MODELS[0]: 1, MODELS[1]: 4, MODELS[2]: 4} if is_model else {MODELS[0]: 1})
    assert len(bench.entries) == (8 if is_model else 0)
    assert ("8 of 12 images are saved." in str(error)) == is_model


def test_guesses_at_the_page_tell_nothing_of_the_saved_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Near or far, a wrong key gets one and the same answer, and the saved one stays."""
    monkeypatch.delenv("VENICE_API_KEY")
    saved = bench.home / "venice.json"
    saved.write_text(f'{{"VENICE_API_KEY": "{KEY}"}}')
    saved.chmod(0o600)
    before = saved.read_bytes()
    guesses = [KEY[:-1], KEY + "x", KEY.upper(), KEY[::-1], "x" * len(KEY), "y" * 200]

    answers = [
        bench.pack.venice_nodes.page.account.try_key(guess, until=math.inf) for guess in guesses
    ]

    assert [answer["works"] for answer in answers] == [False] * len(guesses)
    assert len({str(answer) for answer in answers}) == 1
    assert not any(guess in str(answers) for guess in (KEY, *guesses))
    assert saved.read_bytes() == before
    sent = {request.headers["authorization"] for request in bench.sandbox.requests}
    assert f"Bearer {KEY}" not in sent, "the saved key does not go along"
