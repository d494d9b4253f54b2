"""`make demo`: Style → Seed → Generate through the node classes themselves, without ComfyUI."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "output"
PROMPT = "a fox in snow at dawn, soft light"


def main() -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # else a pipe gets it after stderr's lines
    if trouble := _why_no_output():
        print(trouble, file=sys.stderr)
        return 1
    os.environ["VENICE_API_KEY"] = os.environ.get("VENICE_API_KEY", "").strip() or "sandbox"
    pack = load_pack()  # which also makes the streams accept any letter
    key = pack.venice_client.load_settings().key
    is_sandbox = key is None or key.is_sandbox
    where = "in the sandbox (free)" if is_sandbox else "on Venice (you pay)"
    print(f"Style → Seed → Generate, a batch of 4, {where}:")
    pack.venice_nodes.run.comfyui.status_listener = _status_printer()
    began = time.monotonic()
    try:
        images, info = asyncio.run(_run_nodes(pack))
    except pack.venice_client.VeniceError as error:
        print(error, file=sys.stderr)
        return 1
    seconds = time.monotonic() - began
    paths, here = _save(images), Path.cwd()
    facts = json.loads(info)
    print(f"  model {facts['model']}, seeds {facts['seeds']}, size {facts['size']}")
    for warning in facts["warnings"]:
        print(f"  note: {warning}")
    print(f"{len(images)} images in {seconds:.1f} s:")
    *files, sheet = (
        path.relative_to(here) if path.is_relative_to(here) else path for path in paths
    )
    for path in files:
        print(f"  {path}")
    print(f"  all on a sheet: {sheet}")
    return 0


def _status_printer() -> Callable[[str], None]:
    """A function that prints each status once."""
    told: set[str] = set()

    def show(text: str) -> None:
        if text not in told:
            told.add(text)
            print(f"  {text}", file=sys.stderr)

    return show


def load_pack(name: str = "venice_pack") -> ModuleType:
    """Load the pack as ComfyUI does: from its folder, under a separate name."""
    spec = importlib.util.spec_from_file_location(
        name, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    pack = importlib.util.module_from_spec(spec)
    sys.modules[name] = pack
    spec.loader.exec_module(pack)
    return pack


async def _run_nodes(pack: ModuleType) -> tuple[Any, str]:
    """The images [4, H, W, 3] and the `info` of Generate."""
    nodes = pack.NODE_CLASS_MAPPINGS
    (style,) = await nodes["VeniceStylePreset"]().choose(preset="Anime")
    drawn = await nodes["VeniceSeed"]().draw(seed=7, mode="fixed")
    made = await nodes["VeniceGenerateImage"]().generate(
        model=["z-image-turbo"],
        prompt=[PROMPT],
        width=[1024],
        height=[768],
        seed=[drawn["result"][0]],
        batch_size=[4],
        style=[style],
    )
    (images,), (info,), _ = made["result"]
    return images, info


def _why_no_output() -> str:
    """Return why the images can't be written, before anyone pays for them; or ""."""
    try:
        OUTPUT.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=OUTPUT):
            return ""
    except OSError as error:
        return (
            f"Not sent. The images go to {OUTPUT}, which can't be written ({error.strerror}). "
            "Copy the folder to a place where you may write."
        )


def _save(images: Iterable[Any]) -> list[Path]:
    """Write the four images and a sheet of them; return the paths, the sheet last."""
    arrays = [(image.numpy() * 255).round().astype(np.uint8) for image in images]
    top, bottom = np.hstack(arrays[:2]), np.hstack(arrays[2:])
    paths = [*(OUTPUT / f"demo-{i}.png" for i in range(1, 5)), OUTPUT / "demo.png"]
    for path, array in zip(paths, [*arrays, np.vstack([top, bottom])], strict=True):
        Image.fromarray(array).save(path)
    return paths


if __name__ == "__main__":
    sys.exit(main())
