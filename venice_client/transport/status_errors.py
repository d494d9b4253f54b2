"""From an answer with an error status to the error that a person can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .. import errors
from ..errors import LOST, ApiError
from ..settings.settings import DEFAULT_BASE_URL
from ..text import printable, shortened

Fields = Mapping[str, Sequence[str]]

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

_BY_CODE = {
    errors.PRO_ONLY_MODEL: "This model needs a Venice Pro account: choose another, or upgrade.",
    "INSUFFICIENT_BALANCE": "The Venice balance is used up: top up at venice.ai, then try again.",
    "API_KEY_USD_SPEND_LIMIT_EXCEEDED": (
        "This key's own USD limit is reached: raise it at venice.ai, Settings, API."
    ),
    "API_KEY_DIEM_SPEND_LIMIT_EXCEEDED": (
        "This key's own Diem limit is reached: raise it at venice.ai, Settings, API."
    ),
    "API_ACCESS_DISABLED": "API access is switched off for this account: see venice.ai, Settings.",
    "CORRUPTED_IMAGE": "Venice cannot read the image that was sent: check it, or send another one.",
    "IMAGE_TOO_SMALL": "The image is too small for Venice: it needs at least 65,536 pixels.",
    "IMAGE_TOO_LARGE": "The image is too large for Venice: make it smaller, then try again.",
    "CONTENT_POLICY_VIOLATION": "Venice refuses this content: change the prompt or the images.",
    "MODEL_OFFLINE": "The model is offline at the moment: choose another one, or try later.",
    "MODEL_AT_CAPACITY": "The model is at capacity: try again in a while, or choose another one.",
    "INVALID_MODEL": (
        "Venice does not know this model, or not for this kind of request: choose another one."
    ),
    "MODEL_NOT_FOUND": "Venice does not know this model (any more): choose another one.",
}

_BY_STATUS = {
    401: "Venice does not accept the key: check VENICE_API_KEY, or log in again.",
    402: "Venice wants payment: top up at venice.ai, then try again.",
    403: "This key or account may not do this: see venice.ai, Settings, API.",
    404: "Venice does not know this model (any more): choose another one.",
    410: "Venice has retired this model: choose another one.",
    413: "The request is too large for Venice: send smaller or fewer images.",
    415: "Venice does not take this type of content: please report this as a fault of the pack.",
    429: "The rate limit of this Venice key is reached: try again later.",
    500: "Venice failed to make the image, several times: try again later.",
    502: "The gateway in front of Venice failed; Venice may be down: try again later.",
    503: "Venice has no capacity at the moment: try again later, or choose another model.",
    504: "Venice took too long to answer: try again later, or choose a faster model.",
}

_AT_THE_GATEWAY = {
    502: "The gateway in front of Venice failed.",
    504: "Venice took too long to answer; another model may be faster.",
    520: "The gateway in front of Venice cannot use what Venice answered.",
    524: "Venice took too long to answer; another model may be faster.",
}
"""Of these nobody knows what became of the request behind the gateway. 520 and 524 are the forms
of 502 and 504 at Cloudflare."""

_REFUSALS = {
    400: ("Venice refuses the request", "change it, then try again."),
    422: ("Venice cannot process the request", "change the prompt or the images."),
}
"""The first line without a field or a code, before and after the API's reason."""

WHOLE = "request"
"""In place of a field, for what is wrong with the request as a whole."""

MODEL_CODES = ("MODEL_NOT_FOUND", "INVALID_MODEL")
MODEL_FIELDS = ("model", "modelId")
REPLACEMENT = "x-venice-deprecated-replacement"

MAX_REASON = 120
"""Characters of the API's reason in the first line; it may repeat a whole prompt."""

MAX_FIELDS = 10
MAX_WORDS = 1000
"""Characters of the API's own words that are shown; a gateway may answer a whole web page."""


def error_for(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    address: str = "this address",
    is_paid: bool = True,
) -> ApiError:
    """The error for an answer with `status` outside 2xx: cause and remedy, then the API's words.

    address: host and path that were asked. is_paid: whether a picture was asked for.
    """
    if 300 <= status < 400:
        return _redirect(status, headers)
    code, said, fields = _read(body)
    request_id = headers.get("x-request-id", "") or headers.get("cf-ray", "")
    replacement = headers.get(REPLACEMENT) if status in (404, 410) else None
    is_about_model = bool(replacement) or _speaks_of_model(status, code, said, fields, is_paid)
    if status in (404, 410) and not is_about_model:
        first = f"Nothing at {address}: check VENICE_API_BASE (as a rule {DEFAULT_BASE_URL})."
    else:
        first = _first_line(status, code, said, fields)
    if replacement:
        first = f"{first.rstrip('.')}, such as its replacement `{replacement}`."
    kind = _TYPES.get(status) or (errors.ServerError if status >= 500 else ApiError)
    if is_paid and status in _AT_THE_GATEWAY:
        kind = errors.GatewayError
        first = f"{_AT_THE_GATEWAY[status]} {LOST}"
    return kind(
        "\n".join([first, *_words(status, code, said, fields, request_id)]),
        status=status,
        code=code,
        api_message=said,
        fields=fields,
        request_id=request_id,
        is_about_model=is_about_model,
    )


