"""The command line of the client. Each command is a module of its own."""

from .app import main

__all__ = ["main"]
