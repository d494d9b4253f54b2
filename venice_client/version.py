"""The version of the pack, which the User-Agent also names."""

__version__ = "0.2.0"
