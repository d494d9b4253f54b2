"""Typed requests, and the checks before they are sent."""
