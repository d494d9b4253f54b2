"""Measures how hard to pack the PNGs of inputs: the time for that against the time to send them."""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterator
from functools import partial
from time import thread_time

import numpy as np
from PIL import Image

from loaded import pack
from performance_page import Part, table
from rounds import timed
from stand_in import picture

SIDE = 2048
MBITS = (10, 50, 200)
LEVELS = (0, 1, 4, 6)


def measure(quick: bool) -> Part:
    effort = pack().venice_client.imaging.encoding.PNG_EFFORT
    side = SIDE // 4 if quick else SIDE
    blocks = [
        f"{name}, {side}²:\n\n{_table(array, 1 if quick else 3)}" for name, array in _pictures(side)
    ]
    return Part(text="\n\n".join([f"The nodes use level {effort}.", *blocks]))


def _pictures(side: int) -> Iterator[tuple[str, Image.Image]]:
    """An image with the grain of a photo, and a smooth one as of a drawing."""
    yield "A photo with fine grain", Image.open(io.BytesIO(picture(side, side))).convert("RGB")
    soft = np.random.default_rng(7).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    smooth = Image.fromarray(soft).resize((side, side), Image.Resampling.BICUBIC)
    yield "An image without grain", smooth


def _table(image: Image.Image, times: int) -> str:
    head = ["level", "MB", "compress", *(f"{mbit} Mbit/s" for mbit in MBITS)]
    rows = []
    for level in LEVELS:
        packs = [partial(_packed, image, level)] * times
        seconds = statistics.median(timed(pack, thread_time) for pack in packs)
        size = len(_packed(image, level))
        totals = [f"{seconds + size * 8 / (mbit * 1e6):.2f}" for mbit in MBITS]
        rows.append([f"{level}", f"{size / 1e6:.2f}", f"{seconds:.3f}", *totals])
    return table(head, rows)


def _packed(image: Image.Image, level: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=level)
    return out.getvalue()
