"""Describe an image's size, colors and brightness in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

LOOK = 48
"""Side in pixels of the reduced image for the colors."""

COLORS = {
    "black": (12, 12, 14),
    "dark gray": (70, 70, 72),
    "gray": (128, 128, 128),
    "light gray": (195, 195, 195),
    "white": (246, 246, 244),
    "red": (200, 35, 40),
    "dark red": (100, 20, 25),
    "orange": (235, 130, 35),
    "brown": (115, 75, 45),
    "beige": (220, 195, 155),
    "yellow": (240, 215, 60),
    "olive": (120, 120, 40),
    "green": (60, 155, 70),
    "dark green": (25, 75, 40),
    "teal": (25, 130, 130),
    "light blue": (140, 195, 235),
    "blue": (45, 95, 205),
    "dark blue": (20, 35, 95),
    "purple": (115, 60, 160),
    "pink": (235, 140, 180),
}
BRIGHTNESS = ((45, "very dark"), (95, "dark"), (160, "evenly lit"), (215, "bright"))


@dataclass(frozen=True)
class Sight:
    """An image in words. colors: the most common first."""

    width: int
    height: int
    colors: tuple[str, ...]
    brightness: str
    is_transparent: bool

    @property
    def shape(self) -> str:
        """Its shape: square, portrait or landscape."""
        if self.width == self.height:
            return "square"
        return "portrait" if self.height > self.width else "landscape"


def look(image: Image.Image) -> Sight:
    """Look at an image."""
    small = image.convert("RGBA").resize((LOOK, LOOK), Image.Resampling.BOX)
    is_transparent = bool(np.asarray(small)[..., 3].min() < 250)
    flat = Image.new("RGBA", small.size, (255, 255, 255, 255))
    flat.alpha_composite(small)
    seen = flat.convert("RGB")
    pixels = np.asarray(seen.quantize(8).convert("RGB"), dtype=np.int64).reshape(-1, 1, 3)
    distances = ((pixels - np.array(list(COLORS.values()))) ** 2).sum(axis=2)
    counts = np.bincount(distances.argmin(axis=1), minlength=len(COLORS))
    ranked = [name for n, name in sorted(zip(-counts, COLORS, strict=True)) if n]
    gray = float(np.asarray(seen.convert("L")).mean())
    brightness = next((name for limit, name in BRIGHTNESS if gray < limit), "very bright")
    return Sight(image.width, image.height, tuple(ranked[:3]), brightness, is_transparent)
