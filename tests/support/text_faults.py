"""Every way to ask for texts, and how requests must end that meet a fault of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fault_table import ROWS, Row, picture
from faulty_sandbox import Fault
from venice_client import DescribeRequest, WritePromptsRequest

SEES, NO_SCHEMA = "google-gemma-3-27b-it", "qwen-3-7-max"


@dataclass(frozen=True)
class TextColumn:
    """One way to ask for texts. requests: new ones for each run. texts: how many they give."""

    name: str
    requests: Callable[[], Sequence[Any]]
    texts: int = 1
    has_schema: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its responses."""
        return ("text", "schema") if self.has_schema else ("text", "plain text")


def _described(count: int) -> list[DescribeRequest]:
    return [DescribeRequest(picture(128, 96 + i), model=SEES) for i in range(count)]


TEXT_COLUMNS = (
    TextColumn("a description", lambda: _described(1)),
    TextColumn("3 descriptions", lambda: _described(3), texts=3),
    TextColumn(
        "4 prompts in one answer",
        lambda: [WritePromptsRequest("a fox", SEES, count=4)],
        texts=4,
        has_schema=True,
    ),
    TextColumn(
        "2 prompts of their own",
        lambda: [WritePromptsRequest("a fox", NO_SCHEMA, part=(n, 2)) for n in (1, 2)],
        texts=2,
    ),
)

OF_ANY_ANSWER = (
    *("endless", "gzip bomb", "promises more", "a lie about gzip", "slow", "other headers"),
    "deprecated",
)
OF_IMAGES = ("BadResponseError", "FlaggedImageError", "ContentViolationError", "RefusedEditError")

CHARGED = r"You were charged \$0\.\d+"
ODD_ROWS = (
    Row(
        "content filter",
        lambda: Fault.answer(finish_reason="content_filter"),
        "NoTextError",
        rf"refused to answer \(content filter\)\. {CHARGED}.*Change the text",
    ),
    Row(
        "empty text",
        lambda: Fault.answer(content=""),
        "NoTextError",
        rf"(empty text|isn't the JSON).*{CHARGED}.*Try again",
    ),
    Row(
        "no text at all",
        lambda: Fault.answer(content=None),
        "NoTextError",
        rf"(empty text|isn't the JSON).*{CHARGED}",
    ),
    Row(
        "another text than the schema wants",
        lambda: Fault.answer(content='{"prompts": "a fox"}'),
        "NoTextError",
        rf"isn't the JSON that was requested.*{CHARGED}",
        only="schema",
    ),
    Row(
        "no choices",
        lambda: Fault.answer(choices=[]),
        "NoTextError",
        rf"contains no text.*{CHARGED}",
    ),
    Row(
        "a page for a text",
        lambda: Fault.body(b"<!doctype html><title>Log in</title>", "text/html"),
        "NoTextError",
        r"isn't valid JSON \(.*a web page.*charged up to \$0",
    ),
    Row("empty body", lambda: Fault.body(b""), "NoTextError", r"it is empty.*charged up to \$0"),
    Row(
        "deep JSON",
        lambda: Fault.body(b"[" * 100_000, "application/json"),
        "NoTextError",
        r"isn't valid JSON.*charged up to",
    ),
    Row(
        "a picture for a text",
        lambda: Fault.body(picture(), "image/png"),
        "NoTextError",
        "isn't valid JSON",
    ),
    Row(
        "promises less",
        lambda: Fault.wrong_length(-7),
        "NoTextError",
        "isn't valid JSON",
    ),
    Row(
        "no cost",
        lambda: Fault.answer(cost=None),
        kept=True,
    ),
    Row(
        "neither cost nor usage",
        lambda: Fault.answer(cost=None, usage=None),
        kept=True,
    ),
    Row(
        "cut text",
        lambda: Fault.answer(finish_reason="length"),
        says="cut off",
        kept=True,
    ),
)

TEXT_ROWS = (
    *(
        row
        for row in ROWS
        if not row.only and (row.error not in ("", *OF_IMAGES) or row.name in OF_ANY_ANSWER)
    ),
    *ODD_ROWS,
)
