"""Build API-format prompts, node by node."""

from __future__ import annotations

from typing import Any

# The required inputs of the contract with their defaults, without the optional ones, like a
# handwritten prompt.
GENERATE = {
    "model": "z-image-turbo",
    "prompt": "a fox in snow",
    "width": 256,
    "height": 192,
    "seed": 7,
    "batch_size": 1,
}

Link = list[Any]


class Graph:
    """A prompt builder: each method adds a node and returns the link to its first output."""

    def __init__(self) -> None:
        self.prompt: dict[str, dict[str, Any]] = {}

    def add(self, class_type: str, **inputs: Any) -> Link:
        """Add a node of any class."""
        node = str(len(self.prompt) + 1)
        self.prompt[node] = {"class_type": class_type, "inputs": inputs}
        return [node, 0]

    def generate(self, **inputs: Any) -> Link:
        """Add a VeniceGenerateImage with small images; `inputs` override the defaults."""
        return self.add("VeniceGenerateImage", **{**GENERATE, **inputs})

    def style(self, preset: str) -> Link:
        """Add a VeniceStylePreset."""
        return self.add("VeniceStylePreset", preset=preset)

    def seed(self, seed: int, mode: str = "fixed") -> Link:
        """Add a VeniceSeed."""
        return self.add("VeniceSeed", seed=seed, mode=mode)

    def preview(self, images: Link) -> str:
        """Add a PreviewImage; return its id."""
        return str(self.add("PreviewImage", images=images)[0])

    def show(self, link: Link) -> str:
        """Add a PreviewAny, which shows any value as text; return its id."""
        return str(self.add("PreviewAny", source=link)[0])

    def load(self, name: str) -> Link:
        """Add a LoadImage."""
        return self.add("LoadImage", image=name)

    def save(self, images: Link) -> str:
        """Add a SaveImage; return its id."""
        return str(self.add("SaveImage", images=images, filename_prefix="test")[0])


def output(link: Link, index: int) -> Link:
    """Return another output of the node behind `link`."""
    return [link[0], index]


def second(link: Link) -> Link:
    """Return the second output of the node behind `link` (`info` of VeniceGenerateImage)."""
    return output(link, 1)
