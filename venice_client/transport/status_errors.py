"""Turn a response with an error status into an error that people can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .. import errors
from ..errors import CHARGED, IS_IN_COMFYUI, LOST, ApiError
from ..settings.settings import DEFAULT_BASE_URL
from ..shell import command_line
from ..text import harmless, printable, shortened
from .response import Response

Fields = Mapping[str, Sequence[str]]
Suggest = Callable[[], str | None]

_TYPES: dict[int, type[ApiError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    410: errors.NotFoundError,
    413: errors.PayloadTooLargeError,
    415: errors.UnsupportedContentError,
    422: errors.UnprocessableError,
    429: errors.RateLimitError,
}

_API_SETTINGS = "venice.ai → Settings → API"

_BY_CODE = {
    errors.PRO_ONLY_MODEL: "This model needs a Venice Pro account. Choose another model.",
    "INSUFFICIENT_BALANCE": "Your Venice balance is too low. Add credit at venice.ai.",
    "API_KEY_USD_SPEND_LIMIT_EXCEEDED": (
        f"Your API key has reached its own USD limit. Raise it at {_API_SETTINGS}."
    ),
    "API_KEY_DIEM_SPEND_LIMIT_EXCEEDED": (
        f"Your API key has reached its own Diem limit. Raise it at {_API_SETTINGS}."
    ),
    "API_ACCESS_DISABLED": f"API access is off for your account. Check {_API_SETTINGS}.",
    "CORRUPTED_IMAGE": "Venice can't read this image. Check it, or use another one.",
    "IMAGE_TOO_SMALL": "The image is too small for Venice. Use one with at least 65,536 pixels.",
    "IMAGE_TOO_LARGE": "The image is too large for Venice. Resize it first.",
    "CONTENT_POLICY_VIOLATION": (
        "Venice's content policy blocked this. Change the prompt or the images."
    ),
    "MODEL_OFFLINE": "The model is offline. Choose another model, or try again later.",
    "MODEL_AT_CAPACITY": "The model is at capacity. Try again later, or choose another model.",
    "MODEL_OVERLOADED": "The model is busy. Try again later, or choose another model.",
    "INVALID_MODEL": (
        "{Model} doesn't exist, or can't handle this kind of request. Choose another model."
    ),
    "MODEL_NOT_FOUND": "{Model} isn't available anymore. Choose another model.",
}

_BY_STATUS = {
    401: "Venice didn't accept your API key. Check that you copied all of it.",
    402: "Your Venice balance is too low. Add credit at venice.ai.",
    403: f"Your API key doesn't have permission for this. Check {_API_SETTINGS}.",
    404: _BY_CODE["MODEL_NOT_FOUND"],
    410: "Venice has retired {model}. Choose another model.",
    413: "The request is too large for Venice. Send smaller or fewer images.",
    415: "Venice doesn't accept this type of content. Please report it as a bug in venice-nodes.",
    429: "This API key sent too many requests. Try again in a minute.",
    500: "Venice failed several times (internal error). You weren't charged. Try again later.",
    502: "The gateway in front of Venice failed. Venice may be down; try again later.",
    503: "Venice has no capacity right now. Try again later, or choose another model.",
    504: "Venice took too long to answer. Try again later, or choose a faster model.",
}
"""First lines by status."""

_TOO_SLOW = f"Venice took too long to answer. {LOST} Try again later, or choose a faster model."

_AT_THE_GATEWAY = {
    502: f"The gateway in front of Venice failed. {LOST}",
    504: _TOO_SLOW,
    520: f"The gateway in front of Venice can't read Venice's response. {LOST}",
    524: _TOO_SLOW,
}
"""First lines for statuses that don't tell what happened behind the gateway. 520 and
524 are the forms of 502 and 504 at Cloudflare."""

_NO_KEY_ARRIVED = (
    "Venice received no API key. Check that a key is set, and that no proxy strips it."
)
"""For a 402 that offers payment without an account (x402)."""

_NOT_FOR_THIS_KEY = (
    "Your API key can't use {model} (privacy setting or region). Choose another model.\n"
    f"The privacy setting is modelPrivacy at {_API_SETTINGS}."
)
"""For a 403 to a paid request."""

_EDITS = ("/image/edit", "/image/multi-edit")
_NEVER_CHARGED = "IMAGE_TOO_LARGE"
"""The code of a 422 from before Venice generates anything."""

_REFUSALS = {
    400: "Change the prompt, the images or the settings.",
    422: "Change the prompt or the images.",
}
"""Remedies for a refusal without a field or a code, by status."""

WHOLE = "request"
"""The name instead of a field, for errors about the whole request."""

MODEL_CODES = ("MODEL_NOT_FOUND", "INVALID_MODEL")
MODEL_FIELDS = ("model", "modelId")
REPLACEMENT = "x-venice-deprecated-replacement"

MAX_REASON = 120
"""The most characters of the API's reason in the first line; it may repeat a whole prompt."""

