"""What is saved with the images of a run: the drawn seed, and what each node made."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from bench import GENERATE, PROMPT, Bench
from node_calls import outputs_of
from pairs import crossed

FIXED, RANDOM = "fixed", "random every run"
Run = Callable[..., Any]
Json = dict[str, Any]


@pytest.fixture
def run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs nodes as one prompt: (id, class, inputs) each; gives the outputs of each."""
    comfyui = bench.pack.venice_nodes.run.comfyui

    def go(*nodes: tuple[str, str, Json], prompt: Any = None, extra: Any = None) -> list[Any]:
        async def each() -> list[Any]:
            made = []
            for name, kind, inputs in nodes:
                context = type("Context", (), {"prompt_id": "prompt-1", "node_id": name})
                monkeypatch.setattr(comfyui, "get_executing_context", lambda got=context: got)
                node = bench.pack.NODE_CLASS_MAPPINGS[kind]()
                hidden: Json = {"run_prompt": prompt, "extra_pnginfo": extra}
                if getattr(node, "INPUT_IS_LIST", False):
                    hidden = {name: [value] for name, value in hidden.items()}
                made.append(outputs_of(await getattr(node, node.FUNCTION)(**inputs, **hidden)))
            return made

        return asyncio.run(each())

    return go


def entry(seed: Any = 42, mode: Any = RANDOM) -> Json:
    """A Venice Seed in a prompt, with the note that ComfyUI leaves there."""
    return {
        "class_type": "VeniceSeed",
        "inputs": {"seed": seed, "mode": mode},
        "is_changed": ["0123"],
    }


def seed_node(number: int, **more: Any) -> Json:
    """A Venice Seed in a workflow."""
    return {"id": number, "type": "VeniceSeed", "widgets_values": [42, RANDOM], **more}


def socket(name: str, link: int) -> Json:
    """An input with a widget to which a link leads."""
    return {"name": name, "link": link, "widget": {"name": name}}


def draw(run: Run, prompt: Json, workflow: Any, *names: str) -> list[int]:
    """Runs these nodes; the seeds that they draw."""
    calls = [(name, "VeniceSeed", {"seed": 42, "mode": RANDOM}) for name in names]
    made = run(*calls, prompt=prompt, extra={"workflow": workflow})
    return [outputs[0] for outputs in made]


def test_a_drawn_seed_is_fixed_in_prompt_and_workflow(run: Run) -> None:
    prompt = {"3": entry(), "4": {"class_type": "SaveImage", "inputs": {}}}
    workflow = {"nodes": [seed_node(2), seed_node(3)], "links": []}

    (seed,) = draw(run, prompt, workflow, "3")

    assert prompt["3"] == {"class_type": "VeniceSeed", "inputs": {"seed": seed, "mode": FIXED}}
    assert workflow == {
        "nodes": [seed_node(2), seed_node(3, widgets_values=[seed, FIXED])],
        "links": [],
    }


def test_a_fixed_seed_changes_nothing(run: Run) -> None:
    prompt, workflow = {"3": entry(mode=FIXED)}, {"nodes": [seed_node(3)], "links": []}
    before = copy.deepcopy([prompt, workflow])
    run(
        ("3", "VeniceSeed", {"seed": 42, "mode": FIXED}),
        prompt=prompt,
        extra={"workflow": workflow},
    )
    assert [prompt, workflow] == before


def test_without_a_workflow_the_prompt_holds_the_seed(run: Run) -> None:
    for extra in (None, {}, []):
        prompt = {"3": entry()}
        ((seed,),) = run(
            ("3", "VeniceSeed", {"seed": 42, "mode": RANDOM}), prompt=prompt, extra=extra
        )
        assert prompt["3"]["inputs"] == {"seed": seed, "mode": FIXED}


