"""The only file that imports ComfyUI: status, progress bar, interrupt, folders, routes, nodes.

Without ComfyUI it falls back to plain Python, so that nodes run in a script or a test.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

log = logging.getLogger(__name__)

try:
    import comfy.model_management as model_management
    import comfy.utils as comfy_utils
    import folder_paths
    from server import PromptServer
except ImportError:
    model_management = comfy_utils = folder_paths = PromptServer = None

try:
    from comfy.cli_args import args
except ImportError:
    args = None

try:
    from comfy_execution.utils import get_executing_context
except ImportError:

    def get_executing_context() -> Any:
        return None

    if model_management is not None:
        log.warning(
            "The Venice nodes need ComfyUI 0.3.64 or newer. This version can't show their "
            "progress. Update ComfyUI."
        )

BAR_STEPS = 1000
STATUS_EVENT = "venice.status"
REMEMBERED_RUNS = 16
REMEMBERED_ENDS = 500
"""The most final statuses to remember for a page that missed them."""

status_listener: Callable[[str], None] | None = None
"""A function to call with each new status text, for scripts without ComfyUI."""


def user_folder() -> Path | None:
    """Return the pack's folder in ComfyUI's user directory, or None. ComfyUI doesn't serve it."""
    if folder_paths is None:
        return None
    return Path(folder_paths.get_user_directory()) / "__venice"


def is_interrupted() -> bool:
    """Whether the user stopped the run. Checking doesn't consume the interrupt."""
    if model_management is None:
        return False
    return bool(model_management.processing_interrupted()) or run_id() in _interrupted_runs


def is_end_of_run(error: BaseException) -> bool:
    """Whether the error means that the run is over: an interrupt, or another node failed.

    ComfyUI's own progress bar may see an interrupt first and consume it. So if one node of a run
    learns of it here, `is_interrupted` tells the others.
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
    """End the node in the way that ComfyUI knows as "interrupted"."""
    raise model_management.InterruptProcessingException()


def run_id() -> str:
    """Return a name for this run of a queued prompt, or "". Only for a node's async body.

    A client may give several prompts the same id, but each has its own event loop.
    """
    context = get_executing_context()
    if context is None:
        return ""
    loop = asyncio.get_running_loop()
    with _lock:
        if loop not in _loops:
            _loops[loop] = next(_loop_numbers)
        return f"{context.prompt_id} {_loops[loop]}"


def progress_bar() -> Any:
    """Return ComfyUI's progress bar of the running node, with BAR_STEPS steps; or None."""
    if comfy_utils is None or get_executing_context() is None:
        return None
    return comfy_utils.ProgressBar(BAR_STEPS)


def executing_node() -> tuple[str, str]:
    """Return the ids of the queued prompt and of the running node; "" outside a run."""
    context = get_executing_context()
    return ("", "") if context is None else (str(context.prompt_id), str(context.node_id))


def send_status(
    where: tuple[str, str], kind: str, text: str, more: Mapping[str, Any]
) -> dict[str, Any]:
    """Show `text` on a node to the client that queued its run; return the message.

    where: see `executing_node`. text: harmless for a page; one that doesn't know `venice.status`
    shows only it. more: facts to send with it. Never fails the node.
    """
    if status_listener is not None:
        status_listener(text)
    prompt, node = where
    message = {"prompt_id": prompt, "node": node, "text": text, "kind": kind, **more}
    if kind != "progress" and prompt:
        with _lock:
            _ends.append(message)
    server = getattr(PromptServer, "instance", None)
    if server is None or not node:
        return message
    try:
        if server.client_id is not None:  # else all clients would get it
            server.send_sync(STATUS_EVENT, message, server.client_id)
        server.send_progress_text(text, node, server.client_id)
    except Exception as error:  # a server of another version may raise anything
        log.warning("A status could not be shown (%s).", type(error).__name__)
    return message


def ends_of(prompt: str) -> list[dict[str, Any]]:
    """Return the last remembered status of each node of a queued prompt."""
    with _lock:
        found = {end["node"]: end for end in _ends if end["prompt_id"] == prompt}
    return list(found.values())


def answered_by(path: str) -> Path | None:
    """Return the file of the code behind a path of ComfyUI's server, or None."""
    for route in getattr(getattr(PromptServer, "instance", None), "routes", ()):
        code = getattr(getattr(route, "handler", None), "__code__", None)
        if code is not None and getattr(route, "path", "") == path:
            return Path(code.co_filename)
    return None


def add_routes(routes: Iterable[tuple[str, str, Callable[..., Any]]]) -> None:
    """Add (method, path, handler) to ComfyUI's server, which also mounts them under /api."""
    server = getattr(PromptServer, "instance", None)
    if server is None:
        return
    for method, path, handler in routes:
        server.routes.route(method, path)(handler)


def before_queueing(change: Callable[[Any], None]) -> None:
    """Register `change`, to call with the body of each request to queue a prompt."""
    server = getattr(PromptServer, "instance", None)
    if server is None:
        return

    def handle(body: Any) -> Any:
        change(body)
        return body

    server.add_on_prompt_handler(handle)


def listens_on() -> list[str]:
    """Return the addresses that ComfyUI listens on; none if it doesn't say."""
    listened = str(getattr(args, "listen", None) or "")
    return [each.strip() for each in listened.split(",") if each.strip()]


def node_class(name: str) -> Any:
    """Return the class of any pack's node; None if unknown, and without ComfyUI."""
    return getattr(sys.modules.get("nodes"), "NODE_CLASS_MAPPINGS", {}).get(name)


def input_file(name: str) -> Path:
    """Return Load Image's file for a name. Raises ComfyUI's errors."""
    return Path(folder_paths.get_annotated_filepath(name))


def image_folder(kind: str) -> Path | None:
    """Return ComfyUI's "input" or "output" folder; None without ComfyUI."""
    if folder_paths is None:
        return None
    is_input = kind == "input"
    folder = folder_paths.get_input_directory if is_input else folder_paths.get_output_directory
    return Path(folder())


_ends: deque[dict[str, Any]] = deque(maxlen=REMEMBERED_ENDS)
_interrupted_runs: deque[str] = deque(maxlen=REMEMBERED_RUNS)
_lock = threading.Lock()
_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()
_loop_numbers = itertools.count(1)
