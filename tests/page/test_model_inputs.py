"""Only what the model takes: its sockets, and its inputs in App mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from comfy_page import ComfyPage

SOCKETS = """name => (window.nodes[name] ?? app.graph.nodes.find(n => n.type === name)).inputs
  .filter(input => !input.widget).map(input => input.name + (input.link ? '*' : ''))"""
HAS_SOCKETS = f"([name, sockets]) => ({SOCKETS})(name).sort().join() === sockets.join()"
IS_SHOWN = """([name, sockets]) => {
  const all = app.graph.nodes.find(n => n.type === name)?.inputs.filter(input => !input.widget);
  return all && sockets.join() === all.map(input => input.name).sort().join();
}"""
KNOWN = "() => window.nodes.edit.widgets.find(w => w.name === 'model').options.getOptionLabel"
AS_APP = """async names => {
  const {id} = window.nodes.generate, saved = app.graph.serialize();
  const inputs = names.map(name => [id, name]);
  saved.extra = {...saved.extra, linearData: {inputs, outputs: [window.nodes.save.id]}};
  await app.loadGraphData(saved);
  window.nodes.generate = app.graph.nodes.find(n => n.type === 'VeniceGenerateImage');
}"""
APP_INPUTS = """() => [...document.querySelectorAll('[data-testid=app-mode-widget-item]')]
  .filter(item => item.offsetHeight).map(item => item.innerText.split('\\n')[0])"""


def test_sockets_follow_the_model(page: ComfyPage) -> None:
    page.build(
        load=("LoadImage", 60, 60, {}, {}),
        edit=("VeniceEditImage", 380, 60, {"prompt": "x"}, {"image": ("load", 0)}),
        generate=("VeniceGenerateImage", 800, 60, {}, {}),
    )
    page.page.wait_for_function(KNOWN)
    assert page.page.evaluate(SOCKETS, "generate") == ["style"]
    page.set("generate", model="krea-v2-medium")
    page.page.wait_for_function(HAS_SOCKETS, arg=["generate", ["style", "style_references"]])
    page.set("edit", model="flux-2-max-edit")
    every = ["image*", *(f"image_{i}" for i in range(2, 7)), "mask"]
    page.page.wait_for_function(HAS_SOCKETS, arg=["edit", every])
    page.page.evaluate(
        """() => {
          const {load, edit} = window.nodes;
          load.connect(0, edit, edit.inputs.findIndex(input => input.name === 'image_5'));
        }"""
    )
    page.remember()

    page.set("edit", model="luma-uni-1-edit")

    page.page.wait_for_function(HAS_SOCKETS, arg=["edit", ["image*", "image_5*", "mask"]])
    page.wait_for_text(".venice-sent .venice-warning", "accepts at most 1 image")
    page.reload("luma-uni-1-edit")
    page.page.wait_for_function(IS_SHOWN, arg=["VeniceEditImage", ["image", "image_5", "mask"]])
    sent = page.page.evaluate(
        """async () => Object.values((await app.graphToPrompt()).output)
          .find(node => node.class_type === 'VeniceEditImage').inputs"""
    )
    assert sent["image"] == sent["image_5"]
    compared, now = page.page.evaluate(
        """() => {
          const {activeState} = app.extensionManager.workflow.activeWorkflow.changeTracker;
          return [activeState, app.graph.serialize()].map(state => [
            state.nodes.find(node => node.type === 'VeniceEditImage').inputs.map(one => one.name),
            state.links.map(link => link[4]),
          ]);
        }"""
    )
    assert compared == now, "what the page does by itself is no step of undo"


def test_the_canvas_draws_no_socket_of_a_hidden_input(page: ComfyPage) -> None:
    page.build(
        seed=("VeniceSeed", 60, 60, {}, {}), generate=("VeniceGenerateImage", 380, 60, {}, {})
    )
    page.page.wait_for_function(KNOWN.replace("edit", "generate"))
    undrawn = """() => window.nodes.generate.inputs
      .filter(input => Object.hasOwn(input, 'draw')).map(input => input.name)"""
    hidden = set(page.page.evaluate(undrawn))
    assert {"steps", "resolution", "quality", "format"} & hidden
    assert not hidden & {"width", "seed", "style", "prompt"}
    assert "draw" not in page.page.evaluate("() => JSON.stringify(app.graph.serialize())")
    page.page.evaluate(
        """() => {
          const {seed, generate} = window.nodes;
          seed.connect(0, generate, generate.inputs.findIndex(i => i.name === 'lora_strength'));
        }"""
    )
    page.page.wait_for_function(
        "() => !window.nodes.generate.widgets.find(w => w.name === 'lora_strength').options.hidden"
    )
    assert "lora_strength" not in page.page.evaluate(undrawn)


def test_app_mode_has_the_inputs_of_the_model(page: ComfyPage) -> None:
    if page.page.evaluate(
        "() => !app.extensionManager.command.commands.some(one => one.id === 'Comfy.ToggleLinear')"
    ):
        pytest.skip("this frontend has no App mode")
    page.text_to_image(model="nano-banana-pro", steps=30)
    page.page.evaluate(AS_APP, ["model", "prompt", "steps", "resolution", "quality"])
    page.command("Comfy.ToggleLinear")
    page.page.wait_for_function(f"() => ({APP_INPUTS})().join() === 'model,prompt,resolution'")

    page.set("generate", model="gpt-image-2")

    page.page.wait_for_function(
        f"() => ({APP_INPUTS})().join() === 'model,prompt,resolution,quality'"
    )
    page.command("Comfy.ToggleLinear")
