"""What the page of ComfyUI asks the server: the routes under /venice, and what they answer."""
