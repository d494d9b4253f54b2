"""The routes under /venice for ComfyUI's page."""
