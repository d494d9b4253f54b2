"""Text nodes on the page: price, model and status, and only models that can see for an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfy_page import ComfyPage

OFFERED = """name => {
  const {options} = window.nodes[name].widgets.find(widget => widget.name === 'model');
  return options.values.map(id => [id, options.getOptionLabel?.(id) ?? id]);
}"""
IS_NAMED = f"name => ({OFFERED})(name)[0][1].includes(': ')"
HAS_FEWER = f"([name, count]) => ({OFFERED})(name).length < count"


def test_a_text_shows_its_highest_price_its_model_and_what_it_cost(
    page: ComfyPage, words: str
) -> None:
    page.build(
        write=(
            "VeniceWritePrompt",
            60,
            100,
            {"idea": f"a lighthouse in fog, {words}", "count": 2},
            {},
        ),
        show=("PreviewAny", 500, 100, {}, {"source": ("write", 0)}),
    )
    page.wait_for_price("write", "up to $0.0")
    page.wait_for_text(".venice-sent", "default: ")

    page.run_to_end()

    page.wait_for_text(".venice-status .venice-line", "2 texts · $0.0")
    page.wait_for_price("write", "Free · saved result")
    page.page.evaluate("() => app.extensionManager.sidebarTab.toggleSidebarTab('venice')")
    row = page.page.locator(".venice-text-result", has_text=words)
    row.locator("button", has_text="Copy").wait_for()


def test_an_image_leaves_only_models_that_can_see(page: ComfyPage) -> None:
    page.build(
        load=("LoadImage", 60, 60, {}, {}),
        write=("VeniceWritePrompt", 420, 60, {"idea": "x"}, {}),
        describe=("VeniceDescribeImage", 840, 60, {}, {"image": ("load", 0)}),
    )
    page.page.wait_for_function(IS_NAMED, arg="write")
    every = page.page.evaluate(OFFERED, "write")
    page.page.evaluate(
        """() => {
          const {load, write} = window.nodes;
          load.connect(0, write, write.inputs.findIndex(input => input.name === 'image'));
        }"""
    )

    page.page.wait_for_function(HAS_FEWER, arg=["write", len(every)])

    seeing = page.page.evaluate(OFFERED, "write")
    assert seeing[0][0] == "default"
    assert [id for id, _ in seeing[1:]] == [
        id for id, _ in page.page.evaluate(OFFERED, "describe")[1:]
    ]
