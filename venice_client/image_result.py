"""The result of a request: its encoded images, flags and warnings."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .errors import CHARGED, BadResponseError
from .imaging.images import EncodedImage
from .imaging.whole_image import describe, image_format
from .request.paid_request import PaidRequest
from .request.payload import Payload
from .result import MAX_TEXT, Result, deprecation, request_id_of, saving_warnings
from .text import printable
from .transport.response import Response

MAX_TIMES = 20
MAX_TIME_MS = 1e9
"""The most milliseconds to believe. JSON may contain 1e999, which is infinite."""

UNPAID_PATH = "/image/generate"
"""The endpoint whose content violations aren't charged. Edits never report any."""


@dataclass(frozen=True, kw_only=True)
class ImageResult(Result):
    """The images of one request; `Result` has the rest.

    images: checked, not decoded. timing: the server's, in milliseconds, or None. enhanced_prompt:
    the prompt that Venice used, if it rewrote it. is_violation: the image is blocked, and was
    neither charged nor saved. size_warnings: about images with an unexpected size or ratio.
    """

    images: tuple[EncodedImage, ...]
    timing: dict[str, float] | None
    enhanced_prompt: str | None
    is_blurred: bool
    is_violation: bool
    size_warnings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """The number of images that arrived; a blocked one didn't."""
        return 0 if self.is_violation else len(self.images)

    def flags(self, label: str) -> list[str]:
        """Return Venice's complaints about the images, a sentence each.

        label: a name for this request, such as "seed 7".
        """
        found = []
        if self.is_violation:
            found.append(
                f"Venice blocked this image ({label}): it violates the content policy. "
                "You weren't charged."
            )
        if self.is_blurred:
            found.append(f"Venice blurred this image ({label}), since safe_mode is on.")
        return found

    def facts(self) -> dict[str, Any]:
        """Return the facts of the request and its result for JSON, without image data."""
        return {
            "sent": self.sent,
            "request_id": self.request_id,
            "timing": self.timing,
            "enhanced_prompt": self.enhanced_prompt,
            "is_blurred": self.is_blurred,
            "is_violation": self.is_violation,
            "from_store": self.from_store,
            "estimated_cost_usd": self.cost,
        }


def read_images(
    request: PaidRequest,
    payload: Payload,
    response: Response,
    *,
    key: str,
    from_store: bool,
    cost: float | None,
) -> ImageResult:
    """Read the images in a response, checked but not decoded.

    from_store: whether nothing was sent for it. Raises BadResponseError, with the body, unless at
    least one image is whole.
    """
    try:
        data, entries = _contents(response)
        images, damage = _read_all(entries[: request.variants])
    except BadResponseError as error:
        error.body = response.body
        raise
    warnings = [*_warnings(payload.fields, response), *damage]
    warnings += _oddities(request.variants, entries, images)
    return ImageResult(
        images=images,
        sent=payload.shown,
        warnings=(*payload.warnings, *warnings),
        request_id=request_id_of(data, response),
        timing=_numbers(data.get("timing")),
        enhanced_prompt=_unquoted(response.headers.get("x-venice-enhanced-prompt")),
        is_blurred=_flag(response, "x-venice-is-blurred"),
        is_violation=is_violation(payload.path, response),
        key=key,
        checksum=response.checksum,
        from_store=from_store,
        cost=cost,
        not_cached=response.not_cached,
    )


def unchanged(payload: Payload, key: str) -> ImageResult:
    """The result of an edit whose mask covers nothing: its image, for free."""
    assert payload.masked is not None
    return ImageResult(
        images=(payload.masked.put_back(None),),
        sent={},
        warnings=payload.warnings,
        request_id=None,
        timing=None,
        enhanced_prompt=None,
        is_blurred=False,
        is_violation=False,
        key=key,
        checksum="",
        from_store=True,
        cost=0.0,
        not_cached="",
    )


def is_violation(path: str, response: Response) -> bool:
    """Whether Venice blocked the image in a response of `path`, and didn't charge it."""
    return path == UNPAID_PATH and _flag(response, "x-venice-is-content-violation")


def cached_images(response: Response) -> tuple[EncodedImage, ...]:
    """Return the images in a saved response of any endpoint."""
    return _read_all(_contents(response)[1])[0]


def left_out(error: BadResponseError) -> str:
    """Return the warning that one of several images in a response is damaged."""
    return f"One image in the response is damaged and left out: {error}"


def _numbers(timing: Any) -> dict[str, float] | None:
    if not isinstance(timing, dict):
        return None
    numbers = {
        printable(name, MAX_TEXT): float(value)
        for name, value in list(timing.items())[:MAX_TIMES]
        if isinstance(value, int | float) and abs(value) < MAX_TIME_MS
    }
    return {name: int(ms) if ms.is_integer() else ms for name, ms in numbers.items()}


def _contents(response: Response) -> tuple[dict[str, Any], list[Any]]:
    """Return the JSON object of a response, {} if there is none, and its encoded images.

    The bytes decide which form it has, not the request: an image, or JSON.
    """
    body = response.body
    if image_format(body):
        return {}, [body]
    try:
        data = response.json()
    except BadResponseError:
        raise BadResponseError(
            f"Venice's response isn't a readable image ({describe(body)}). {CHARGED}"
        ) from None
    entries = data.get("images") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not any(entries):
        raise BadResponseError(f"Venice's response contains no image ({describe(body)}). {CHARGED}")
    return data, entries


def _read_all(entries: Sequence[Any]) -> tuple[tuple[EncodedImage, ...], list[str]]:
    """Return the readable images, at least one, and a warning for each of the others."""
    images: list[EncodedImage] = []
    errors: list[BadResponseError] = []
    for entry in entries:
        try:
            images.append(EncodedImage.read(_bytes_of(entry)))
        except BadResponseError as error:
            errors.append(error)
    if not images:
        raise errors[0]
    return tuple(images), [left_out(error) for error in errors]


def _bytes_of(entry: Any) -> bytes:
    if isinstance(entry, bytes):
        return entry
    decoded = _from_base64(entry) if isinstance(entry, str) else None
    if decoded is not None and image_format(decoded):
        return decoded
    what = "isn't valid base64"
    if decoded is not None:  # not quoted: in base64, the key isn't masked
        what = f"can't be read ({len(decoded):,} bytes)"
    raise BadResponseError(f"An image in Venice's response {what}. {CHARGED}")


def _from_base64(text: str) -> bytes | None:
    """Decode base64, in lines or in a data: URL; None for anything else."""
    text = "".join(text.split())
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _warnings(sent: Mapping[str, Any], response: Response) -> list[str]:
    warnings = deprecation(response)
    if response.from_store and sent.get("enhance_prompt"):
        warnings.append(
            "This image came from your saved images, which don't include the prompt that Venice "
            "rewrote."
        )
    return [*warnings, *saving_warnings(response, "image")]


def _oddities(asked: int, entries: Sequence[Any], images: Sequence[EncodedImage]) -> list[str]:
    """Return warnings about a wrong number of images, and about animations."""
    warnings = []
    if (came := len(entries)) != asked:
        rest = "; the extra ones are left out" if came > asked else ""
        count = f"{came} image{'' if came == 1 else 's'}"
        warnings.append(f"Venice returned {count} instead of {asked}{rest}.")
    warnings += [
        f"Venice returned an animated {image.format.upper()}; only its first frame is used."
        for image in images
        if image.is_animated
    ]
    return warnings


def _flag(response: Response, header: str) -> bool:
    return response.headers.get(header, "").strip().lower() == "true"


def _unquoted(text: str | None) -> str | None:
    return unquote(text) if text else None
