"""A picture to send that is packed into a file only when its request leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class InputImage:
    """A picture that is to be sent as a file.

    identity: names its pixels: whatever packs them, an equal request is the same. pack: makes the
    file, in PNG, JPEG or WebP, of a size that Venice takes; from any thread.
    """

    identity: str
    width: int
    height: int
    pack: Callable[[], bytes] = field(repr=False, compare=False)


InputFile = bytes | InputImage
"""A file that is packed already, or one to come."""
