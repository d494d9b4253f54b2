"""How a node runs its requests inside ComfyUI."""
