"""Saved results on disk, and the limits on spending."""
