"""How requests leave and responses come in: the only way out of the client."""