def test_what_comes_by_wire_is_cut(run: Run) -> None:
    source = {"id": 9, "type": "PrimitiveInt", "outputs": [{"links": [1, 7]}]}
    seed = seed_node(3, inputs=[socket("seed", 7)], outputs=[{"links": [8]}])
    links = [[1, 9, 0, 5, 0, "INT"], [7, 9, 0, 3, 0, "INT"], [8, 3, 0, 4, 2, "INT"]]
    prompt = {"3": entry(seed=["9", 0])}
    workflow = {"nodes": [source, seed], "links": links}

    (drawn,) = draw(run, prompt, workflow, "3")

    assert prompt["3"]["inputs"] == {"seed": drawn, "mode": FIXED}
    assert seed["widgets_values"] == [drawn, FIXED]
    assert seed["inputs"][0]["link"] is None
    assert source["outputs"] == [{"links": [1]}]
    assert workflow["links"] == [links[0], links[2]]


def subgraph(*outers: Json) -> Json:
    """A workflow with a subgraph in which Venice Seed, number 1, shows its mode outside."""
    inner = {
        "id": "abc",
        "inputs": [
            {"name": "image", "linkIds": [4]},
            {"name": "prompt", "linkIds": [5]},
            {"name": "mode", "linkIds": [6]},
        ],
        "nodes": [
            seed_node(1, inputs=[socket("mode", 6)]),
            {"id": 2, "inputs": [{"name": "image", "link": 4}, socket("prompt", 5)]},
        ],
        "links": [
            {"id": 4, "origin_id": -10, "origin_slot": 0, "target_id": 2, "target_slot": 0},
            {"id": 5, "origin_id": -10, "origin_slot": 1, "target_id": 2, "target_slot": 1},
            {"id": 6, "origin_id": -10, "origin_slot": 2, "target_id": 1, "target_slot": 1},
        ],
    }
    return {"nodes": list(outers), "links": [], "definitions": {"subgraphs": [inner]}}


def outer(number: int, **more: Any) -> Json:
    return {"id": number, "type": "abc", "widgets_values": ["a fox", RANDOM], **more}


def test_a_widget_that_is_shown_outside_of_its_subgraph(run: Run) -> None:
    workflow = subgraph(outer(5))
    (seed,) = draw(run, {"5:1": entry()}, workflow, "5:1")
    assert workflow["nodes"][0]["widgets_values"] == ["a fox", FIXED]
    inner = workflow["definitions"]["subgraphs"][0]["nodes"]
    assert inner[0]["widgets_values"] == [seed, FIXED]


def test_one_place_holds_one_seed(run: Run) -> None:
    """A subgraph that is used twice has one seed inside, so both get it, as if it were fixed."""
    workflow, prompt = subgraph(outer(5), outer(6)), {"5:1": entry(), "6:1": entry()}

    first, second = draw(run, prompt, workflow, "5:1", "6:1")

    assert first == second
    assert [node["widgets_values"][1] for node in workflow["nodes"]] == [FIXED, FIXED]
    assert {prompt[name]["inputs"]["seed"] for name in prompt} == {first}
    again = draw(run, {"5:1": entry()}, subgraph(outer(5)), "5:1")
    assert again != [first], "another run draws another one"


def test_two_nodes_draw_two_seeds(run: Run) -> None:
    workflow = {"nodes": [seed_node(2), seed_node(3)], "links": []}
    first, second = draw(run, {"2": entry(), "3": entry()}, workflow, "2", "3")
    assert first != second
    assert [node["widgets_values"][0] for node in workflow["nodes"]] == [first, second]


def test_a_list_draws_one_seed_each(run: Run) -> None:
    workflow, prompt = {"nodes": [seed_node(3)], "links": []}, {"3": entry()}
    first, second = draw(run, prompt, workflow, "3", "3")
    assert first != second
    assert workflow["nodes"][0]["widgets_values"] == [first, FIXED]
    assert prompt["3"]["inputs"]["seed"] == first


def test_the_copy_of_an_older_frontend_is_set_too(run: Run) -> None:
    shown = {"proxyWidgets": [["2", "text"], ["1", "seed"], ["1", "mode"]]}
    node = outer(5, properties=shown, widgets_values=["a fox", 42, RANDOM])
    inner = {"id": "abc", "inputs": [], "nodes": [seed_node(1)], "links": []}
    workflow = {"nodes": [node], "links": [], "definitions": {"subgraphs": [inner]}}

    (seed,) = draw(run, {"5:1": entry()}, workflow, "5:1")

    assert inner["nodes"][0]["widgets_values"] == [seed, FIXED]  # type: ignore[index]
    assert node["widgets_values"] == ["a fox", seed, FIXED]


