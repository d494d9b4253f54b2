"""The version, for the User-Agent and for whoever asks."""

__version__ = "0.1.0"
