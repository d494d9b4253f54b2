"""Run a node's requests inside ComfyUI."""
