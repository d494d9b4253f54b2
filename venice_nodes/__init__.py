"""The layer of the nodes, which knows ComfyUI and torch."""
