"""The seeded landscape behind a sandbox picture."""

from __future__ import annotations

import colorsys
import hashlib
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]

# The landscape is soft, so it is computed small and enlarged.
WORKING_SIDE = 512
# The hue of a low sun, one turn on; beyond it lies green.
AMBER = 1.12


@dataclass(frozen=True)
class Palette:
    """Colours as floats in 0..1: the sky from top to horizon, the light, the land near and far."""

    sky_top: Floats
    sky_low: Floats
    light: Floats
    far: Floats
    near: Floats


def backdrop(size: tuple[int, int], digest: bytes, mood: str) -> Image.Image:
    """A picture of that size; `digest` decides the shapes, `mood` most of the colours."""
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
    palette = _palette(mood, generator)
    width, height = _working_size(size)
    x = np.linspace(0, width / height, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    canvas = _sky(x, y, palette, generator)
    _add_light(canvas, x, y, palette, generator)
    if generator.random() < 0.5:
        _add_ridges(canvas, x, y, palette, generator)
    else:
        _add_orbs(canvas, x, y, palette, generator)
    pixels = (np.clip(canvas, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def _working_size(size: tuple[int, int]) -> tuple[int, int]:
    shrink = min(1.0, WORKING_SIDE / max(size))
    return max(2, round(size[0] * shrink)), max(2, round(size[1] * shrink))


def _palette(mood: str, generator: np.random.Generator) -> Palette:
    # From teal over blue, violet and rose to amber; green and yellow skies look ill.
    mood_hue = 0.48 + 0.56 * hashlib.sha256(mood.encode()).digest()[0] / 255
    hue = mood_hue + float(generator.uniform(-0.08, 0.08))
    turn = float(generator.choice([-0.06, 0.1, 0.17]))
    return Palette(
        sky_top=_colour(hue, 0.62, 0.42),
        sky_low=_colour(hue + turn, 0.45, 0.97),
        light=_colour(min(hue + turn * 1.6 + 0.08, AMBER), 0.22, 1.0),
        far=_colour(hue + turn * 0.6, 0.42, 0.78),
        near=_colour(hue - 0.03, 0.72, 0.2),
    )


def _colour(hue: float, saturation: float, value: float) -> Floats:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), dtype=np.float32)


def _sky(x: Floats, y: Floats, palette: Palette, generator: np.random.Generator) -> Floats:
    tilt = float(generator.uniform(-0.18, 0.18))
    waves = 0.05 * np.sin(x * float(generator.uniform(2, 5)) + float(generator.uniform(0, 6)))
    blend = np.clip(y * 1.15 + tilt * (x / x.max() - 0.5) + waves, 0, 1)[..., None]
    mixed: Floats = palette.sky_top * (1 - blend) + palette.sky_low * blend
    return mixed


def _add_light(
    canvas: Floats, x: Floats, y: Floats, palette: Palette, generator: np.random.Generator
) -> None:
    """A sun or moon with its glow."""
    centre_x = float(generator.uniform(0.18, 0.82)) * float(x.max())
    centre_y = float(generator.uniform(0.16, 0.44))
    radius = float(generator.uniform(0.06, 0.13))
    distance = np.hypot(x - centre_x, y - centre_y)
    glow = 0.55 * np.exp(-((distance / (radius * 3.2)) ** 2))
    disc = np.clip((radius - distance) * 0.5 * canvas.shape[0] + 0.5, 0, 1)
    _blend(canvas, palette.light, np.maximum(glow, disc).astype(np.float32))


def _add_ridges(
    canvas: Floats, x: Floats, y: Floats, palette: Palette, generator: np.random.Generator
) -> None:
    """Hills, the nearer the darker, with mist between them."""
    layers = int(generator.integers(5, 8))
    for index in range(layers):
        depth = index / (layers - 1)
        crest = 0.46 + 0.4 * depth + _hills(x, generator, 0.11 - 0.05 * depth)
        # Above the crest nothing changes.
        first = int(np.searchsorted(y[:, 0], float(crest.min()) - 2 / canvas.shape[0]))
        below, land = y[first:] - crest, canvas[first:]
        cover = np.clip(below * (canvas.shape[0] * 0.8) + 0.5, 0, 1)
        mist = cover * np.clip(below * 2.2, 0, 0.3) * (1 - depth)
        _blend(land, palette.far * (1 - depth) + palette.near * depth, cover)
        _blend(land, palette.sky_low, mist)


def _hills(x: Floats, generator: np.random.Generator, height: float) -> Floats:
    line = np.zeros_like(x)
    for octave in range(5):
        frequency = 1.6 * 1.9**octave * float(generator.uniform(0.8, 1.25))
        phase = float(generator.uniform(0, 2 * math.pi))
        line += np.sin(x * frequency + phase) / 1.95**octave
    scaled: Floats = (line * height * 0.6).astype(np.float32)
    return scaled


def _add_orbs(
    canvas: Floats, x: Floats, y: Floats, palette: Palette, generator: np.random.Generator
) -> None:
    """Translucent discs, large and far ones first."""
    colours = (palette.light, palette.far, palette.near, palette.sky_low, palette.sky_top)
    for index in range(22):
        radius = 0.34 * 0.9**index * float(generator.uniform(0.6, 1.2)) + 0.012
        centre_x = float(generator.uniform(0, 1)) * float(x.max())
        centre_y = float(generator.uniform(0.05, 1.0))
        strength = float(generator.uniform(0.2, 0.55))
        _add_orb(canvas, x, y, (centre_x, centre_y, radius), colours[index % 5], strength)


def _add_orb(
    canvas: Floats,
    x: Floats,
    y: Floats,
    circle: tuple[float, float, float],
    colour: Floats,
    strength: float,
) -> None:
    centre_x, centre_y, radius = circle
    # Only the square around the disc changes.
    across = slice(*np.searchsorted(x[0], (centre_x - radius * 1.1, centre_x + radius * 1.1)))
    down = slice(*np.searchsorted(y[:, 0], (centre_y - radius * 1.1, centre_y + radius * 1.1)))
    distance = np.hypot(x[:, across] - centre_x, y[down] - centre_y)
    cover = np.clip((radius - distance) * canvas.shape[0] + 0.5, 0, 1)
    shade = strength * (0.65 + 0.35 * np.minimum(distance / radius, 1))
    _blend(canvas[down, across], colour, cover * shade)


def _blend(canvas: Floats, colour: Floats, cover: Floats) -> None:
    canvas += (colour - canvas) * cover[..., None]
