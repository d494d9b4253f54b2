"""A run that ended before its end: one button finishes it, for the price that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from page_setups import each_frontend

if TYPE_CHECKING:
    from comfy_page import ComfyPage

STOPPED = ".venice-status .venice-stopped"
FINISH = f"{STOPPED} button"
DONE = ".venice-status .venice-done"
TOTAL = "button.venice-total"
IN_FLIGHT = 8
IMAGES = 11


def stop_early(page: ComfyPage) -> None:
    """Runs the graph and stops while the first images are in flight."""
    with page.running.held():
        page.press_run()
        while len(page.running.sandbox.paid_requests) < IN_FLIGHT:  # until the test's time is up
            page.page.wait_for_timeout(100)
        page.command("Comfy.Interrupt")
        page.wait_for_text(STOPPED, f"{IN_FLIGHT} of {IMAGES}")
        price = f"Finish the other {IMAGES - IN_FLIGHT}, about $0.03"
        assert page.page.locator(FINISH).all_inner_texts() == [price]
    assert page.page.locator(".venice-status .venice-error").count() == 0


def finish(page: ComfyPage) -> None:
    """Presses the button: the rest is paid, and nothing twice."""
    sent = list(page.running.seeds)
    page.wait_for_text(TOTAL, "$0.")
    page.page.click(FINISH)
    page.wait_for_text(DONE, f"{IMAGES} images")
    assert sorted(page.running.seeds) == list(range(min(sent), min(sent) + IMAGES))
    assert len(page.running.sandbox.charges) == IMAGES
    page.wait_for_text(TOTAL, "Free")


def test_a_stopped_run_is_finished(page: ComfyPage, words: str) -> None:
    """The page draws another seed after each run: the button sets that of the run."""
    page.build(
        generate=("VeniceGenerateImage", 60, 60, {"prompt": words, "batch_size": IMAGES}, {}),
        save=("SaveImage", 600, 60, {}, {"images": ("generate", 0)}),
    )
    page.set("generate", control_after_generate="increment", seed=500)
    before = page.value("generate", "seed")

    stop_early(page)
    finish(page)

    assert page.value("generate", "seed") == before
    assert page.value("generate", "control_after_generate") == "fixed"


@each_frontend
def test_a_stopped_run_with_a_random_seed_is_finished(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words, batch_size=IMAGES)
    page.set("seed", mode="random every run")

    stop_early(page)
    page.load()
    page.page.locator(FINISH).wait_for()
    page.page.evaluate(
        "() => { window.nodes = {seed: app.graph.nodes.find(n => n.type === 'VeniceSeed')}; }"
    )
    finish(page)

    assert page.value("seed", "mode") == "fixed"


@each_frontend
def test_models_without_seeds_show_none(page: ComfyPage) -> None:
    page.build(generate=("VeniceGenerateImage", 60, 60, {"model": "nano-banana-pro"}, {}))
    page.page.wait_for_function(
        """() => ['seed', 'control_after_generate'].every(
          name => window.nodes.generate.widgets.find(one => one.name === name).hidden)"""
    )
    page.set("generate", model="z-image-turbo")
    page.page.wait_for_function(
        """() => ['seed', 'control_after_generate'].every(
          name => !window.nodes.generate.widgets.find(one => one.name === name).hidden)"""
    )