def with_hint(error: ApiError, hint: str) -> ApiError:
    """The same error with `hint` at the end of its first line."""
    first, _, rest = str(error).partition("\n")
    return type(error)(
        f"{first} {hint}" + (f"\n{rest}" if rest else ""),
        status=error.status,
        code=error.code,
        api_message=error.api_message,
        fields=error.fields,
        request_id=error.request_id,
        is_about_model=error.is_about_model,
    )


def speaks_of_style(error: ApiError) -> bool:
    """Whether the API complains about the style preset."""
    told = [error.api_message, *_complaints(error.fields)]
    is_told = any(re.search(r"\bstyle[ _]preset\b", text, re.IGNORECASE) for text in told)
    return is_told or "style_preset" in error.fields


def _speaks_of_model(status: int, code: str, said: str, fields: Fields, is_paid: bool) -> bool:
    """Whether the API complains about the model, and not about the address or another field.

    410 is documented for a retired model alone. A word with a slash is part of a path.
    """
    if code in MODEL_CODES or any(name.partition(".")[0] in MODEL_FIELDS for name in fields):
        return True
    if status not in (404, 410) or not is_paid:
        return False
    told = " ".join([said, *_complaints(fields)])
    return status == 410 or bool(re.search(r"(?<![/\w-])models?(?![/\w-])", told, re.IGNORECASE))


def _first_line(status: int, code: str, said: str, fields: Fields) -> str:
    if status in (404, 410):
        return _BY_STATUS[status]
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _REFUSALS:
        return _refusal(status, said, fields)
    return _BY_STATUS.get(status, f"Venice answered with HTTP status {status}: try again later.")


def _refusal(status: int, said: str, fields: Fields) -> str:
    """The first field and its complaint, else the API's own words, and what to do."""
    what, remedy = _REFUSALS[status]
    field = next((name for name in fields if name != WHOLE), None)
    if field:
        what, remedy = f"Venice refuses `{field}`", _REFUSALS[400][1]
    told = fields.get(field or WHOLE, ())
    reason = told[0] if told else "" if field else said
    more = len(_complaints(fields)) - (1 if told else 0)
    if reason := shortened(reason.strip().rstrip(".:"), MAX_REASON):
        what += f": {reason}" + (f" (and {more} more)" if more else "")
    elif not field:
        what += " and gives no reason"
    return f"{what}: {remedy}"


def _words(status: int, code: str, said: str, fields: Fields, request_id: str) -> list[str]:
    """The API's own words, field by field."""
    label = f"HTTP {status}" + (f", {code}" if code else "")
    lines = [f"Venice says ({label}): {said}" if said else f"Venice gave no reason ({label})."]
    told = [f"- {name}: {'; '.join(texts)}"[:MAX_WORDS] for name, texts in fields.items()]
    lines += told[:MAX_FIELDS]
    lines += [f"(and {len(told) - MAX_FIELDS} more)"] if len(told) > MAX_FIELDS else []
    return lines + ([f"Request id: {request_id}"] if request_id else [])


def _complaints(fields: Fields) -> list[str]:
    return [text for texts in fields.values() for text in texts]


def _redirect(status: int, headers: Mapping[str, str]) -> ApiError:
    try:
        host = urlsplit(headers.get("location", "")).hostname
    except ValueError:
        host = None
    return errors.RedirectError(
        f"Venice's address answers with a redirect to {host or 'nowhere'}, which is not followed, "
        "since the key would go along: check VENICE_API_BASE and the network "
        f"(a login page?). HTTP {status}.",
        status=status,
    )


def _read(body: bytes) -> tuple[str, str, Fields]:
    """Code, words and complaints by field, from any of the forms that errors come in."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return "", _plain(body), {}
    if not isinstance(data, dict):
        return "", _plain(body), {}
    inner = data.get("error")
    holder = inner if isinstance(inner, dict) else data
    said = holder.get("message") if isinstance(inner, dict) else inner
    code = holder.get("code") or data.get("code") or ""
    fields: dict[str, list[str]] = {}
    _collect_details(data.get("details"), "", fields)
    _collect_issues(data.get("issues"), fields)
    words = printable(said or data.get("message") or "", MAX_WORDS)
    code = printable(code, 80) if isinstance(code, str) else ""
    if not code and words.isupper() and " " not in words:
        code = words
    return code, words, {name: tuple(texts) for name, texts in fields.items()}


def _plain(body: bytes) -> str:
    text = body[: 4 * MAX_WORDS].decode("utf-8", "replace").strip()
    if text[:1] == "<":
        return "(a web page instead of an answer)"
    return printable(text, MAX_WORDS)


def _collect_details(node: Any, name: str, fields: dict[str, list[str]], depth: int = 0) -> None:
    if not isinstance(node, dict) or depth > 8:
        return
    texts = node.get("_errors")
    if isinstance(texts, list) and texts:
        fields.setdefault(name or WHOLE, []).extend(printable(t, 200) for t in texts[:10])
    for key, below in list(node.items())[:50]:
        if key != "_errors":
            path = f"{name}.{key}" if name else str(key)
            _collect_details(below, printable(path, 80), fields, depth + 1)


def _collect_issues(issues: Any, fields: dict[str, list[str]]) -> None:
    for issue in issues[:50] if isinstance(issues, list) else []:
        if not isinstance(issue, dict):
            continue
        path = issue.get("path")
        name = ".".join(map(str, path)) if isinstance(path, list) and path else WHOLE
        texts = fields.setdefault(printable(name, 80), [])
        text = printable(issue.get("message", ""), 200)
        if text and text not in texts:
            texts.append(text)
