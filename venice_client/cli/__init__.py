"""The command line of the client. Each sub-command is a module of its own."""

from .app import main

__all__ = ["main"]
