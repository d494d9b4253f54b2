"""The answer for the page: prices, limits, and whether to ask before a run.

    {"nodes": {node id: {
        "price": {"usd", "from", "to", "is_free", "is_known", "is_bounded", "text", "hint"},
        "level", "sent", "warnings", "error", "count", "images", "runs"}},
     "groups": {id of a subgraph's node: as "nodes" for one inside,
        else {"price": {"text"}, "level"}},
     "total": {the fields of "price",
        "badge", "level", "text", "reserved_usd", "must_ask",
        "over": None or {"limit", "limit_usd", "spent_usd", "costs_usd", "text"}}}

usd: the price; from, to: its bounds if it isn't exact. to: None without an upper bound. is_known:
False if Venice doesn't publish a price in it. is_bounded: False if the price or the number of
images is unknown. level: ok, ask, over (a limit, or an error), or input (something is missing, and
error says what). sent: another size than typed, if no warning says so; the model that `default`
means. runs: whether a run reaches the node. reserved_usd: the least that one run counts against
the limits, None if unknown. must_ask: never in the sandbox, or if over is set. over: the limit
("run" or "day") that refuses the run, its sum, what is spent, and the run's cost, None if unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...venice_client import SpendingLimitError
from ...venice_client.for_nodes import PriceEstimator, dollars
from .item_estimate import ItemEstimate
from .price import ALREADY_YOURS, Price

MAX_WARNINGS = 12
"""The most warnings of one node to send."""

NEEDS_INPUT = "Needs input"
NOT_SENT = "not sent"

ROUNDING = 1e-6
"""USD by which two sums of the same prices may differ."""


class Answer:
    """Builds an answer from the saved images and the limits now.

    runs: the number of times that the page is about to queue the graph. named: the USD that the
    button for this run named, so that it asks before any more.
    """

    def __init__(self, estimator: PriceEstimator, runs: int, named: float | None = None) -> None:
        self._estimator, self._runs = estimator, runs
        self._cached: set[str] = set()
        self._ask_above = estimator.settings.ask_above_usd
        if named is not None:
            self._ask_above = min(self._ask_above, named + ROUNDING)
        self._limits = {
            "run": estimator.settings.max_usd_per_run,
            "day": estimator.settings.max_usd_per_day,
        }
        self._rooms, self._trouble = _rooms(estimator)

    def of(
        self, found: Mapping[str, Sequence[ItemEstimate]], run: set[str], sure: set[str]
    ) -> dict[str, Any]:
        """Build the answer. found: items by paid node. run: the nodes that a run may reach; sure:
        those that it reaches whatever nodes with lazy inputs decide."""
        keys = {key for items in found.values() for item in items for key in item.keys}
        self._cached = set(filter(self._estimator.results.__contains__, keys))
        nodes = {n: {**self._node(items), "runs": n in run} for n, items in found.items()}
        groups: dict[str, list[str]] = {}
        for name in found:
            ids = name.split(":")
            for depth in range(1, len(ids)):
                groups.setdefault(":".join(ids[:depth]), []).append(name)
        return {
            "nodes": nodes,
            "groups": {
                group: nodes[names[0]] if len(names) == 1 else self._group(found, names)
                for group, names in groups.items()
            },
            "total": self._total(
                [
                    items if name in sure else [replace(item, may_be_free=True) for item in items]
                    for name, items in found.items()
                    if name in run
                ]
            ),
        }

    def _total(self, nodes: Sequence[Sequence[ItemEstimate]]) -> dict[str, Any]:
        by_node = list(map(_to_pay, nodes))
        items = [item for own in by_node for item in own]
        total = self._price(items)
        if not self._estimator.results.is_on:  # equal requests of two nodes may be paid twice
            total = total.or_else(sum(map(self._price, by_node), Price()))
        badge = self._badge(total) if items else ""
        over = self.over(total)
        return {
            **total.facts(bool(items) and total.is_free, badge, self._hint(total) if items else ""),
            "badge": badge,
            "level": self._level(total),
            "text": self._sentence(items, total) if items else "",
            "reserved_usd": total.reserved,
            "must_ask": over is None and self._must_ask(total),
            "over": over,
        }

    def _node(self, items: Sequence[ItemEstimate]) -> dict[str, Any]:
        price = self._price(_to_pay(items))
        wrong = next((item for item in items if item.error), None)
        warnings = dict.fromkeys(w for item in items for w in item.warnings)
        sent = list(dict.fromkeys(item.sent for item in items if item.sent))
        is_free = not wrong and all(item.is_cached(self._cached) for item in items)
        if wrong is None:
            text, hint, level = self._badge(price), self._hint(price), self._level(price)
        elif wrong.is_incomplete:
            text, hint, level = NEEDS_INPUT, wrong.error, "input"
        else:
            text, hint, level = NOT_SENT, "", "over"
        return {
            "price": price.facts(is_free, text, hint),
            "level": level,
            "sent": " / ".join(sent[:3]) + (" / …" if len(sent) > 3 else ""),
            "warnings": list(warnings)[:MAX_WARNINGS],
            "error": wrong.error if wrong else None,
            "count": len(items),
            "images": sum(item.count for item in items if item.noun == "image"),
        }

    def _group(
        self, found: Mapping[str, Sequence[ItemEstimate]], names: Sequence[str]
    ) -> dict[str, Any]:
        """Return the total cost of the nodes inside one subgraph."""
        price = self._price([item for name in names for item in _to_pay(found[name])])
        wrong = [item for name in names for item in found[name] if item.error]
        if not wrong:
            text, level = self._badge(price), self._level(price)
        elif all(item.is_incomplete for item in wrong):
            text, level = NEEDS_INPUT, "input"
        else:
            text, level = NOT_SENT, "over"
        return {"price": {"text": text}, "level": level}

    def over(self, price: Price) -> dict[str, Any] | None:
        """Return the limit that one run at this price would exceed, or None."""
        if price.reserved == 0:
            return None
        for name, room in self._rooms.items():
            limit = self._limits[name]
            if limit is None or (price.reserved is not None and price.reserved <= room):
                continue
            spent = None if self._trouble and name == "day" else max(0.0, limit - room)
            return {
                "limit": name,
                "limit_usd": limit,
                "spent_usd": None if spent is None else round(spent, 6),
                "costs_usd": price.reserved,
                "text": self._why_over(name, limit, spent, price),
            }
        return None

    def _why_over(self, name: str, limit: float, spent: float | None, price: Price) -> str:
        called = f"{dollars(limit)} {'limit per run' if name == 'run' else 'daily limit'}"
        if price.reserved is None:
            return f"The price is unknown, so it can't be checked against your {called}."
        if spent is None:
            return self._trouble
        about = "about" if price.is_exact else "at least" if price.is_known else "up to"
        cost = f"{about} {dollars(price.reserved)}"
        if name == "run":
            return f"Over your {called}: this costs {cost}."
        return f"Over your {called}: {dollars(spent)} spent today, this costs {cost}."

    def _price(self, items: Sequence[ItemEstimate]) -> Price:
        """Return the total cost, with equal requests charged once."""
        paid = set(self._cached)
        return sum((item.price(paid) for item in items), Price())

    def _badge(self, price: Price) -> str:
        if self._estimator.is_sandbox and not price.is_free:
            return f"{price.badge()} · sandbox"
        return price.badge()

    def _hint(self, price: Price) -> str:
        """Return the tooltip with what the badge leaves out."""
        if price.is_free:
            return ALREADY_YOURS
        if self._estimator.is_sandbox:
            return f"Sandbox: free. On Venice this would cost {price.words()}."
        return "The number of images isn't known yet." if price.high is None else ""

    def _sentence(self, items: Sequence[ItemEstimate], price: Price) -> str:
        """Return the text of the question before a run."""
        if price.is_free:
            return ALREADY_YOURS
        if self._estimator.is_sandbox:
            return self._hint(price)
        if self._runs == 1:
            return f"{_what(items)}, {price.words()}."
        total = price.words_of_runs(self._runs)
        return f"{_what(items)}, {price.words()} each; {self._runs} runs, {total} in total."

    def _is_above_ask(self, price: Price) -> bool:
        total = price * self._runs
        return total.is_above(self._ask_above) and not self._estimator.is_sandbox

    def _must_ask(self, price: Price) -> bool:
        """Whether the page must ask before a run at this price."""
        is_open = not price.is_known or price.high is None
        return not self._estimator.is_sandbox and (is_open or self._is_above_ask(price))

    def _level(self, price: Price) -> str:
        if self.over(price):
            return "over"
        return "ask" if self._must_ask(price) else "ok"


def _rooms(estimator: PriceEstimator) -> tuple[dict[str, float], str]:
    """Return the USD left under each limit, and why the day's is unknown, or ""."""
    try:
        return estimator.spending.rooms(), ""
    except SpendingLimitError as error:  # today's spending is unreadable: nothing would leave
        return {"day": 0.0}, str(error).partition("\n")[0]


def _to_pay(items: Sequence[ItemEstimate]) -> Sequence[ItemEstimate]:
    """Return the charged items: none if one is wrong, since the node then sends nothing."""
    return () if any(item.error for item in items) else items


def _what(items: Sequence[ItemEstimate]) -> str:
    """Name the number of images or texts and their model, as "8 images with Nano Banana Pro"."""
    texts = [item for item in items if item.noun == "text"]
    images = [item for item in items if item.noun == "image"]
    if texts and images:
        return f"{_images(images)} and {_texts(texts)}"
    text = _texts(texts) if texts else _images(images)
    models = {item.model for item in items if item.forms}
    named = models.pop() if len(models) == 1 else ""
    return f"{text} with {named}" if named else text


def _images(items: Sequence[ItemEstimate]) -> str:
    shown = _number(items)
    return f"{shown} image{'' if shown == '1' else 's'}"


def _texts(items: Sequence[ItemEstimate]) -> str:
    shown = _number(items)
    return f"{shown} text{'' if shown == '1' else 's'}"


def _number(items: Sequence[ItemEstimate]) -> str:
    count = sum(item.count for item in items)
    return f"{count:,} or more" if any(item.is_open for item in items) else f"{count:,}"
