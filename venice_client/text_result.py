"""The result of a request to a text model: its texts, what they cost, and warnings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .catalogue.chat_prices import usage_usd
from .catalogue.model import Model
from .catalogue.prices import MAX_USD
from .errors import BadResponseError, NoTextError
from .imaging.whole_image import describe
from .money import ExactCost, total_cost
from .request.chat import ChatRequest
from .request.payload import Payload
from .result import Result, deprecation, request_id_of, saving_warnings
from .text import shortened
from .transport.response import Response

MAX_TOKENS = 10**8
"""The most tokens to believe."""

_THINKING = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"\A```[\w-]*[ \t]*\n(.*?)\n?```\Z", re.DOTALL)
_LABEL = re.compile(r"\A[*_#\s]{0,4}(?:image )?(?:prompt|caption|tags)[*_]{0,2}:[*_\s]{0,4}", re.I)
_QUOTES = {'"': '"', "“": "”", "'": "'", "`": "`"}
_END = re.compile(r"[.!?;,](?=\s)")


class _NoText(Exception):
    """The reason for a missing text, the remedy, and whether another try may help."""

    def __init__(self, why: str, remedy: str, can_pass: bool = True) -> None:
        super().__init__(why)
        self.remedy, self.can_pass = remedy, can_pass


@dataclass(frozen=True, kw_only=True)
class TextResult(Result):
    """The texts of one request; `Result` has the rest.

    texts: ready to use, at least one. model: its id. finish_reason: "stop", or "length" if the text
    is cut. tokens: of input and output, None if Venice didn't say.
    """

    texts: tuple[str, ...]
    model: str
    finish_reason: str
    tokens: tuple[int, int] | None

    @property
    def count(self) -> int:
        """The number of texts that arrived."""
        return len(self.texts)

    @property
    def is_cost_exact(self) -> bool:
        """Whether `cost` is what Venice says it charged, and not an estimate."""
        return self.cost == 0 or isinstance(self.cost, ExactCost)

    def facts(self) -> dict[str, Any]:
        """Return the facts of the request and its result for JSON, without image data."""
        came_in, came_out = self.tokens or (None, None)
        name = "cost_usd" if self.is_cost_exact else "estimated_cost_usd"
        return {
            "sent": self.sent,
            "request_id": self.request_id,
            "model": self.model,
            "finish_reason": self.finish_reason,
            "input_tokens": came_in,
            "output_tokens": came_out,
            "from_store": self.from_store,
            name: self.cost,
        }


def charged_usd(model: Model, response: Response, most: float | None) -> float | None:
    """Return what a response cost: by its own `cost`, else by its tokens, else `most`.

    An ExactCost if it says so itself, in US dollars or in Diem, which are worth one each.
    """
    try:
        data = _object(response.json())
    except BadResponseError:
        return most
    cost = _object(data.get("cost"))
    if (usd := _number(cost.get("usd"), MAX_USD)) is not None:
        return ExactCost(usd + (_number(cost.get("diem"), MAX_USD) or 0.0))
    tokens = _tokens(data)
    found = usage_usd(model, *tokens) if tokens else None
    return most if found is None else found


def read_text(
    request: ChatRequest,
    payload: Payload,
    response: Response,
    *,
    key: str,
    from_store: bool,
    cost: float | None,
    charge: float | None,
    charged: str,
) -> TextResult:
    """Read the texts in a response.

    from_store: whether nothing was sent for it. cost: what this request itself cost. charge: what
    the response cost, whoever sent the request; charged: that in a sentence. Raises NoTextError,
    with the body, unless there is at least one text to use.
    """
    try:
        data, choice = _contents(response)
        reason = str(choice.get("finish_reason") or choice.get("stop_reason") or "stop")
        texts, warnings = _texts(request, _content(choice), reason)
    except _NoText as error:
        raise _as_error(error, charge, charged, response) from None
    if not from_store and not isinstance(cost, ExactCost):
        warnings.append(
            "Venice didn't report the charge, so the estimate counts toward your limits."
        )
    return TextResult(
        texts=texts,
        sent=payload.shown,
        warnings=(
            *payload.warnings,
            *deprecation(response),
            *saving_warnings(response, "text"),
            *warnings,
        ),
        request_id=request_id_of(data, response),
        model=request.model,
        finish_reason=shortened(reason, 40),
        tokens=_tokens(data),
        key=key,
        checksum=response.checksum,
        from_store=from_store,
        cost=cost,
        not_cached=response.not_cached,
    )


def cached_texts(response: Response) -> tuple[str, ...]:
    """Return the texts in a saved response, for a list of results; () if there are none."""
    try:
        content = _content(_contents(response)[1])
        listed = _listed(content)
    except _NoText:
        return ()
    return tuple(map(_clean, listed or [content]))


def merged(results: Sequence[TextResult]) -> TextResult:
    """Return one result for those of several requests, with all of their texts."""
    tokens = [result.tokens for result in results]
    known = [each for each in tokens if each is not None]
    first = results[0]
    return replace(
        first,
        texts=tuple(text for result in results for text in result.texts),
        warnings=tuple(dict.fromkeys(text for result in results for text in result.warnings)),
        tokens=(sum(i for i, _ in known), sum(o for _, o in known)) if known == tokens else None,
        finish_reason=max((r.finish_reason for r in results), key=lambda name: name != "stop"),
        from_store=all(result.from_store for result in results),
        cost=total_cost([result.cost for result in results]),
    )


def _as_error(why: _NoText, charge: float | None, charged: str, response: Response) -> NoTextError:
    error = NoTextError(f"{why} {charged} {why.remedy}")
    error.body, error.can_pass = response.body, why.can_pass
    error.cost, error.may_have_been_charged = charge, charge != 0
    return error


def _contents(response: Response) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the JSON object of a response, and its first choice."""
    try:
        data = response.json()
    except BadResponseError:
        what = describe(response.body)
        raise _NoText(f"Venice's response isn't valid JSON ({what}).", "Try again.") from None
    choices = data.get("choices") if isinstance(data, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        what = describe(response.body)
        raise _NoText(f"Venice's response contains no text ({what}).", "Try again.")
    return data, choice


def _content(choice: Mapping[str, Any]) -> str:
    """Return the text of a choice, "" if there is none. It may come in parts."""
    content = _object(choice.get("message")).get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part for each in parts if isinstance(part := _object(each).get("text"), str)]
    return "".join(texts)


