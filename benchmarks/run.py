"""`make bench`: ratios within one run, so that they mean the same on any machine.

Each row compares two ways of doing the same thing here and now; a ratio above 1 speaks for ours.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from demo import load_pack  # noqa: E402

pack = load_pack()
from venice_pack.venice_client import (  # noqa: E402
    EncodedImage,
    GenerateRequest,
    Settings,
    VeniceClient,
    plan_batch,
)
from venice_pack.venice_client.sandbox import Sandbox  # noqa: E402
from venice_pack.venice_nodes.imaging import tensors  # noqa: E402

REPEATS = 5
LATENCY = 0.3


def main() -> None:
    encoded = [_png(seed) for seed in range(8)]
    row(
        "decode 8 PNGs of 1024² straight into the batch",
        "one after the other, then torch.stack",
        lambda: tensors.decode_batch(list(map(EncodedImage.read, encoded))),
        lambda: _decode_simply(encoded),
    )
    with tempfile.TemporaryDirectory() as home, Sandbox(keys=("bench",)) as sandbox:
        sandbox.latency_s = LATENCY
        settings = Settings(home=Path(home), max_usd_per_run=None)
        client = VeniceClient(settings, key="bench", base_url=sandbox.base_url)
        seeds = iter(range(1, 10**6, 8))
        row(
            f"8 pictures at {LATENCY} s each, side by side",
            "one after the other",
            lambda: _generate(client, next(seeds), side_by_side=True),
            lambda: _generate(client, next(seeds), side_by_side=False),
        )
        sandbox.latency_s = 0.0
        first = next(seeds)
        _generate(client, first, side_by_side=True)
        row(
            "8 pictures from the store",
            "from the sandbox on this machine, without latency",
            lambda: _generate(client, first, side_by_side=True),
            lambda: _generate(client, next(seeds), side_by_side=True),
        )


def row(ours: str, other: str, run_ours: Callable[[], object], run: Callable[[], object]) -> None:
    """Prints how many times as long the other way takes: the median of alternating pairs."""
    ratios = []
    for _ in range(REPEATS):
        mine, theirs = _seconds(run_ours), _seconds(run)
        ratios.append(theirs / mine)
    print(f"{statistics.median(ratios):6.2f} ×  {ours}\n          against: {other}")


def _seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _png(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((1024, 1024), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


def _decode_simply(encoded: list[bytes]) -> torch.Tensor:
    arrays = [np.array(Image.open(io.BytesIO(data)).convert("RGB")) for data in encoded]
    return torch.stack([torch.from_numpy(a.astype(np.float32) / 255) for a in arrays])


def _generate(client: VeniceClient, seed: int, side_by_side: bool) -> None:
    request = GenerateRequest(
        model="z-image-turbo", prompt="a fox", width=256, height=256, seed=seed
    )
    requests = plan_batch(request, 8)
    for jobs in [requests] if side_by_side else [[one] for one in requests]:
        batch = client.start(jobs)
        batch.wait()
        for outcome in batch.outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


if __name__ == "__main__":
    main()
