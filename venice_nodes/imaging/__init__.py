"""Tensors, masks and sheets."""
