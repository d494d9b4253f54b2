"""What `info` tells of prompts that Venice rewrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from faulty_sandbox import Fault, Sandbox

RunNode = Callable[..., Any]


def rewrite(service: Sandbox, prompts: dict[int, str]) -> None:
    """Has the service say that it used these prompts, by seed."""
    for seed, prompt in prompts.items():
        fault = Fault.headers({"x-venice-enhanced-prompt": quote(prompt)})
        service.add_fault(fault, when=lambda sent, seed=seed: sent["seed"] == seed)


def told(generate: RunNode, **inputs: Any) -> dict[str, Any]:
    _, info = generate(enhance_prompt=True, **inputs)
    found: dict[str, Any] = json.loads(info)
    return found


def test_one_prompt_for_all_pictures_is_a_text(service: Sandbox, generate: RunNode) -> None:
    rewrite(service, {7: "a red fox", 8: "a red fox"})
    assert told(generate, batch_size=2)["enhanced_prompt"] == "a red fox"


def test_different_prompts_are_a_list_one_a_request(service: Sandbox, generate: RunNode) -> None:
    rewrite(service, {7: "a red fox", 9: "a grey fox"})
    service.add_fault(
        Fault.headers({"x-venice-enhanced-prompt": ""}), when=lambda sent: sent["seed"] == 8
    )
    info = told(generate, batch_size=3)
    assert info["enhanced_prompt"] == ["a red fox", None, "a grey fox"]
    assert [request["seed"] for request in info["requests"]] == [7, 8, 9]


def test_what_comes_from_the_store_says_that_its_prompt_is_not_kept(
    service: Sandbox, generate: RunNode
) -> None:
    first = told(generate)
    assert first["enhanced_prompt"]
    assert first["warnings"] == []

    again = told(generate, batch_size=2)

    assert again["from_store"] == 1
    assert again["enhanced_prompt"] == first["enhanced_prompt"]  # of the picture that is new
    assert again["warnings"] == [
        "The picture comes from the store: the rewritten prompt is not kept."
    ]
    assert told(generate)["enhanced_prompt"] is None


def test_a_prompt_that_was_not_to_be_rewritten_needs_no_warning(
    service: Sandbox, generate: RunNode
) -> None:
    generate()
    _, info = generate()
    assert json.loads(info)["from_store"] == 1
    assert json.loads(info)["warnings"] == []
