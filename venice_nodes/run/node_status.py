"""The status of a node while it runs and at its end: a line of text and a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...venice_client import NOTHING_SENT, VeniceError, harmless
from . import comfyui


class NodeStatus:
    """The line of text and the progress bar of the node that is running.

    Made at the start of the node's async body, and used from there only. if_stopped: gives what to
    show if the run is stopped now.
    """

    def __init__(self) -> None:
        self._node = comfyui.executing_node()
        self._bar = comfyui.progress_bar()
        self._shown = ""
        self.if_stopped: Callable[[], str] = lambda: NOTHING_SENT

    def show(self, text: str, fraction: float) -> None:
        """Shows `text`, and the bar at `fraction` of 0..1."""
        if text != self._shown:
            self._shown = text
            comfyui.send_text(harmless(text), self._node)
        if self._bar is not None:
            self._bar.update_absolute(int(fraction * comfyui.BAR_STEPS), comfyui.BAR_STEPS)

    def finish(self, text: str) -> None:
        """Shows the last text of this run."""
        comfyui.send_text(harmless(text), self._node)


@contextmanager
def showing() -> Iterator[NodeStatus]:
    """The status of the node that is running; an error is shown on it as well."""
    status = NodeStatus()
    try:
        yield status
    except VeniceError as error:
        status.finish(str(error).partition("\n")[0])
        raise
    except BaseException as error:
        is_end = comfyui.is_end_of_run(error)
        reason = f"Failed: {type(error).__name__}: {error}".partition("\n")[0]
        status.finish(status.if_stopped() if is_end else reason)
        raise