def _texts(request: ChatRequest, content: str, reason: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the texts to use, and warnings. Raises _NoText unless there is one."""
    if reason == "content_filter":
        raise _NoText(
            "The model refused to answer (content filter).",
            "Change the text or the image, or choose another model.",
            can_pass=False,
        )
    is_cut = reason == "length"
    listed = [content] if request.variants == 1 else _list_of(content, is_cut)
    texts = [text for text in map(_clean, listed) if text]
    if not texts:
        remedy = (
            "Raise max_tokens, or choose another model."
            if is_cut
            else ("Try again, or choose another model.")
        )
        raise _NoText("The model returned an empty text.", remedy)
    warnings = []
    if is_cut:
        warnings.append("The text was cut off. Raise max_tokens to get all of it.")
    if len(texts) != request.variants:
        rest = "; the extra ones are left out" if len(texts) > request.variants else ""
        were = f"{len(texts)} prompt{'' if len(texts) == 1 else 's'}"
        warnings.append(f"The model returned {were} instead of {request.variants}{rest}.")
    texts = texts[: request.variants]
    if request.max_prompt:
        for number, text in enumerate(texts):
            texts[number] = _fitted(text, request.max_prompt)
            if len(texts[number]) < len(text):
                warnings.append(
                    f"A prompt had {len(text):,} characters and was cut to {len(texts[number]):,}, "
                    "so every image model accepts it."
                )
    return tuple(texts), warnings


def _list_of(content: str, is_cut: bool) -> list[str]:
    """Return the prompts in the JSON that a model wrote."""
    listed = _listed(content)
    if listed is not None:
        return listed
    began = json.dumps(shortened(" ".join(content.split()), 60), ensure_ascii=False)
    if is_cut:
        raise _NoText(
            f"The answer was cut off and can't be read: it begins with {began}.",
            "Raise max_tokens, or reduce count.",
        )
    raise _NoText(
        f"The model's answer isn't the JSON that was requested: it begins with {began}.",
        "Try again, or choose another model.",
    )


def _listed(content: str) -> list[str] | None:
    """Return the texts under "prompts" in a JSON object; None if it isn't one."""
    try:
        data = json.loads(_bare(content))
    except (ValueError, RecursionError):
        return None
    prompts = data.get("prompts") if isinstance(data, dict) else None
    if not isinstance(prompts, list) or not all(isinstance(each, str) for each in prompts):
        return None
    return prompts


def _bare(text: str) -> str:
    """Return a text without thoughts before it, and without the fence of a code block."""
    text = _THINKING.sub("", text).strip()
    return found[1].strip() if (found := _FENCE.match(text)) else text


def _clean(text: str) -> str:
    """Return a text without what models put around it, and that every request can carry."""
    text = _LABEL.sub("", _bare(text.encode("utf-8", "ignore").decode().replace("\0", "")))
    closing = _QUOTES.get(text[:1])
    if closing and len(text) > 1 and text.endswith(closing) and text.count(text[0]) <= 2:
        text = text[1:-1]
    return text.strip()


def _fitted(text: str, maximum: int) -> str:
    """Return a text of fewer than `maximum` characters, cut after its last whole phrase."""
    if len(text) < maximum:
        return text
    text = text[: maximum - 1]
    ends = [found.start() for found in _END.finditer(text)]
    cut = ends[-1] if ends and ends[-1] > maximum // 2 else text.rfind(" ")
    return text[: cut if cut > 0 else None].rstrip(" ,;")


def _tokens(data: Mapping[str, Any]) -> tuple[int, int] | None:
    usage = _object(data.get("usage"))
    found = [_number(usage.get(f"{name}_tokens"), MAX_TOKENS) for name in ("prompt", "completion")]
    return None if found[0] is None or found[1] is None else (int(found[0]), int(found[1]))


def _number(value: Any, maximum: float) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= maximum else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
