"""Encoded images: what their bytes tell, their pixels, and text drawn on pictures."""
