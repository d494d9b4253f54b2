"""The way of requests out and responses in: the client's only one."""
