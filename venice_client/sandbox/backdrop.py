"""The seeded landscape behind a sandbox image."""

from __future__ import annotations

import colorsys
import hashlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from .sizes import Size

Floats = npt.NDArray[np.float32]

# The landscape is soft, so draw it small and enlarge it.
WORKING_SIDE = 512


def backdrop(size: Size, digest: bytes, mood: str) -> Image.Image:
    """Draw an image of that size; `digest` sets the shapes, `mood` most of the colors."""
    random = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
    shrink = min(1.0, WORKING_SIDE / max(size))
    width, height = (max(2, round(side * shrink)) for side in size)
    x = np.linspace(0, width / height, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    # From teal to rose, without green or yellow skies.
    hue = 0.48 + 0.5 * hashlib.sha256(mood.encode()).digest()[0] / 255 + random.uniform(-0.08, 0.08)
    turn = float(random.choice([-0.06, 0.06, 0.12]))
    canvas = _mixed(_color(hue, 0.62, 0.42), _color(hue + turn, 0.45, 0.97), y + 0 * x)
    _add_light(canvas, x, y, _color(hue + turn, 0.22, 1.0), random)
    far, near = _color(hue + turn * 0.6, 0.42, 0.78), _color(hue - 0.03, 0.72, 0.2)
    for depth in np.linspace(0, 1, int(random.integers(4, 8)), dtype=np.float32):
        crest = 0.42 + 0.42 * depth + _hills(x, random, 0.12 - 0.05 * float(depth))
        cover = np.clip((y - crest) * height * 0.8 + 0.5, 0, 1)
        canvas = _mixed(canvas, far * (1 - depth) + near * depth, cover)
    pixels = (np.clip(canvas, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def _color(hue: float, saturation: float, value: float) -> Floats:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), dtype=np.float32)


def _add_light(
    canvas: Floats, x: Floats, y: Floats, color: Floats, random: np.random.Generator
) -> None:
    """Draw a sun or moon with its glow."""
    center_x = random.uniform(0.18, 0.82) * float(x.max())
    radius = random.uniform(0.06, 0.13)
    distance = np.hypot(x - center_x, y - random.uniform(0.16, 0.44))
    glow = 0.55 * np.exp(-((distance / (radius * 3.2)) ** 2))
    disc = np.clip((radius - distance) * 0.5 * canvas.shape[0] + 0.5, 0, 1)
    canvas[:] = _mixed(canvas, color, np.maximum(glow, disc))


def _hills(x: Floats, random: np.random.Generator, height: float) -> Floats:
    octaves = [1.6 * 1.9**octave for octave in range(5)]
    waves = [
        np.sin(x * f * random.uniform(0.8, 1.25) + random.uniform(0, 6.3)) / f for f in octaves
    ]
    hills: Floats = sum(waves, np.zeros_like(x)) * np.float32(height)
    return hills


def _mixed(below: Floats, above: Floats, cover: Floats) -> Floats:
    mixed: Floats = below + (above - below) * cover[..., None].astype(np.float32)
    return mixed
