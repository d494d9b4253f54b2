"""The second door: the parts of the client for the ComfyUI nodes, besides the first.

Not an API for others: names come and go with the nodes.
"""

# ruff: noqa: F401

from .batch import was_cancelled
from .catalogue.catalogue import (
    DEFAULT_EDIT_MODEL,
    DEFAULT_MODEL,
    DEFAULT_TEXT,
    DEFAULT_VISION,
    Catalogue,
)
from .catalogue.chat_prices import token_prices
from .catalogue.ignored_fields import is_ignored
from .catalogue.lists import Lists, bundled_lists, saved_lists
from .catalogue.prices import price_range
from .catalogue.sizing import AUTO, tier_size
from .client import shared_client
from .dry_run import PriceEstimator
from .files import make_folder, remove_file, write_atomic, write_new
from .image_result import cached_images, left_out
from .imaging import images, masks
from .imaging.encoding import MAX_PACKED_PART, encode_array, pixel_hash
from .imaging.input_image import InputFile, InputImage
from .imaging.lettering import SMALLEST_TEXT, fitted, font
from .login import log_in
from .money import LowerBound, UpperBound, dollar_range, dollars, dollars_up, total_cost
from .planned_request import PlannedRequest, estimate_text
from .process import accept_any_letter, after_fork, end_gently
from .request.chat import (
    CHAT_PATH,
    DESCRIBE_TOKENS,
    MAX_PROMPTS,
    MAX_TEXT,
    MAX_TOKENS,
    MIN_TOKENS,
    PROMPT_TOKENS,
)
from .request.checks import (
    FORMATS,
    MAX_EDIT_PIXELS,
    MAX_INPUT_BYTES,
    QUALITIES,
    check_choice,
    check_is_text,
    check_number,
    check_range,
    check_switch,
)
from .request.edit import (
    EDIT_RATIOS,
    check_cutout,
    check_pixels,
    check_upscale,
)
from .request.extra_fields import has_extra_fields, parse_extra_fields
from .request.generate import MAX_REFERENCE_BYTES
from .request.masked_edit import MaskLayout
from .request.seeds import MAX_SEED, fold_seed, folding_warning
from .request.system_prompts import TASKS
from .result import Result, charged_text
from .settings.api_key import ApiKey
from .settings.service import SANDBOX_NAME, service_name
from .settings.settings import (
    DEFAULT_BASE_URL,
    forget_key,
    home_folders,
    is_loopback,
    save_values,
)
from .size_warnings import other_size
from .store.entry_file import Entry
from .store.ledger import Ledger, start_of_day, today
from .store.outcome_summary import NOTHING_SENT
from .store.prompt_file import switch_prompts
from .store.result_cache import ResultCache
from .store.spending import spent_by, total
from .text import harmless
from .text_result import cached_texts
from .version import ISSUES_URL, PROJECT_URL
