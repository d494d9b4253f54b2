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
DIALOG = "dialog.venice-dialog"
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


def test_what_the_whole_graph_costs_beyond_is_asked_about(page: ComfyPage, words: str) -> None:
    page.build(
        generate=("VeniceGenerateImage", 60, 60, {"prompt": words, "batch_size": IMAGES}, {}),
        upscale=("VeniceUpscaleImage", 500, 60, {}, {"image": ("generate", 0)}),
        save=("SaveImage", 900, 60, {}, {"images": ("upscale", 0)}),
    )
    page.set("generate", control_after_generate="fixed", seed=700)
    stop_early(page)
    paid = len(page.running.sandbox.charges)

    page.page.click(FINISH)
    page.wait_for_text(DIALOG, "Venice Upscale Image")
    page.page.click(f"{DIALOG} >> text=Cancel")
    page.page.wait_for_selector(DIALOG, state="detached")
    page.wait_until_idle()

    assert len(page.running.sandbox.charges) == paid


@each_frontend
def test_a_stopped_run_with_a_random_seed_is_finished(page: ComfyPage, words: str) -> None:
    page.text_to_image(prompt=words, batch_size=IMAGES)
    page.set("seed", mode="random every run")

    stop_early(page)
    page.reload(words)
    page.page.locator(FINISH).wait_for()
    page.page.evaluate(
        "() => { window.nodes = {seed: app.graph.nodes.find(n => n.type === 'VeniceSeed')}; }"
    )
    finish(page)

    assert page.value("seed", "mode") == "fixed"


OWN_SEEDS = {"own": 1_000, "primitive": 2_000, "number": 3_000, "promoted": 4_000}
RANDOM_SEEDS = ("rerouted", "outside")
FEED_SEEDS = """seeds => {
  const {nodes} = window, {graph} = app;
  const seedOf = node => node.inputs.findIndex(input => input.name === 'seed');
  const add = (type, y) => {
    const node = LiteGraph.createNode(type);
    node.pos = [-400, y];
    graph.add(node);
    return node;
  };
  const widgetOf = (node, name) => node.widgets.find(one => one.name === name);
  const set = (node, name, value) => {
    const widget = widgetOf(node, name);
    widget.value = value;
    widget.callback?.(value, app.canvas, node);
  };
  const intoSubgraph = node => {
    const {subgraph, node: outer} = graph.convertToSubgraph(new Set([node]));
    const [inner] = subgraph.nodes;
    const input = inner.inputs.find(one => one.name === 'seed');
    if (input.link === null) subgraph.addInput('seed', input.type).connect(input, inner);
    return outer;
  };
  const number = add('PrimitiveInt', 0), primitive = add('PrimitiveNode', 200);
  number.connect(0, nodes.number, seedOf(nodes.number));
  primitive.connect(0, nodes.primitive, seedOf(nodes.primitive));
  const reroute = add('Reroute', 400), random = add('VeniceSeed', 600);
  set(random, 'mode', 'random every run');
  random.connect(0, reroute, 0);
  reroute.connect(0, nodes.rerouted, seedOf(nodes.rerouted));
  for (const [node, name] of [
    [nodes.own, 'seed'], [nodes.promoted, 'seed'], [number, 'value'], [primitive, 'seed'],
  ]) widgetOf(node, name).linkedWidgets[0].value = 'increment';
  set(nodes.own, 'seed', seeds.own);
  set(number, 'value', seeds.number);
  set(primitive, 'seed', seeds.primitive);
  set(intoSubgraph(nodes.promoted), 'seed', seeds.promoted);
  const outer = intoSubgraph(nodes.outside), other = add('VeniceSeed', 800);
  set(other, 'mode', 'random every run');
  other.connect(0, outer, seedOf(outer));
}"""


def test_a_run_is_finished_wherever_its_seeds_come_from(page: ComfyPage, words: str) -> None:
    """Only the missing images of the run are paid: no node gets another seed."""
    names = [*OWN_SEEDS, *RANDOM_SEEDS]
    places = {name: 60 + 400 * i for i, name in enumerate(names)}
    values = {name: {"prompt": f"{words} {name}", "batch_size": 2} for name in names}
    page.build(
        **{n: ("VeniceGenerateImage", 60, places[n], values[n], {}) for n in names},
        **{f"save {n}": ("SaveImage", 600, places[n], {}, {"images": (n, 0)}) for n in names},
    )
    page.page.evaluate(FEED_SEEDS, OWN_SEEDS)
    page.remember()
    with page.running.held():
        page.press_run()
        while len(page.running.sandbox.paid_requests) < IN_FLIGHT:  # until the test's time is up
            page.page.wait_for_timeout(100)
        page.command("Comfy.Interrupt")
        page.page.locator(FINISH).first.wait_for(state="attached")

    page.page.locator(FINISH).first.dispatch_event("click")
    page.wait_for_text(DIALOG, "Run for about $0.04?")  # for several nodes; the button names one's
    page.page.click(f"{DIALOG} button.venice-primary")
    page.wait_for_text(TOTAL, "Free")

    sent = [(one["prompt"].split()[-1], one["seed"]) for one in page.running.sent]
    assert len(sent) == len(set(sent)) == 2 * len(names), sent
    for name in names:
        first, second = sorted(seed for of, seed in sent if of == name)
        assert second == first + 1
        assert OWN_SEEDS.get(name, first) == first


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
