"""Images to send: bytes, paths, or images to encode when their request leaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InvalidRequestError


@dataclass(frozen=True)
class InputImage:
    """An image to send that isn't encoded yet.

    identity: names its pixels, so that equal requests are the same however they are encoded. pack:
    encodes it as PNG, JPEG or WebP, small enough for Venice; called from any thread.
    """

    identity: str
    width: int
    height: int
    pack: Callable[[], bytes] = field(repr=False, compare=False)


InputFile = bytes | InputImage
"""An encoded image, or one to encode when its request leaves."""

ImageSource = InputFile | str | os.PathLike[str]
"""An image as a request takes it: also the path of a PNG, JPEG or WebP file."""


def load(source: ImageSource) -> InputFile:
    """Read a path into bytes. Raises InvalidRequestError if that fails."""
    if isinstance(source, bytes | InputImage):
        return source
    try:
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequestError(f"{source} can't be read ({reason}).", "image") from None
    except TypeError:
        kind = type(source).__name__
        raise InvalidRequestError(
            f"An image must be bytes or a path, not {kind}.", "image"
        ) from None
