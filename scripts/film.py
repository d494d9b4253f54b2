"""`make film`: record the README's animation and its screenshot of a graph in a real ComfyUI.

A headless Chromium follows the README's "Your first image, free": template, Run, free sandbox,
image. Needs what `make workflows` needs.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

from comfyui_process import PACK_FOLDER, ROOT
from save_workflows import SETTINGS, opened, started

FILM = ROOT / "docs" / "images" / "first-image.webp"
GRAPH = ROOT / "docs" / "images" / "graph.png"
TEMPLATE = "Venice text to image"
FILM_SIZE = (1120, 700)
QUALITY = 80

QUIET_PAGE = {**SETTINGS, "Comfy.Workflow.ShowMissingModelsWarning": False}

# A caption below and a ring around clicks: popovers, which open dialogs don't cover.
OVERLAY = """() => {
  const caption = document.createElement("div");
  caption.id = "film-caption";
  caption.style.cssText = "inset:auto auto 84px 50%;margin:0;transform:translateX(-50%);" +
    "padding:10px 22px;border-radius:10px;background:#12161fee;color:#fff;" +
    "font:600 21px sans-serif;pointer-events:none;border:1px solid #4fd1c5";
  const ring = document.createElement("div");
  ring.id = "film-ring";
  ring.style.cssText = "inset:auto;width:44px;height:44px;margin:-22px 0 0 -22px;padding:0;" +
    "box-sizing:border-box;border-radius:50%;border:4px solid #f6ad55;background:none;" +
    "pointer-events:none";
  caption.popover = ring.popover = "manual";
  document.body.append(caption, ring);
}"""
SAY = """text => {
  const caption = document.getElementById("film-caption");
  caption.textContent = text;
  caption.hidePopover();
  caption.showPopover();
}"""
RING = """([x, y]) => {
  const ring = document.getElementById("film-ring");
  ring.style.left = `${x}px`;
  ring.style.top = `${y}px`;
  ring.togglePopover(x !== null);
}"""
# All nodes, below the page's own bar.
FIT = """() => {
  veniceWorkflows.showAll();
  const view = app.canvas.ds;
  const { y } = veniceWorkflows.onPage();
  view.offset[1] += (130 - y) / view.scale;
}"""
# Don't show other people's thumbnails.
BLUR = "[role=dialog] img { filter: blur(10px); }"
CLEAR = """() => {
  document.getElementById("film-caption").remove();
  for (const node of [...app.graph.nodes]) {
    if (node.type === "MarkdownNote") app.graph.remove(node);
  }
}"""


class Film:
    """Frames, with seconds for each."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._frames: list[Image.Image] = []
        self._ms: list[int] = []

    def say(self, text: str) -> None:
        self.page.evaluate(SAY, text)

    def shoot(self, seconds: float) -> None:
        frame = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        self._frames.append(frame.resize(FILM_SIZE, Image.Resampling.LANCZOS))
        self._ms.append(round(seconds * 1000))

    def press(self, target: Locator) -> None:
        """Show a click, and click."""
        target.wait_for(state="visible")
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box
        self.page.evaluate(RING, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
        self.shoot(0.9)
        self.page.evaluate(RING, [None, None])
        target.click()

    def save(self, path: Path) -> None:
        first, *rest = self._frames
        first.save(
            path, save_all=True, append_images=rest, duration=self._ms, loop=0, quality=QUALITY
        )


def main() -> int:
    with started(key="", settings=QUIET_PAGE) as comfyui, opened(comfyui.url, 1280, 800) as page:
        page.set_default_timeout(60_000)
        page.wait_for_timeout(2000)
        page.keyboard.press("Escape")
        film = Film(page)
        play(film)
        film.save(FILM)
        picture_of_graph(page)
    print(f"{FILM}: {FILM.stat().st_size / 1e6:.2f} MB\n{GRAPH}")
    return 0


def play(film: Film) -> None:
    page = film.page
    page.evaluate("() => { app.graph.clear(); }")
    blur = page.add_style_tag(content=BLUR)
    page.evaluate(OVERLAY)
    film.say("1. Open ComfyUI")
    film.shoot(1.2)
    film.say("2. Templates → Extensions → venice-nodes")
    film.press(page.locator(".templates-tab-button, [aria-label^='Templates']").first)
    page.wait_for_timeout(1500)
    entry = page.get_by_text(PACK_FOLDER, exact=True).first
    film.press(entry)
    blur.evaluate("style => style.remove()")
    page.wait_for_timeout(2500)
    film.shoot(1.5)
    film.say(f"2. {TEMPLATE}")
    film.press(page.get_by_text(TEMPLATE, exact=True).first)
    page.wait_for_function("app.graph.nodes.some(node => node.type === 'VeniceGenerateImage')")
    page.wait_for_timeout(1500)
    page.evaluate(FIT)
    page.wait_for_timeout(1500)
    film.say("The price is there before you run")
    film.shoot(2.2)
    film.say("3. Run")
    film.press(page.get_by_test_id("queue-button").first)
    free = page.get_by_role("button", name="Try the sandbox (free)")
    free.wait_for(state="visible")
    film.say("4. Your key, or the free sandbox")
    film.shoot(1.5)
    film.press(free)
    film.say("5. The image appears")
    for _ in range(4):
        page.wait_for_timeout(350)
        film.shoot(0.35)
    page.wait_for_function("app.graph.nodes.some(node => node.imgs?.length)")
    page.wait_for_timeout(1500)
    page.evaluate(FIT)
    page.wait_for_timeout(800)
    film.shoot(3.0)


def picture_of_graph(page: Page) -> None:
    """Take the graph after the run, without the page around it."""
    page.evaluate(CLEAR)
    page.evaluate(FIT)
    page.wait_for_timeout(6000)  # until the toasts disappear
    place = page.evaluate("() => veniceWorkflows.onPage()")
    above, side = 34, 20  # badges are above the nodes
    page.screenshot(
        path=GRAPH,
        clip={
            "x": place["x"] - side,
            "y": place["y"] - above,
            "width": place["width"] + 2 * side,
            "height": place["height"] + above + side,
        },
    )


if __name__ == "__main__":
    sys.exit(main())
