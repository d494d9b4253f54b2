"""Encoded images: their format, their pixels, and text to draw on them."""
