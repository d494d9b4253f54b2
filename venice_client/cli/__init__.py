"""The command line of the client. Each command has its own module."""

from .app import main

__all__ = ["main"]
