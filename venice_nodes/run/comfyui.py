"""The only file that knows ComfyUI: status text, progress bar, interrupt, user folder.

Without ComfyUI it falls back to plain Python, so that nodes run in a script or a test.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

try:
    import comfy.model_management as model_management
    import comfy.utils as comfy_utils
    import folder_paths
    from server import PromptServer
except ImportError:
    model_management = comfy_utils = folder_paths = PromptServer = None

try:
    from comfy_execution.utils import get_executing_context
except ImportError:

    def get_executing_context() -> Any:
        return None

    if model_management is not None:
        logging.getLogger(__name__).warning(
            "This ComfyUI is older than 0.3.64, the oldest that the Venice nodes are made for. "
            "They show no progress in it: update ComfyUI."
        )

BAR_STEPS = 1000
REMEMBERED_RUNS = 16
MAX_ENDINGS = 6
"""Of a list with more different ends than this, the node shows the first."""

NOTHING_SENT = "Stopped. Nothing was sent, nothing is charged."
KEPT = (
    "What was made is kept: queue again with the same seed and input, and only the rest is paid "
    "for."
)

status_listener: Callable[[str], None] | None = None
"""Called with each new status text, for scripts that run nodes without ComfyUI."""


def user_folder() -> Path | None:
    """The pack's folder in ComfyUI's user directory, which ComfyUI does not serve; or None."""
    if folder_paths is None:
        return None
    return Path(folder_paths.get_user_directory()) / "__venice"


def is_interrupted() -> bool:
    """Whether the user asked to stop the run. Looking does not use the request up."""
    if model_management is None:
        return False
    return bool(model_management.processing_interrupted()) or run_id() in _interrupted_runs


def is_end_of_run(error: BaseException) -> bool:
    """Whether this ends the node because its run is over: an interrupt, or another node failed.

    ComfyUI's own progress bar may be the one that sees an interrupt, and uses it up; so what one
    node of a run learns here, the others find in `is_interrupted`.
    """
    if isinstance(error, asyncio.CancelledError):
        return True
    if model_management is None:
        return False
    if not isinstance(error, model_management.InterruptProcessingException):
        return False
    if run := run_id():
        _interrupted_runs.append(run)
    return True


def raise_interrupted() -> NoReturn:
    """Ends the node the way ComfyUI knows as "interrupted"."""
    raise model_management.InterruptProcessingException()


def run_id() -> str:
    """Names this run of a queued prompt, "" outside of one. For a node's async body only.

    A client may give several prompts one id; each runs in an event loop of its own.
    """
    context = get_executing_context()
    if context is None:
        return ""
    loop = asyncio.get_running_loop()
    with _lock:
        if loop not in _loops:
            _loops[loop] = next(_loop_numbers)
        return f"{context.prompt_id} {_loops[loop]}"


def note_seed(seed: int) -> None:
    """A node of this run works with this seed."""
    if run := run_id():
        with _lock:
            _seeds.setdefault(run, set()).add(seed)
            while len(_seeds) > REMEMBERED_RUNS:
                del _seeds[next(iter(_seeds))]


def seed_of_run() -> int | None:
    """The one seed that the nodes of this run work with so far; None for none or several."""
    run = run_id()
    with _lock:
        seeds = _seeds.get(run, set())
    return next(iter(seeds)) if len(seeds) == 1 else None


class NodeStatus:
    """The line of text and the progress bar of the node that is running.

    Made at the start of the node's async body, and used from there only. Where the node runs
    several items of a list side by side, one text sums them up. if_stopped: what to show if the
    run is stopped now. keeps: whether what it pays for is kept, None where it pays for nothing.
    """

    def __init__(self, item: str = "") -> None:
        """item: what tells this one from others of a list, where it fails."""
        self.item = item
        context = get_executing_context()
        self._key = (context.prompt_id, context.node_id) if context is not None else None
        self._bar = comfy_utils.ProgressBar(BAR_STEPS) if comfy_utils and context else None
        self._shown = ""
        self.text = ""
        self.fraction = 0.0
        self.if_stopped = NOTHING_SENT
        self.keeps: bool | None = None
        self.is_over = self.is_lost = False
        self._group = self._key or ("", str(id(self)))
        with _lock:
            self._siblings = _items.setdefault(self._group, [])
            self._siblings.append(self)

    @property
    def is_one_of_many(self) -> bool:
        """Whether it is an item of a list."""
        return len(self._siblings) > 1

    @property
    def are_all_kept(self) -> bool:
        """Whether what the items of the list made is kept, as far as they paid for it."""
        kept = [item.keeps for item in self._siblings if item.keeps is not None]
        return bool(kept) and all(kept)

    def show(self, text: str, fraction: float | None = None) -> None:
        """Shows `text`, and the bar at `fraction` of 0..1."""
        self.text = text
        if fraction is not None:
            self.fraction = fraction
        if (text := self._summary()) != self._shown:
            self._shown = text
            _send_text(text, self._key)
        if self._bar is not None:
            done = sum(item.fraction for item in self._siblings) / len(self._siblings)
            self._bar.update_absolute(int(done * BAR_STEPS), BAR_STEPS)

    def finish(self, text: str, is_lost: bool = False) -> None:
        """Shows the last text of this run; it stays on the node. is_lost: it made nothing."""
        self.is_over, self.is_lost, self.text, self.fraction = True, is_lost, text, 1.0
        _send_text(self._summary(), self._key)
        self.close()

    def close(self) -> None:
        """The node's body ends here, however it ends."""
        self.is_over = True
        with _lock:
            if all(item.is_over for item in self._siblings):
                _items.pop(self._group, None)

    def _summary(self) -> str:
        if len(self._siblings) == 1:
            return self.text
        over = [item for item in self._siblings if item.is_over]
        lost = sum(item.is_lost for item in over)
        head = f"{len(over) - lost} of {len(self._siblings)} items done"
        head += f", {lost} not" if lost else ""
        busy = [item.text for item in self._siblings if not item.is_over and item.text]
        if busy:
            return f"{head} · {busy[0]}"
        kept = [KEPT] if self.are_all_kept and 0 < lost < len(over) else []
        # ComfyUI's Vue nodes join the lines.
        return "\n- ".join([f"{head}:", *_ends(over), *kept])


def _ends(items: Sequence[NodeStatus]) -> list[str]:
    """How items of a list ended, each text once, those that made nothing first."""
    ordered = sorted(items, key=lambda item: not item.is_lost)
    texts = [f"{item.text} {item.item}" if item.is_lost else item.text for item in ordered]
    counts = Counter(text.strip() for text in texts if text.strip())
    lines = [f"{count} × {text}" if count > 1 else text for text, count in counts.items()]
    more = len(lines) - MAX_ENDINGS
    return lines if more <= 0 else [*lines[:MAX_ENDINGS], f"and {more} more"]


_interrupted_runs: deque[str] = deque(maxlen=REMEMBERED_RUNS)
_seeds: dict[str, set[int]] = {}
_lock = threading.Lock()
_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()
_loop_numbers = itertools.count(1)
_items: dict[tuple[str, str], list[NodeStatus]] = {}


def _send_text(text: str, key: tuple[str, str] | None) -> None:
    if status_listener is not None:
        status_listener(text)
    server = getattr(PromptServer, "instance", None)
    if server is not None and key is not None:
        server.send_progress_text(text, key[1], server.client_id)