@pytest.mark.parametrize(
    "workflow",
    [
        {"nodes": [seed_node(4)], "links": []},
        {"nodes": [seed_node(3, widgets_values=[41, RANDOM])], "links": []},
        {"nodes": [seed_node(3, widgets_values=[42])], "links": []},
        {"nodes": [seed_node(3, inputs=[socket("mode", 7)])], "links": []},
        {"nodes": [{"id": 3}]},
        {"nodes": None},
        [1],
        "text",
    ],
)
def test_a_workflow_that_is_not_understood_stays(bench: Bench, run: Run, workflow: Any) -> None:
    before, prompt = copy.deepcopy(workflow), {"3": entry()}

    (seed,) = draw(run, prompt, workflow, "3")

    assert workflow == before
    assert prompt["3"]["inputs"] == {"seed": seed, "mode": FIXED}
    assert f"set seed {seed} (fixed)" in bench.texts[-1]


def linked() -> Json:
    """A workflow in which the seed comes by wire."""
    source = {"id": 9, "type": "PrimitiveInt", "inputs": [{}], "outputs": [{"links": [7]}]}
    seed = seed_node(1, inputs=[socket("seed", 7)], outputs=[{"links": [8]}])
    links = [[8, 1, 0, 4, 2, "INT"], [7, 9, 0, 1, 0, "INT"], {"id": 5}]
    return {"nodes": [source, seed], "links": links, "definitions": {"subgraphs": []}}


def wired_inside() -> Json:
    """The same inside of a subgraph, with the copies of an older frontend."""
    shown = {"proxyWidgets": [["1", "seed"], ["1", "mode"]]}
    node = outer(5, properties=shown, widgets_values=[42, RANDOM])
    inner = {**linked(), "id": "abc", "inputs": [{"name": "seed", "linkIds": [7]}]}
    return {"nodes": [node], "links": [], "definitions": {"subgraphs": [inner]}}


ODD = (None, 5, -10, "ab", [], {}, [5], [[]], [None], {"id": 7}, (1, 2))


def altered(value: Any) -> Iterator[Any]:
    """A JSON value with one part after the other replaced by something odd, or left out."""
    yield from ODD
    if isinstance(value, dict):
        for name in value:
            yield {key: each for key, each in value.items() if key != name}
            yield from ({**value, name: odd} for odd in altered(value[name]))
    elif isinstance(value, list):
        for i in range(len(value)):
            yield from ([*value[:i], odd, *value[i + 1 :]] for odd in altered(value[i]))
        yield from ([odd, *value] for odd in ODD)
        yield from ([*value, odd] for odd in ODD)


@pytest.mark.parametrize(
    ("workflow", "name"),
    [(linked(), "1"), (subgraph(outer(5)), "5:1"), (wired_inside(), "5:1")],
)
def test_a_workflow_of_any_form_fails_no_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, workflow: Json, name: str
) -> None:
    metadata = bench.pack.venice_nodes.run.saved_metadata
    monkeypatch.setattr(metadata.comfyui, "executing_node", lambda: ("prompt-1", name))
    for number, odd in enumerate(altered(workflow)):
        monkeypatch.setattr(metadata.comfyui, "run_id", lambda number=number: str(number))
        prompt = {name: entry()}
        hidden = {"run_prompt": prompt, "extra_pnginfo": {"workflow": copy.deepcopy(odd)}}
        seed, _ = metadata.draw_seed(hidden, FIXED)
        assert prompt[name]["inputs"] == {"seed": seed, "mode": FIXED}


