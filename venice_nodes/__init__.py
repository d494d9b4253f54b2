"""The nodes: what knows ComfyUI and torch."""
