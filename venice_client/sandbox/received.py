"""From a request's bytes to its fields, JSON or multipart."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from .answers import Refusal, invalid_fields
from .fields import kind
from .multipart import Form, FormValue, UploadedFile, parsed_form

BOOLEANS = {"true": True, "false": False}
TRUTHS = ("safe_mode", "enhance_prompt", "disable_prompt_optimization_thinking")
NUMBERS = ("scale", "creativity")
NUMERAL = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
FILES = "images"


def json_payload(body: bytes) -> Any:
    """The JSON value of a body.

    Raises:
        Refusal: 400 where it is no JSON (NaN and Infinity are none).
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "INVALID_REQUEST", "The request body is not valid JSON") from error


def object_payload(value: Any) -> dict[str, Any]:
    """The value, which must be an object.

    Raises:
        Refusal: 400 for anything else.
    """
    if not isinstance(value, dict):
        raise invalid_fields({"": [f"Expected object, received {kind(value)}"]})
    return value


def form_and_payload(content_type: str, body: bytes) -> tuple[Form, dict[str, Any]]:
    """The fields and files of a multipart body, and what they mean.

    Raises:
        Refusal: 400 where the body cannot be read, or a field comes twice.
    """
    form = parsed_form(content_type, body)
    payload: dict[str, Any] = {}
    for name, values in form.items():
        if name == FILES:
            payload[FILES] = [_uploaded(value) for value in values]
        elif len(values) > 1:
            raise invalid_fields({name: ["Field was sent more than once"]})
        else:
            payload[name] = _meant(name, values[0])
    return form, payload


def _meant(name: str, value: FormValue) -> Any:
    if isinstance(value, UploadedFile):
        return value.content
    if name in TRUTHS:
        return BOOLEANS.get(value, value)
    if name in NUMBERS and NUMERAL.fullmatch(value):
        return float(value)
    return value


def _uploaded(value: FormValue) -> bytes:
    if isinstance(value, UploadedFile):
        return value.content
    raise invalid_fields({FILES: ["Only file uploads are supported with multipart/form-data"]})


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
