"""What a node tells the page: the message `venice.status`, and the same beside its outputs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import torch

from bench import GENERATE, Bench
from faulty_sandbox import Fault

EVIL = "<img src=x onerror=alert(1)> [[x]] javascript:alert(1)"


TO_FINISH = {"seed": 2000, "seeds": {}, "count": 1, "usd": 0.01, "price": "about $0.01"}


class Server:
    """In place of ComfyUI's server."""

    def __init__(self) -> None:
        self.client_id: str | None = "tab-1"
        self.sent: list[tuple[str, dict[str, Any], str]] = []
        self.texts: list[str] = []

    def send_sync(self, event: str, data: dict[str, Any], sid: str) -> None:
        self.sent.append((event, data, sid))

    def send_progress_text(self, text: str, node: str, sid: str) -> None:
        self.texts.append(text)


@pytest.fixture
def server(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server of ComfyUI, and a run of the inner node "4:7"."""
    comfyui = bench.pack.venice_nodes.run.comfyui
    made = Server()

    class Context:
        prompt_id, node_id = "prompt-9", "4:7"

    monkeypatch.setattr(comfyui, "PromptServer", type("PromptServer", (), {"instance": made}))
    monkeypatch.setattr(comfyui, "get_executing_context", Context)
    return made


def returned(bench: Bench, node: str, **inputs: Any) -> dict[str, Any]:
    made = bench.pack.NODE_CLASS_MAPPINGS[node]()
    answer: dict[str, Any] = asyncio.run(getattr(made, made.FUNCTION)(**inputs))
    return answer


def generated(bench: Bench, **inputs: Any) -> dict[str, Any]:
    lists = {name: [value] for name, value in {**GENERATE, **inputs}.items()}
    return returned(bench, "VeniceGenerateImage", **lists)


def test_it_says_where_it_belongs_and_is_kept_with_the_outputs(
    bench: Bench, server: Server
) -> None:
    answer = generated(bench, seed=2000)
    (*_, (event, last, client)) = server.sent
    assert (event, client) == ("venice.status", "tab-1")
    assert last == {
        "prompt_id": "prompt-9",
        "node": "4:7",
        "text": "1 image · seed 2000 · about $0.01",
        "kind": "done",
        "seed": 2000,
        "again": None,
        "model": "z-image-turbo",
        "seeds": [2000],
        "cost_usd": 0.01,
        "free": False,
        "warnings": [],
        "may_have_been_charged": False,
    }
    assert answer["ui"] == {"venice_status": [last]}
    assert {data["kind"] for _, data, _ in server.sent[:-1]} <= {"progress"}
    assert server.texts[-1] == last["text"], "a page without our script shows it too"


@pytest.mark.parametrize(
    ("node", "inputs"),
    [
        ("VeniceSeed", {"seed": 7, "mode": "fixed"}),
        ("VeniceStyleSweep", {"styles": "Anime"}),
        ("VeniceModelSweep", {"models": "z-image-turbo"}),
        ("VeniceStyleReferences", {"images": torch.zeros(1, 64, 64, 3), "strength": 0.5}),
        ("VeniceContactSheet", {"images": [torch.zeros(1, 64, 64, 3)]}),
        ("VeniceRemoveBackground", {"image": [torch.zeros(1, 256, 256, 3)]}),
    ],
)
def test_every_node_returns_it(
    bench: Bench, server: Server, node: str, inputs: dict[str, Any]
) -> None:
    answer = returned(bench, node, **inputs)
    assert len(answer["result"]) == len(bench.pack.NODE_CLASS_MAPPINGS[node].RETURN_TYPES)
    (status,) = answer["ui"]["venice_status"]
    assert (status["kind"], status["node"], status["seed"]) == (
        *("done", "4:7"),
        7 if node == "VeniceSeed" else None,
    )


def test_all_facts_are_data(bench: Bench, server: Server) -> None:
    first = generated(bench, seed=2000, batch_size=3, quality="high")["ui"]["venice_status"][0]
    again = generated(bench, seed=2000, batch_size=3, quality="high")["ui"]["venice_status"][0]
    assert first["seeds"] == again["seeds"] == [2000, 2001, 2002]
    assert (first["cost_usd"], first["free"]) == (pytest.approx(0.03), False)
    assert (again["cost_usd"], again["free"]) == (0, True)
    assert first["warnings"] == again["warnings"] != []


def test_an_error_has_the_facts_too(bench: Bench, server: Server) -> None:
    bench.sandbox.add_fault(Fault.reset(), when=lambda sent: sent["seed"] == 2002)
    with pytest.raises(Exception, match="to pay only for the missing 1"):
        generated(bench, seed=2000, batch_size=4)
    (last,) = bench.pack.venice_nodes.run.comfyui.ends_of("prompt-9")
    assert (last["kind"], last["may_have_been_charged"]) == ("error", True)
    assert last["cost_usd"] == pytest.approx(0.04)
    assert last["seeds"] == [2000, 2001, 2002, 2003]


def test_what_is_refused_before_sending_costs_nothing(bench: Bench, server: Server) -> None:
    with pytest.raises(Exception, match="Enter a prompt"):
        generated(bench, prompt="")
    last = server.sent[-1][1]
    assert (last["cost_usd"], last["free"], last["may_have_been_charged"]) == (0, True, False)
    assert last["model"] is None


@pytest.mark.parametrize(
    ("body", "room"),
    [
        ({"prompt": {"1": {"class_type": "VeniceGenerateImage"}}}, {}),
        ({"prompt": {"1": {"class_type": "VeniceUpscaleImage"}}, "extra_data": {}}, {}),
        ({"prompt": {"1": {"class_type": "VeniceSeed"}}}, None),
        ({"prompt": {"1": {"class_type": []}, "2": 3}}, None),
        ({"prompt": []}, None),
        ([], None),
        (
            {
                "prompt": {"1": {"class_type": "VeniceGenerateImage"}},
                "extra_data": {"extra_pnginfo": {"workflow": 1}},
            },
            {"workflow": 1},
        ),
    ],
)
def test_a_prompt_that_pays_has_room_for_its_facts(bench: Bench, body: Any, room: Any) -> None:
    bench.pack.venice_nodes.run.saved_metadata.make_room(body, bench.pack.NODE_CLASS_MAPPINGS)
    extra = body.get("extra_data", {}) if isinstance(body, dict) else {}
    assert extra.get("extra_pnginfo") == room


def test_a_random_seed_is_told(bench: Bench, server: Server) -> None:
    answer = returned(bench, "VeniceSeed", seed=7, mode="random every run")
    assert answer["ui"]["venice_status"][0]["seed"] == answer["result"][0]


def test_an_error_says_how_to_ask_again_and_what_is_paid_then(bench: Bench, server: Server) -> None:
    bench.sandbox.add_fault(Fault.reset(), when=lambda sent: sent["seed"] == 2002)
    with pytest.raises(Exception, match="to pay only for the missing 1"):
        generated(bench, seed=2000, batch_size=4)
    last = server.sent[-1][1]
    assert (last["kind"], last["again"]) == ("error", TO_FINISH)
    assert "3 of 4 images are saved; 1 was lost" in last["text"]


def test_an_error_that_cannot_pass_offers_no_other_try(bench: Bench, server: Server) -> None:
    bench.sandbox.add_fault(Fault.status(400), when=lambda sent: sent["seed"] == 2002)
    with pytest.raises(Exception, match="Saved images stay free"):
        generated(bench, seed=2000, batch_size=4)
    last = server.sent[-1][1]
    assert (last["kind"], last["again"]) == ("error", None)
    told = (
        " 3 of 4 images are saved. Saved images stay free if you run again with seed 2000 (fixed)."
    )
    assert last["text"].startswith("Venice rejected the request")
    assert last["text"].endswith(told)


@pytest.mark.parametrize("kind", ["RandomWords", "VeniceWordsOfAnotherPack"])
@pytest.mark.parametrize("mark", [[float("nan")], [0.25], float("nan")], ids=str)
def test_no_other_try_is_offered_after_a_node_that_draws(
    bench: Bench, server: Server, mark: Any, kind: str
) -> None:
    bench.sandbox.add_fault(Fault.reset(), when=lambda sent: sent["seed"] == 2002)
    graph = {
        "1": {"class_type": kind, "inputs": {}, "is_changed": mark},
        "4:7": {"class_type": "VeniceGenerateImage", "inputs": {"prompt": ["1", 0]}},
    }
    with pytest.raises(Exception, match="to pay only for the missing 1"):
        generated(bench, seed=2000, batch_size=4, run_prompt=graph)
    assert server.sent[-1][1]["again"] is None


def test_an_error_where_nothing_was_made_has_no_such_way(bench: Bench, server: Server) -> None:
    with pytest.raises(Exception, match="Enter a prompt"):
        generated(bench, prompt="")
    assert server.sent[-1][1]["again"] is None


def test_a_run_without_a_client_tells_nobody(bench: Bench, server: Server) -> None:
    """Sent to no client it would go to all, and land on their nodes of the same id."""
    server.client_id = None
    answer = generated(bench)
    assert server.sent == []
    assert answer["ui"]["venice_status"][0]["kind"] == "done"


def test_a_text_of_a_workflow_is_harmless(bench: Bench, server: Server) -> None:
    with pytest.raises(Exception, match="img"):
        generated(bench, format=EVIL)
    with pytest.raises(Exception, match="img"):
        generated(bench, model="nano-banana-pro", aspect_ratio=EVIL)
    for _, data, _ in server.sent:
        for sign in ("<", ">", "[[", "javascript:a"):
            assert sign not in data["text"]
    assert any("‹img" in data["text"] for _, data, _ in server.sent)


def test_errors_carry_the_name_of_the_service(bench: Bench) -> None:
    errors = bench.pack.venice_client.errors
    types = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    kinds = [kind for kind in types if issubclass(kind, errors.VeniceError)]
    assert len(kinds) > 20
    assert {kind.__module__ for kind in kinds} == {"venice"}


def test_comfyui_knows_an_empty_prompt_and_a_violation(bench: Bench) -> None:
    known = "Field 'prompt' cannot be empty."
    assert known in str(bench.generate(prompt=" ").error).splitlines()[1:]
    assert known not in str(bench.generate(format="gif").error)
    bench.sandbox.add_fault(Fault.headers({"x-venice-is-content-violation": "true"}))
    error = bench.generate(seed=5).error
    line = "The generated image was flagged for content policy violation."
    assert line in str(error).splitlines()[1:]
    bench.sandbox.add_fault(Fault.headers({"x-venice-is-blurred": "true"}))
    assert line not in str(bench.generate(seed=6).error)
