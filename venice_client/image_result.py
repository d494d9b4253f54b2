"""From an answer to encoded pictures, flags and warnings."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .errors import CHARGED, BadResponseError
from .images import image_format, size_of
from .request.base import PaidRequest, Payload
from .text import printable
from .transport.response import Response

MAX_TEXT = 200
"""Characters of an id or a name; the API's own have some forty."""

MAX_TIMES = 20
MAX_TIME_MS = 1e9
"""What is beyond is no time. JSON may hold 1e999, which is infinite."""


LEFT_OUT = "(left out)"


@dataclass(frozen=True)
class ImageResult:
    """The answer to one request.

    images: encoded, as they came. sent: the JSON object that was sent. timing: the server's, in
    milliseconds, or None. enhanced_prompt: the prompt that was used, where it was rewritten.
    key: its name in the store. checksum: of the answer as it came. cost: the estimate in USD, 0 if
    it was not asked for again, None if unknown. not_kept: why it could not be kept on disk, or "".
    """

    images: tuple[bytes, ...]
    sent: dict[str, Any]
    warnings: tuple[str, ...] = ()
    request_id: str | None = None
    timing: dict[str, float] | None = None
    enhanced_prompt: str | None = None
    is_blurred: bool = False
    is_violation: bool = False
    key: str = ""
    checksum: str = ""
    from_store: bool = False
    cost: float | None = None
    not_kept: str = ""

    @property
    def sent_without_images(self) -> dict[str, Any]:
        """What was sent, with "(left out)" in place of image data."""
        shown = dict(self.sent)
        if "image" in shown:
            shown["image"] = LEFT_OUT
        if "images" in shown:
            shown["images"] = [LEFT_OUT] * len(shown["images"])
        if "style_references" in shown:
            references = shown["style_references"]
            shown["style_references"] = [{**r, "image": LEFT_OUT} for r in references]
        return shown


def read_images(request: PaidRequest, payload: Payload, response: Response) -> ImageResult:
    """The images in a response, looked at but not decoded. Raises BadResponseError if none is."""
    sent = payload.fields
    warnings = [*payload.warnings, *_deprecation(response)]
    if response.from_store and sent.get("enhance_prompt"):
        warnings.append("The picture comes from the store: the rewritten prompt is not kept.")
    if response.not_kept:
        warnings.append(
            f"A picture could not be kept on disk ({response.not_kept}): if this run ends early, "
            "or it is asked for again, it is paid for again."
        )
    request_id = printable(response.headers.get("x-request-id", ""), MAX_TEXT) or None
    timing = None
    if request.is_binary:
        size_of(response.body)
        images: tuple[bytes, ...] = (response.body,)
    else:
        data = _object(response)
        encoded = _listed(data)
        images, bad = _images(encoded[: request.variants])
        warnings += bad
        request_id = (
            printable(data["id"], MAX_TEXT) if isinstance(data.get("id"), str) else request_id
        )
        timing = _numbers(data.get("timing"))
        if (came := len(encoded)) != request.variants:
            rest = ": the rest is left out" if came > request.variants else ""
            warnings.append(f"{request.variants} pictures were asked for, {came} came{rest}.")
    return ImageResult(
        images=images,
        sent=sent,
        warnings=tuple(warnings),
        request_id=request_id,
        timing=timing,
        enhanced_prompt=_unquoted(response.headers.get("x-venice-enhanced-prompt")),
        is_blurred=_flag(response, "x-venice-is-blurred"),
        is_violation=_flag(response, "x-venice-is-content-violation"),
        not_kept=response.not_kept,
    )


def kept_images(response: Response) -> tuple[bytes, ...]:
    """The pictures in a kept answer of any endpoint: the body itself, or those in its JSON."""
    if image_format(response.body):
        size_of(response.body)
        return (response.body,)
    return _images(_listed(_object(response)))[0]


def _object(response: Response) -> dict[str, Any]:
    data = response.json()
    return data if isinstance(data, dict) else {}


def _listed(data: dict[str, Any]) -> list[Any]:
    """What `data` lists as pictures, each to be base64."""
    images = data.get("images")
    return images if isinstance(images, list) else []


def left_out(error: BadResponseError) -> str:
    """The warning that a picture of an answer is damaged, beside good ones."""
    return f"A picture of the answer is left out: {error}"


def _numbers(timing: Any) -> dict[str, float] | None:
    if not isinstance(timing, dict):
        return None
    numbers = {
        printable(name, MAX_TEXT): float(value)
        for name, value in list(timing.items())[:MAX_TIMES]
        if isinstance(value, int | float) and abs(value) < MAX_TIME_MS
    }
    return {name: int(ms) if ms.is_integer() else ms for name, ms in numbers.items()}


def _images(encoded: Sequence[Any]) -> tuple[tuple[bytes, ...], list[str]]:
    """The images that can be read, and a warning for each that cannot. At least one."""
    if not encoded:
        raise BadResponseError(f"Venice's answer holds no image. {CHARGED}")
    images: list[bytes] = []
    errors: list[BadResponseError] = []
    for text in encoded:
        try:
            data = _image(text)
            size_of(data)
            images.append(data)
        except BadResponseError as error:
            errors.append(error)
    if not images:
        raise errors[0]
    return tuple(images), [left_out(error) for error in errors]


def _image(text: Any) -> bytes:
    if not isinstance(text, str):
        raise BadResponseError(f"An image in Venice's answer is no text of base64. {CHARGED}")
    text = re.sub(r"^data:image/[a-z]+;base64,", "", text)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadResponseError(
            f"An image in Venice's answer is no valid base64. {CHARGED}"
        ) from None


def _deprecation(response: Response) -> list[str]:
    headers = response.headers
    date = printable(headers.get("x-venice-model-deprecation-date", ""))[:10]
    text = printable(headers.get("x-venice-model-deprecation-warning", ""), MAX_TEXT)
    if not date and not text and headers.get("x-venice-deprecated") != "true":
        return []
    replacement = printable(headers.get("x-venice-deprecated-replacement", ""), MAX_TEXT)
    parts = ["This model is deprecated"]
    parts += [f" and will be switched off on {date}"] if date else []
    parts += [f"; use `{replacement}` instead"] if replacement else []
    return ["".join(parts) + "." + (f" ({text})" if text else "")]


def _flag(response: Response, header: str) -> bool:
    return response.headers.get(header, "").strip().lower() == "true"


def _unquoted(text: str | None) -> str | None:
    return unquote(text) if text else None
