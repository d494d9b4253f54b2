"""The version of the pack, which the User-Agent also names, and where the project lives."""

__version__ = "0.3.0"
PROJECT_URL = "https://github.com/venice-nodes/venice-nodes"
ISSUES_URL = f"{PROJECT_URL}/issues"
