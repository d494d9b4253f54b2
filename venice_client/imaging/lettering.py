"""Text in the font that ships with Pillow, fitted into a box."""

from __future__ import annotations

from functools import lru_cache

from PIL import ImageFont

from ..errors import InvalidRequestError

SMALLEST_TEXT = 8


@lru_cache(maxsize=256)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font at a size in pixels. Raises InvalidRequestError if Pillow can't draw it."""
    try:
        face = ImageFont.load_default(size)
    except ImportError:
        face = None
    if not isinstance(face, ImageFont.FreeTypeFont):
        raise InvalidRequestError(
            "This Pillow can't draw labels, since it was built without FreeType. Disconnect labels "
            "and grid, or reinstall Pillow.",
            "labels",
        )
    return face


def fitted(text: str, width: int, height: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """Return the text, perhaps cut with …, and the font in which it fits into width × height."""
    size = max(SMALLEST_TEXT, int(height * 0.7))
    while size > SMALLEST_TEXT and font(size).getlength(text) > width:
        size -= 1
    face = font(size)
    if face.getlength(text) <= width:
        return text, face
    while text and face.getlength(text + "…") > width:
        text = text[: -max(1, len(text) // 20)]
    return text.rstrip() + "…", face