def test_a_subgraph_in_itself_fails_no_run(run: Run) -> None:
    inner = {
        "id": "abc",
        "inputs": [{"name": "seed", "linkIds": [1]}],
        "nodes": [{**seed_node(3, inputs=[socket("seed", 1)]), "type": "abc"}],
        "links": [{"id": 1, "origin_id": -10, "origin_slot": 0}],
    }
    name = ":".join(["3"] * 5000)
    workflow = {**inner, "definitions": {"subgraphs": [inner]}}
    assert draw(run, {name: entry()}, workflow, name)


@pytest.mark.parametrize(
    ("prompt", "extra"),
    crossed(
        [None, [], "x", 5, {"9": None}, {"9": {"inputs": None}}, {}],
        [None, [], "x", {}, {"venice": 5}, {"workflow": 5}],
    ),
)
def test_nothing_that_a_client_sends_fails_what_is_paid(run: Run, prompt: Any, extra: Any) -> None:
    inputs = {name: [value] for name, value in GENERATE.items()}
    ((images, *_),) = run(("3", "VeniceGenerateImage", inputs), prompt=prompt, extra=extra)
    assert len(images) == 1


def test_a_batch_says_what_was_sent(run: Run) -> None:
    extra: Json = {"workflow": {"nodes": []}}
    lists = {name: [value] for name, value in {**GENERATE, "batch_size": 3}.items()}

    run(("7", "VeniceGenerateImage", lists), prompt={}, extra=extra)

    facts = extra["venice"]["7"]
    assert facts["model"] == "z-image-turbo"
    assert facts["seeds"] == [100, 101, 102]
    assert facts["size"] == [64, 64]
    assert facts["settings"]["prompt"] == PROMPT
    assert facts["settings"]["safe_mode"] is True
    assert facts["enhanced_prompt"] is None
    assert facts["requests"] == [{"seed": 100}, {"seed": 101}, {"seed": 102}]
    text = json.dumps(extra["venice"])
    assert not any(word in text for word in ("cost", "request_id", "test-key", "timing"))


def test_a_list_says_what_is_its_own(run: Run) -> None:
    extra: Json = {}
    lists = {name: [value] for name, value in GENERATE.items()}
    lists |= {"style": ["Anime", "Film Noir"], "model": ["z-image-turbo", "chroma"]}

    run(("7", "VeniceGenerateImage", lists), prompt={}, extra=extra)

    facts = extra["venice"]["7"]
    assert facts["model"] == ["z-image-turbo", "chroma"]
    assert facts["seeds"] == [100, 100]
    assert [(each["style_preset"], each["model"]) for each in facts["requests"]] == [
        ("Anime", "z-image-turbo"),
        ("Film Noir", "chroma"),
    ]
    assert facts["settings"]["seed"] == 100


def test_several_nodes_and_no_image_in_the_text(
    run: Run, pictures: Callable[..., torch.Tensor]
) -> None:
    extra: Json = {}
    edit = {"prompt": ["make it night"], "model": ["firered-image-edit"], "image": [pictures()]}
    edit["enhance_prompt"] = [True]
    upscale = {"image": [pictures()], "scale": ["2x"], "creativity": [0.01]}
    nothing = {**edit, "mask": [torch.zeros(1, 240, 320)]}

    run(
        ("5:1", "VeniceEditImage", edit),
        ("5:2", "VeniceUpscaleImage", upscale),
        ("5:3", "VeniceEditImage", nothing),
        extra=extra,
    )

    assert sorted(extra["venice"]) == ["5:1", "5:2"], "nothing was sent for the third"
    assert extra["venice"]["5:1"]["settings"]["prompt"] == "make it night"
    assert extra["venice"]["5:1"]["enhanced_prompt"]
    assert extra["venice"]["5:2"]["size"] == [640, 480]
    assert len(json.dumps(extra)) < 2000


def test_a_saver_that_joins_all_texts_gets_the_workflow_alone(run: Run) -> None:
    extra: Json = {"workflow": {}}
    inputs = {"images": ["7", 0], "extension": "webp"}
    prompt = {"8": {"class_type": "Image Save", "inputs": inputs}}
    lists = {name: [value] for name, value in GENERATE.items()}
    run(("7", "VeniceGenerateImage", lists), prompt=prompt, extra=extra)
    assert extra == {"workflow": {}}
