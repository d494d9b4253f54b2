"""The user's settings, the key, and the service that they mean."""
