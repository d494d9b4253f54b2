"""What a first version of such a node looks like; copied into the ComfyUI that is measured.

One request after the other, Pillow, torch.stack. Beside it an end for graphs that costs nothing.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import requests
import torch
from PIL import Image


class NaiveGenerate:
    CATEGORY = "bench"
    FUNCTION = "generate"
    RETURN_TYPES = ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        number = ("INT", {"default": 1, "min": 1, "max": 999999999})
        return {"required": {"url": ("STRING", {}), "seed": number, "batch_size": number}}

    def generate(self, url: str, seed: int, batch_size: int) -> tuple[torch.Tensor]:
        tensors = []
        for i in range(batch_size):
            fields = {"model": "z-image-turbo", "prompt": "a fox in snow", "seed": seed + i}
            response = requests.post(f"{url}/image/generate", json=fields, timeout=600)
            data = base64.b64decode(response.json()["images"][0])
            array = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
            tensors.append(torch.from_numpy(array.astype(np.float32) / 255.0))
        return (torch.stack(tensors),)


class BenchEnd:
    CATEGORY = "bench"
    FUNCTION = "end"
    RETURN_TYPES = ()
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"images": ("IMAGE",)}}

    def end(self, images: torch.Tensor) -> dict[str, Any]:
        return {}


NODE_CLASS_MAPPINGS = {"NaiveGenerate": NaiveGenerate, "BenchEnd": BenchEnd}