MAX_FIELDS = 10
MAX_NAME = 80
MAX_COMPLAINT = 200
MAX_WORDS = 1000
"""The most characters of the API's own words; a gateway may answer with a web page."""

MAX_DETAILS = 1400
"""The most characters after the first line, except the request id."""


@dataclass(frozen=True)
class _Body:
    """The parts of an error's body, made harmless.

    offers_x402: whether it requests payment, since no key arrived.
    """

    code: str = ""
    said: str = ""
    fields: Fields = field(default_factory=dict)
    request_id: str = ""
    offers_x402: bool = False


def error_for(
    response: Response,
    *,
    address: str = "this address",
    is_paid: bool = True,
    path: str = "",
    model: str = "",
    nearest_model: Suggest | None = None,
    nearest_style: Suggest | None = None,
) -> ApiError:
    """Return the error for a status outside 2xx: cause and remedy, then the API's words.

    address: host and path of the request. is_paid: whether the request costs money. path: the
    endpoint, such as "/image/edit". model: the requested model, or "". nearest_model,
    nearest_style: return a suggestion if the error is about one of them.
    """
    status, headers = response.status, response.headers
    if 300 <= status < 400:
        return _redirect(status, headers)
    told = _read(response.body)
    replacement = printable(headers.get(REPLACEMENT, ""), MAX_NAME)
    replacement = replacement if status in (404, 410) else ""
    is_about_model = bool(replacement) or _speaks_of_model(status, told, is_paid)
    first = _first_line(status, told, model, is_paid, "" if is_about_model else address)
    first, _, hint = first.partition("\n")
    if replacement:
        first = f"{first.rstrip('.')}, such as its replacement `{replacement}`."
    kind, first = _with_charge(status, told, path, is_paid, first)
    first += _suggestion(status, told, is_about_model, nearest_model, nearest_style)
    request_id = headers.get("x-request-id") or told.request_id or headers.get("cf-ray", "")
    request_id = printable(request_id, MAX_NAME)
    return kind(
        "\n".join([first, *_words(status, told, request_id)]),
        status=status,
        code=told.code,
        api_message=told.said,
        fields=told.fields,
        request_id=request_id,
        is_about_model=is_about_model,
        hint=hint,
    )


def _with_charge(
    status: int, told: _Body, path: str, is_paid: bool, first: str
) -> tuple[type[ApiError], str]:
    """Return the type of the error, and its first line with a possible charge."""
    if is_paid and status in _AT_THE_GATEWAY:
        return errors.GatewayError, _AT_THE_GATEWAY[status]
    if status == 422 and path in _EDITS and told.code != _NEVER_CHARGED:
        return errors.RefusedEditError, f"{first} {CHARGED}"
    return _TYPES.get(status) or (errors.ServerError if status >= 500 else ApiError), first


