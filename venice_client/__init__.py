"""A client for the Venice image API: requests, numpy and Pillow, nothing else.

Everything that a user of the client needs is here; what lies behind is free to move.
"""

from . import missing_packages as missing_packages

# isort: split
from .batch import PlannedRequest, RequestBatch, was_cancelled
from .catalogue.catalogue import (
    DEFAULT_EDIT_MODEL,
    DEFAULT_MODEL,
    Lists,
    bundled_lists,
    saved_lists,
)
from .catalogue.model import Model
from .catalogue.prices import total_cost
from .catalogue.sizing import AUTO
from .client import KeyStatus, VeniceClient, shared_client
from .errors import (
    BadResponseError,
    BatchError,
    FlaggedImageError,
    InvalidRequestError,
    SettingsError,
    VeniceError,
)
from .image_result import ImageResult, left_out
from .imaging import images
from .imaging.images import Array, EncodedImage, stretch
from .imaging.lettering import SMALLEST_TEXT, fitted, font
from .process import accept_any_letter, end_gently
from .request.base import PaidRequest
from .request.checks import (
    FORMATS,
    QUALITIES,
    check_choice,
    check_is_text,
    check_number,
    check_range,
    check_switch,
)
from .request.generate import (
    MAX_REFERENCE_BYTES,
    GenerateRequest,
    StyleReference,
    ignored_warnings,
    plan_batch,
)
from .request.pictures import (
    EDIT_RATIOS,
    MAX_EDIT_PIXELS,
    MAX_INPUT_BYTES,
    EditRequest,
    RemoveBackgroundRequest,
    UpscaleRequest,
    check_cutout,
    check_pixels,
    check_upscale,
)
from .request.seeds import MAX_SEED, fold_seed, folding_warning
from .settings.service import service_name
from .settings.settings import Settings, load_settings
from .store.account import NOTHING_SENT, Account
from .text import harmless
from .transport.progress import Progress
from .version import __version__

__all__ = [
    "AUTO",
    "DEFAULT_EDIT_MODEL",
    "DEFAULT_MODEL",
    "EDIT_RATIOS",
    "FORMATS",
    "MAX_EDIT_PIXELS",
    "MAX_INPUT_BYTES",
    "MAX_REFERENCE_BYTES",
    "MAX_SEED",
    "NOTHING_SENT",
    "QUALITIES",
    "SMALLEST_TEXT",
    "Account",
    "Array",
    "BadResponseError",
    "BatchError",
    "EditRequest",
    "EncodedImage",
    "FlaggedImageError",
    "GenerateRequest",
    "ImageResult",
    "InvalidRequestError",
    "KeyStatus",
    "Lists",
    "Model",
    "PaidRequest",
    "PlannedRequest",
    "Progress",
    "RemoveBackgroundRequest",
    "RequestBatch",
    "Settings",
    "SettingsError",
    "StyleReference",
    "UpscaleRequest",
    "VeniceClient",
    "VeniceError",
    "__version__",
    "accept_any_letter",
    "bundled_lists",
    "check_choice",
    "check_cutout",
    "check_is_text",
    "check_number",
    "check_pixels",
    "check_range",
    "check_switch",
    "check_upscale",
    "end_gently",
    "fitted",
    "fold_seed",
    "folding_warning",
    "font",
    "harmless",
    "ignored_warnings",
    "images",
    "left_out",
    "load_settings",
    "plan_batch",
    "saved_lists",
    "service_name",
    "shared_client",
    "stretch",
    "total_cost",
    "was_cancelled",
]
