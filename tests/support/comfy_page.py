"""ComfyUI's page in a real Chromium, used as by a person. It reaches only this computer."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page

from comfy_running import CANARY, Running
from comfyui_process import PACK_FOLDER

READY = (
    "window.app?.graph && window.LiteGraph?.registered_node_types.VeniceGenerateImage"
    " && window.app.extensionManager && document.querySelector('.venice-total')"
    " && app.extensionManager.workflow.activeWorkflow?.changeTracker"
)
PATIENCE_MS = 60_000
"""The most time for anything: about ten times that of an idle computer."""

LOOK_EVERY_MS = 100
"""How often `wait_until` looks."""

KNOWN_ERROR = ("reading 'id'", "onChange", "addSetting")
"""Part of an error of frontend 1.27.10 at its start, even without the pack."""

BUILD = """nodes => {
  app.graph.clear();
  app.graph.id = crypto.randomUUID();  // as every workflow has that the page makes or opens
  window.nodes = {};
  for (const [name, [type, x, y, values, links]] of Object.entries(nodes)) {
    const node = LiteGraph.createNode(type);
    node.pos = [x, y];
    app.graph.add(node);
    window.nodes[name] = node;
    for (const [key, value] of Object.entries(values)) {
      const widget = node.widgets.find(w => w.name === key);
      widget.value = value;
      widget.callback?.(value);
    }
    for (const [input, [from, slot]] of Object.entries(links)) {
      window.nodes[from].connect(slot, node, node.inputs.findIndex(i => i.name === input));
    }
  }
  app.canvas.ds.scale = 1;
  app.canvas.ds.offset = [0, 60];
  app.canvas.setDirty(true, true);
}"""
IS_ON_OTHERS = """type => {
  const node = app.graph.nodes.find(one => one.type === type), title = LiteGraph.NODE_TITLE_HEIGHT;
  const box = ({pos, size}) =>
    [pos[0], pos[1] - title, pos[0] + size[0], pos[1] + size[1]];
  const [left, top, right, bottom] = box(node);
  return app.graph.nodes.filter(one => one !== node).map(box)
    .some(([l, t, r, b]) => l < right && left < r && t < bottom && top < b);
}"""
BADGES = """name => window.nodes[name].badges
  .map(badge => (typeof badge === 'function' ? badge() : badge).text).join()"""
IS_IDLE = """async () => {
  const {queue_running, queue_pending} = await (await fetch('/queue')).json();
  return !queue_running.length && !queue_pending.length;
}"""
IN_FRONT = "app.extensionManager.workflow.activeWorkflow"
REMEMBER = """() => {
  const tracker = app.extensionManager.workflow.activeWorkflow.changeTracker;
  (tracker.captureCanvasState ?? tracker.checkState).call(tracker);
}"""


@dataclass
class ComfyPage:
    """One page of a running ComfyUI. in_vue: whether Vue draws the nodes."""

    running: Running
    page: Page
    in_vue: bool
    errors: list[str] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Open the page like a new user, without the greeting."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.errors.append(f"{error}\n{error.stack}"))
        self.page.on("response", self._hear)
        self.page.on("request", lambda request: self.asked.append(request.url))
        settings = {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False}
        if self.in_vue:
            settings["Comfy.VueNodes.Enabled"] = True
        file = self.running.base / "user" / "default" / "comfy.settings.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings), "utf-8")
        self.load()

    def load(self) -> None:
        """Load or reload the page, as F5 does."""
        self.page.goto(self.running.client.url)
        self.page.wait_for_function(READY)
        self.page.keyboard.press("Escape")

    def speak(self, language: str) -> None:
        """Choose a language in the settings, and load the page again."""
        self.page.evaluate(
            "language => app.extensionManager.setting.set('Comfy.Locale', language)", language
        )
        self.load()

    def reload(self, stored: str) -> None:
        """Reload the page once ComfyUI has stored a workflow with the text `stored`."""
        self.wait_until_stored(stored)
        self.load()

    def wait_until_stored(self, text: str) -> None:
        """Wait until ComfyUI has stored a workflow with `text`, a moment after its change."""
        stored = "text => JSON.stringify([localStorage, sessionStorage]).includes(text)"
        self.page.wait_for_function(stored, arg=text)

    def _hear(self, response: Any) -> None:
        if "/venice/" in response.url and "/image/" not in response.url:
            self.heard.append(response.url.encode() + json.dumps(response.headers).encode())
            if "json" in response.headers.get("content-type", ""):
                # A reloaded page drops its state.
                with contextlib.suppress(Error):
                    self.heard.append(response.body())

    def build(self, **nodes: Any) -> None:
        """Build a graph: name → (type, x, y, values, {input: (node, output)})."""
        self.page.evaluate(BUILD, {name: list(node) for name, node in nodes.items()})
        self.remember()

    def text_to_image(self, **values: Any) -> None:
        """Build a Generate with a Venice Seed and a Save Image, which most tests need."""
        values = {"prompt": "a fox in snow", **values}
        self.build(
            seed=("VeniceSeed", 60, 60, {}, {}),
            generate=("VeniceGenerateImage", 380, 60, values, {"seed": ("seed", 0)}),
            save=("SaveImage", 860, 60, {}, {"images": ("generate", 0)}),
        )

    def remember(self) -> None:
        """Make a step of undo, as the page does after a click."""
        self.page.evaluate(REMEMBER)

    def set(self, node: str, **values: Any) -> None:
        """Set widgets as a person would."""
        self.page.evaluate(
            """([name, values]) => {
              const node = window.nodes[name];
              for (const [key, value] of Object.entries(values)) {
                const widget = node.widgets.find(w => w.name === key);
                widget.value = value;
                widget.callback?.(value, app.canvas, node);
              }
            }""",
            [node, values],
        )
        self.remember()

    def value(self, node: str, name: str) -> Any:
        """Return the value of a widget."""
        code = "([n, w]) => window.nodes[n].widgets.find(one => one.name === w).value"
        return self.page.evaluate(code, [node, name])

    def is_on_others(self, kind: str) -> bool:
        """Whether the first node of a class lies over another one."""
        return bool(self.page.evaluate(IS_ON_OTHERS, kind))

    def shown_inputs(self, node: str) -> list[str]:
        """Return the inputs with a visible widget."""
        code = "n => window.nodes[n].widgets.filter(w => !w.hidden).map(w => w.name)"
        return list(self.page.evaluate(code, node))

    def press_run(self) -> None:
        """Press Run without waiting for the run."""
        self.command("Comfy.QueuePrompt")

    def command(self, name: str) -> None:
        """Call a command of the page without waiting for its end."""
        self.page.evaluate("id => { void app.extensionManager.command.execute(id); }", name)

    def open_blank(self) -> None:
        """Open a blank workflow in a new tab, and wait until it's in front."""
        self.page.evaluate(f"() => {{ window.before = {IN_FRONT}; }}")
        self.command("Comfy.NewBlankWorkflow")
        self.page.wait_for_function(
            f"() => !app.graph.nodes.length && {IN_FRONT} !== window.before"
        )

    def wait_for_text(self, selector: str, text: str) -> str:
        """Wait until an element of `selector` contains `text`; return all of its text."""
        found = self.page.locator(selector).filter(has_text=text).first
        found.wait_for(state="attached")
        return str(found.text_content())

    def wait_for_price(self, node: str, text: str) -> None:
        """Wait until the badges of a node contain `text`."""
        self.page.wait_for_function(
            f"([node, text]) => ({BADGES})(node).includes(text)", arg=[node, text]
        )

    def close_error_dialogs(self) -> None:
        """Close frontend 1.27's error dialogs from now on."""
        mask = self.page.locator(".p-dialog-mask:has(.comfy-error-report)")
        self.page.add_locator_handler(mask, lambda: self.page.keyboard.press("Escape"))

    def statuses(self) -> list[str]:
        """Return the status lines on the nodes."""
        return list(self.page.locator(".venice-status .venice-line").all_text_contents())

    def run_to_end(self) -> None:
        """Wait for the end of an earlier run, press Run, and wait for its end."""
        self.wait_until_idle()
        before = self.page.evaluate("() => fetch('/history').then(r => r.json())")
        self.press_run()
        self.wait_until(
            """async before => {
              const now = await (await fetch('/history')).json();
              return Object.keys(now).some(id => !(id in before));
            }""",
            before,
        )

    def wait_until_idle(self) -> None:
        """Wait until ComfyUI runs nothing, and nothing is queued."""
        self.wait_until(IS_IDLE)

    def wait_until(self, condition: str, argument: object = None) -> None:
        """Wait for an async function of the page to return true.

        Playwright's own wait takes the promise for true.
        """
        for _ in range(PATIENCE_MS // LOOK_EVERY_MS):
            if self.page.evaluate(condition, argument):
                return
            self.page.wait_for_timeout(LOOK_EVERY_MS)
        raise TimeoutError(f"Never true: {condition}")

    def use_key(self, key: str | None) -> None:
        """Set the key, or none, from now on."""
        if key is None:
            (self.running.home / "venice.json").unlink(missing_ok=True)
        else:
            self.running.use_key(key)

    def picture(self, path: Path) -> None:
        """Leave a screenshot for a person to look at."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)

    def check_clean(self) -> None:
        """Fail if the page had an error, or shows the key."""
        errors = [error for error in self.errors if not _is_known(error)]
        assert not errors, "\n".join(errors)
        assert not any(CANARY.encode() in answer for answer in self.heard)
        stored = self.page.evaluate("() => JSON.stringify([localStorage, sessionStorage])")
        assert CANARY not in stored
        user = self.running.base / "user"
        for file in user.rglob("*"):
            if file.is_file():
                assert CANARY.encode() not in file.read_bytes(), file


def _is_known(error: str) -> bool:
    return all(part in error for part in KNOWN_ERROR) and PACK_FOLDER not in error
