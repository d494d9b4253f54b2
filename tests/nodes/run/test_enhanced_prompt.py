"""What `info` tells of prompts that Venice rewrote."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from bench import Bench
from faulty_sandbox import Fault


def rewrite(bench: Bench, prompts: dict[int, str]) -> None:
    """Has the service say that it used these prompts, by seed."""
    for seed, prompt in prompts.items():
        fault = Fault.headers({"x-venice-enhanced-prompt": quote(prompt)})
        bench.sandbox.add_fault(fault, when=lambda sent, seed=seed: sent["seed"] == seed)


def told(bench: Bench, **inputs: Any) -> dict[str, Any]:
    return bench.generate(enhance_prompt=True, **inputs).info


def test_one_prompt_for_all_images_is_a_text(bench: Bench) -> None:
    rewrite(bench, {100: "a red fox", 101: "a red fox"})
    assert told(bench, batch_size=2)["enhanced_prompt"] == "a red fox"


def test_different_prompts_are_a_list_one_a_request(bench: Bench) -> None:
    rewrite(bench, {100: "a red fox", 102: "a grey fox"})
    bench.sandbox.add_fault(
        Fault.headers({"x-venice-enhanced-prompt": ""}), when=lambda sent: sent["seed"] == 101
    )
    info = told(bench, batch_size=3)
    assert info["enhanced_prompt"] == ["a red fox", None, "a grey fox"]
    assert [request["seed"] for request in info["requests"]] == [100, 101, 102]


def test_what_comes_from_the_store_says_that_its_prompt_is_not_kept(bench: Bench) -> None:
    first = told(bench)
    assert first["enhanced_prompt"]
    assert first["warnings"] == []

    again = told(bench, batch_size=2)

    assert again["from_store"] == 1
    assert again["enhanced_prompt"] == first["enhanced_prompt"]  # of the image that is new
    assert again["warnings"] == [
        "This image came from your saved images, which don't include the prompt that Venice "
        "rewrote."
    ]
    assert told(bench)["enhanced_prompt"] is None


def test_a_prompt_that_was_not_to_be_rewritten_needs_no_warning(bench: Bench) -> None:
    assert bench.generate().pictures == 1
    end = bench.generate()
    assert end.info["from_store"] == 1
    assert end.info["warnings"] == []
