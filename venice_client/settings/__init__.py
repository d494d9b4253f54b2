"""The user's settings, the key, and their service."""
