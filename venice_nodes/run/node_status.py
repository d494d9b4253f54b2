"""The status of a node while it runs and at its end: a line of text and a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...venice_client import BatchError, ContentViolationError, InvalidRequestError, VeniceError
from ...venice_client.for_nodes import NOTHING_SENT, harmless
from . import comfyui

EMPTY_PROMPT = "Field 'prompt' cannot be empty."
VIOLATION = "The generated image was flagged for content policy violation."
"""Lines that ComfyUI's page knows and translates."""

NOTHING_PAID: Mapping[str, Any] = {
    "model": None,
    "seeds": (),
    "cost_usd": 0.0,
    "free": True,
    "may_have_been_charged": False,
}
"""The facts of a node that sent nothing; docs/http-api.md explains them."""


class StatusNode:
    """A node whose status the page shows after each run, even if ComfyUI cached it."""

    HAS_INTERMEDIATE_OUTPUT = True  # so ComfyUI 0.33 sends it again


class NodeStatus:
    """The line of text and the progress bar of the running node.

    Only for the node's async body, from its start. seed: the node's, None for none or several.
    facts: returns the state so far, in the form of NOTHING_PAID. warnings: those so far.
    if_stopped: returns the text for a run that stops now. to_finish: returns the data for the page
    to get the rest; None if nothing was generated.
    """

    def __init__(self) -> None:
        self._node = comfyui.executing_node()
        self._bar = comfyui.progress_bar()
        self._shown = ""
        self._last: dict[str, Any] = {}
        self.seed: int | None = None
        self.facts: Callable[[], Mapping[str, Any]] = dict
        self.warnings: Sequence[str] = ()
        self.if_stopped: Callable[[], str] = lambda: NOTHING_SENT
        self.to_finish: Callable[[], dict[str, Any] | None] = lambda: None

    def show(self, text: str, fraction: float) -> None:
        """Show `text`, and the bar at `fraction` of 0..1."""
        if text != self._shown:
            self._shown = text
            self._tell("progress", text)
        if self._bar is not None:
            self._bar.update_absolute(int(fraction * comfyui.BAR_STEPS), comfyui.BAR_STEPS)

    def finish(self, text: str) -> None:
        """Show the last text of a successful run."""
        self._tell("done", text)

    def fail(self, text: str, error: BaseException) -> None:
        """Show why the run failed and, if trying again can help, how to get the rest."""
        again = self.to_finish() if getattr(error, "can_pass", True) else None
        self._tell("error", text, again, getattr(error, "may_have_been_charged", False))

    def stop(self) -> None:
        """Show the state of a stopped run, and how to get the rest."""
        self._tell("stopped", self.if_stopped(), self.to_finish())

    def with_outputs(self, outputs: tuple[Any, ...]) -> dict[str, Any]:
        """Return the node's answer; ComfyUI keeps the status with the outputs."""
        return {"ui": {"venice_status": [self._last]}, "result": outputs}

    def _tell(
        self,
        kind: str,
        text: str,
        again: dict[str, Any] | None = None,
        may_be_charged: bool = False,
    ) -> None:
        facts: dict[str, Any] = {"seed": self.seed, "again": again}
        if kind != "progress":
            seeds = () if self.seed is None else (self.seed,)
            facts |= {**NOTHING_PAID, "seeds": seeds, **self.facts()}
            facts["seeds"] = list(facts["seeds"])
            facts["warnings"] = list(map(harmless, dict.fromkeys(filter(None, self.warnings))))
            facts["may_have_been_charged"] |= may_be_charged
        self._last = comfyui.send_status(self._node, kind, harmless(text), facts)


@contextmanager
def showing() -> Iterator[NodeStatus]:
    """Yield the status of the running node; show an error on it too."""
    status = NodeStatus()
    try:
        yield status
    except VeniceError as error:
        advice = error.advice if isinstance(error, BatchError) else ""
        text = f"{str(error).partition(chr(10))[0]} {advice}".rstrip()
        status.fail(text, error)
        _add_known_line(error)
        raise
    except BaseException as error:
        if comfyui.is_end_of_run(error):
            status.stop()
        else:
            status.fail(f"Failed: {type(error).__name__}: {error}".partition("\n")[0], error)
        raise


def _add_known_line(error: VeniceError) -> None:
    """Add the line by which ComfyUI's page knows an error below ours."""
    causes = error.errors if isinstance(error, BatchError) else (error,)
    line = ""
    if any(isinstance(e, InvalidRequestError) and e.is_empty for e in causes):
        line = EMPTY_PROMPT
    elif all(isinstance(e, ContentViolationError) for e in causes):
        line = VIOLATION
    if line and line not in str(error):
        error.args = (f"{error}\n{line}", *error.args[1:])
