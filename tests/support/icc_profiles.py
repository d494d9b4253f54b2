"""ICC profiles from primaries and a curve, and their colors in sRGB."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

# Red, green and blue as XYZ under D50, a column each, and the exponent of the curve.
DISPLAY_P3 = (((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407)), 2.2)  # noqa: E501  # fmt: skip
ADOBE_RGB = (((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457)), 563 / 256)  # noqa: E501  # fmt: skip
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
WHITE = (0.9642, 1.0, 0.8249)

Rgb = tuple[Any, float]


def rgb_profile(colours: Rgb) -> bytes:
    """Build the profile of a screen."""
    matrix, gamma = colours
    tags = {f"{name}XYZ": _xyz([row[i] for row in matrix]) for i, name in enumerate("rgb")}
    return _profile(b"RGB ", {**tags, **{f"{name}TRC": _curve(gamma) for name in "rgb"}})


def grey_profile(gamma: float) -> bytes:
    """Build a profile for shades of grey."""
    return _profile(b"GRAY", {"kTRC": _curve(gamma)})


def rgb_in_srgb(array: Any, colours: Rgb) -> Any:
    """Convert pixels from that profile to sRGB."""
    matrix, gamma = colours
    light = (array / 255.0) ** gamma @ np.array(matrix).T @ np.linalg.inv(np.array(SRGB)).T
    return _encoded(light)


def grey_in_srgb(array: Any, gamma: float) -> Any:
    """Convert shades from that profile to sRGB."""
    return _encoded((array / 255.0) ** gamma)


def _encoded(light: Any) -> Any:
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _profile(space: bytes, tags: dict[str, bytes]) -> bytes:
    tags = {"desc": _text("a profile of these tests"), "wtpt": _xyz(WHITE), **tags}
    head = struct.pack(">4sI4s4s", bytes(4), 0x02400000, b"mntr", space) + b"XYZ "
    head += struct.pack(">6H4s", 2026, 8, 22, 0, 0, 0, b"acsp") + bytes(28)
    head += b"".join(struct.pack(">i", round(value * 65536)) for value in WHITE) + bytes(48)
    at, table, body = 4 + len(head) + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name.encode(), at + len(body), len(data))
        body += data
    whole = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", 4 + len(whole)) + whole


def _xyz(values: Any) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def _text(text: str) -> bytes:
    words = text.encode() + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(words)) + words + bytes(78)
