"""A client for the Venice image API: requests, numpy and Pillow, nothing else."""

from .client import Account, Planned, VeniceClient
from .credentials import Settings, load_settings
from .errors import VeniceError
from .payloads import GenerateRequest, StyleReference, plan_batch
from .progress import Progress
from .reading import ImageResult
from .version import __version__

__all__ = [
    "Account",
    "GenerateRequest",
    "ImageResult",
    "Planned",
    "Progress",
    "Settings",
    "StyleReference",
    "VeniceClient",
    "VeniceError",
    "__version__",
    "load_settings",
    "plan_batch",
]
