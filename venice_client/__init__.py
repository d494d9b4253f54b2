"""A client for the Venice image API: requests, numpy and Pillow, nothing else."""

from .client import Account, PlannedRequest, VeniceClient
from .credentials import Settings, load_settings
from .edits import EditRequest, RemoveBackgroundRequest, UpscaleRequest
from .errors import VeniceError
from .payloads import GenerateRequest, StyleReference, plan_batch
from .progress import Progress
from .reading import ImageResult
from .version import __version__

__all__ = [
    "Account",
    "EditRequest",
    "GenerateRequest",
    "ImageResult",
    "PlannedRequest",
    "Progress",
    "RemoveBackgroundRequest",
    "Settings",
    "StyleReference",
    "UpscaleRequest",
    "VeniceClient",
    "VeniceError",
    "__version__",
    "load_settings",
    "plan_batch",
]