def _suggestion(
    status: int,
    told: _Body,
    is_about_model: bool,
    nearest_model: Suggest | None,
    nearest_style: Suggest | None,
) -> str:
    """Name the nearest known model or style, in sentences; "" if that wouldn't help."""
    if is_about_model and nearest_model:
        found = nearest_model()
        return (f" The nearest known model is {found}." if found else "") + _where_models_are()
    if status == 400 and not is_about_model and nearest_style and _speaks_of_style(told):
        found = nearest_style()
        return f" The nearest known style is {found}." if found else ""
    return ""


def _speaks_of_style(told: _Body) -> bool:
    """Whether the API complains about the style preset."""
    texts = [told.said, *_complaints(told.fields)]
    is_told = any(re.search(r"\bstyle[ _]preset\b", text, re.IGNORECASE) for text in texts)
    return is_told or "style_preset" in told.fields


def _speaks_of_model(status: int, told: _Body, is_paid: bool) -> bool:
    """Whether the API complains about the model, not about the address or another field.

    The documents name 410 only for a retired model. A word with a slash is part of a path.
    """
    names = (name.partition(".")[0] for name in told.fields)
    if told.code in MODEL_CODES or any(name in MODEL_FIELDS for name in names):
        return True
    if status not in (404, 410) or not is_paid:
        return False
    text = " ".join([told.said, *_complaints(told.fields)])
    return status == 410 or bool(re.search(r"(?<![/\w-])models?(?![/\w-])", text, re.IGNORECASE))


def _first_line(status: int, told: _Body, model: str, is_paid: bool, address: str) -> str:
    """Say what happened and what to do, with a hint on a second line.

    address: the address of the request if nothing may be there, else "".
    """
    if status in (404, 410) and address:
        return (
            f"No API at {address}. Check the API address.\n"
            f"VENICE_API_BASE sets it; normally it is {DEFAULT_BASE_URL}."
        )
    if told.offers_x402 and status == 402:
        return f"{_NO_KEY_ARRIVED}\n{_where_key_is()} The key is sent in the Authorization header."
    if status not in (404, 410) and told.code in _BY_CODE:
        return _with_model(_BY_CODE[told.code], model)
    if status in _REFUSALS:
        return _refusal(status, told.said, told.fields)
    if status == 403 and is_paid:
        return _with_model(_NOT_FOR_THIS_KEY, model)
    if status == 401:
        return f"{_BY_STATUS[401]}\n{_where_key_is()}"
    other = f"Venice answered with HTTP status {status}. Try again later."
    return _with_model(_BY_STATUS.get(status, other), model)


def _where_key_is() -> str:
    if IS_IN_COMFYUI:
        return "Enter it in Settings → Venice, or set VENICE_API_KEY on the server."
    return f"Set VENICE_API_KEY, or run `{command_line('login')}`."


def _where_models_are() -> str:
    if IS_IN_COMFYUI:
        return " The node's list shows all models."
    return f" `{command_line('models')}` lists all models."


def _with_model(text: str, model: str) -> str:
    name = printable(model, MAX_NAME)
    inside = f"the model `{name}`" if model else "this model"
    first = f"The model `{name}`" if model else "This model"
    return text.replace("{model}", inside).replace("{Model}", first)


def _refusal(status: int, said: str, fields: Fields) -> str:
    """Say what the API rejects, the first field or its own words, and what to do."""
    field = next((name for name in fields if name != WHOLE), None)
    general = "Venice rejected the request" if status == 400 else "Venice can't process the request"
    what = f"Venice rejected `{field}`" if field else general
    remedy = "Change it." if field else _REFUSALS[status]
    told = fields.get(field or WHOLE, ())
    reason = told[0] if told else "" if field else said
    more = len(_complaints(fields)) - (1 if told else 0)
    reason = shortened(reason.strip().rstrip(".:"), MAX_REASON)
    if not reason:
        return f"{what}{'' if field else ' without a reason'}. {remedy}"
    others = f" (and {more} more)" if more else ""
    return f"{what}: {reason}{others}. {remedy}"


