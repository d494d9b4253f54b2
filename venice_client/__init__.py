"""A client for the Venice image API: requests, numpy and Pillow, nothing else.

Everything that a user of the library needs is here; docs/python.md shows how. Other modules may
change. `for_nodes` is a second door, for the ComfyUI nodes of this project.
"""

from . import missing_packages as missing_packages

# isort: split

from .batch import RequestBatch
from .catalogue.model import Model
from .client import VeniceClient
from .errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    BadResponseError,
    BatchError,
    ConnectionFailedError,
    ContentViolationError,
    FlaggedImageError,
    GatewayError,
    InvalidRequestError,
    MaybeChargedError,
    NoTextError,
    NotFoundError,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    RedirectError,
    RefusedEditError,
    RequestCancelledError,
    ResponseLostError,
    ServerError,
    SettingsError,
    SpendingLimitError,
    StoreError,
    UnexpectedError,
    UnprocessableError,
    UnreadableResponseError,
    UnsupportedContentError,
    UntrustedCertificateError,
    VeniceError,
)
from .free_calls import KeyStatus
from .image_result import ImageResult
from .imaging.images import EncodedImage
from .request.chat import DescribeRequest, WritePromptsRequest, plan_prompts
from .request.edit import EditRequest, RemoveBackgroundRequest, UpscaleRequest
from .request.generate import GenerateRequest, StyleReference, plan_batch
from .request.paid_request import PaidRequest
from .settings.settings import Settings, load_settings
from .text_result import TextResult
from .transport.progress import Progress
from .version import __version__

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "BadResponseError",
    "BatchError",
    "ConnectionFailedError",
    "ContentViolationError",
    "DescribeRequest",
    "EditRequest",
    "EncodedImage",
    "FlaggedImageError",
    "GatewayError",
    "GenerateRequest",
    "ImageResult",
    "InvalidRequestError",
    "KeyStatus",
    "MaybeChargedError",
    "Model",
    "NoTextError",
    "NotFoundError",
    "PaidRequest",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "RedirectError",
    "RefusedEditError",
    "RemoveBackgroundRequest",
    "RequestBatch",
    "RequestCancelledError",
    "ResponseLostError",
    "ServerError",
    "Settings",
    "SettingsError",
    "SpendingLimitError",
    "StoreError",
    "StyleReference",
    "TextResult",
    "UnexpectedError",
    "UnprocessableError",
    "UnreadableResponseError",
    "UnsupportedContentError",
    "UntrustedCertificateError",
    "UpscaleRequest",
    "VeniceClient",
    "VeniceError",
    "WritePromptsRequest",
    "__version__",
    "load_settings",
    "plan_batch",
    "plan_prompts",
]