def _words(status: int, told: _Body, request_id: str) -> list[str]:
    """Return the API's own words, field by field, and the request id."""
    label = f"HTTP {status}" + (f", {told.code}" if told.code else "")
    said = told.said
    lines = [f"Venice says ({label}): {said}" if said else f"Venice gave no reason ({label})."]
    more = [f"- {name}: {'; '.join(texts)}" for name, texts in told.fields.items()]
    lines += more[:MAX_FIELDS]
    lines += [f"(and {len(more) - MAX_FIELDS} more)"] if len(more) > MAX_FIELDS else []
    shown = harmless("\n".join(lines), MAX_DETAILS)
    return [shown, *([f"Request id: {request_id}"] if request_id else [])]


def _complaints(fields: Fields) -> list[str]:
    return [text for texts in fields.values() for text in texts]


def _redirect(status: int, headers: Mapping[str, str]) -> ApiError:
    try:
        host = urlsplit(headers.get("location", "")).hostname
    except ValueError:
        host = None
    return errors.RedirectError(
        f"The API address redirects to {printable(host or 'nowhere', MAX_NAME)}. Check the "
        "address and your network (a login page?). The redirect wasn't followed, to protect your "
        f"key.\nHTTP {status}.",
        status=status,
        hint="VENICE_API_BASE sets the address.",
    )


def _read(body: bytes) -> _Body:
    """Parse an error's body in any of its known forms."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return _Body(said=_plain(body))
    if not isinstance(data, dict):
        return _Body(said=_plain(body))
    inner = data.get("error")
    holder = {**data, **inner} if isinstance(inner, dict) else data
    said = inner if inner and holder is data else holder.get("message")
    fields: dict[str, list[str]] = {}
    _collect_details(holder.get("details"), "", fields)
    _collect_issues(holder.get("issues"), fields)
    words = printable(said or "", MAX_WORDS)
    code, request_id = (_text_of(holder.get(name)) for name in ("code", "request_id"))
    if not code and words.isupper() and " " not in words:
        code = words
    listed = {name: tuple(texts) for name, texts in fields.items()}
    return _Body(code, words, listed, request_id, "x402Version" in data)


def _text_of(value: object) -> str:
    return printable(value, MAX_NAME) if isinstance(value, str) else ""


def _plain(body: bytes) -> str:
    text = body[: 4 * MAX_WORDS].decode("utf-8", "replace").strip()
    if text[:1] == "<":
        return "(a web page instead of an answer)"
    return printable(text, MAX_WORDS)


def _collect_details(node: Any, name: str, fields: dict[str, list[str]], depth: int = 0) -> None:
    """Add the complaints in a tree of `_errors` lists, or a plain text, by field."""
    texts = [node] if isinstance(node, str) and node else []
    below = node if isinstance(node, dict) and depth <= 8 else {}
    if isinstance(below.get("_errors"), list):
        texts = below["_errors"]
    if texts:
        told = fields.setdefault(name or WHOLE, [])
        told += [printable(text, MAX_COMPLAINT) for text in texts[:10]]
    for key, inner in list(below.items())[:50]:
        if key != "_errors":
            path = f"{name}.{key}" if name else str(key)
            _collect_details(inner, printable(path, MAX_NAME), fields, depth + 1)


def _collect_issues(issues: Any, fields: dict[str, list[str]]) -> None:
    for issue in issues[:50] if isinstance(issues, list) else []:
        if not isinstance(issue, dict):
            continue
        path = issue.get("path")
        name = ".".join(map(str, path)) if isinstance(path, list) and path else WHOLE
        texts = fields.setdefault(printable(name, MAX_NAME), [])
        text = printable(issue.get("message", ""), MAX_COMPLAINT)
        if text and text not in texts:
            texts.append(text)
