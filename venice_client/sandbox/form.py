"""The fields of a request body: JSON or multipart/form-data."""

from __future__ import annotations

import json
import re
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any, NoReturn

from .response import Refusal, invalid_fields

BOOLEANS = {"true": True, "false": False}
SWITCHES = (
    "safe_mode",
    "enhance_prompt",
    "disable_prompt_optimization_thinking",
    "transparent_background",
)
NUMBERS = ("scale", "creativity")
NUMERAL = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
FILES = "images"

FormValue = str | bytes
"""A text, or the content of a file."""

Form = dict[str, list[FormValue]]


def json_value(body: bytes) -> Any:
    """Parse a JSON body. Raises Refusal if it isn't JSON (which has no NaN)."""
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "INVALID_REQUEST", "The request body is not valid JSON") from error


def read_form(content_type: str, body: bytes) -> Form:
    """Parse a multipart body into the texts and files of each field. Raises Refusal if it can't."""
    head = Message()
    head["Content-Type"] = content_type
    boundary = head.get_boundary()
    if not boundary:
        raise _unreadable("names no boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("utf-8", "replace"))
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise _unreadable("does not end as it should")
    form: Form = {}
    for part in pieces[1:-1]:
        name, value = _part(part)
        form.setdefault(name, []).append(value)
    return form


def form_payload(form: Form) -> dict[str, Any]:
    """Turn a form into a payload; a repeated field becomes a list."""
    payload: dict[str, Any] = {}
    for name, values in form.items():
        if name == FILES:
            payload[FILES] = [_uploaded(value) for value in values]
        else:
            payload[name] = _converted(name, values[0]) if len(values) == 1 else values
    return payload


def _part(part: bytes) -> tuple[str, FormValue]:
    lines, gap, content = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
    head = BytesHeaderParser().parsebytes(lines + b"\r\n\r\n")
    name = head.get_param("name", header="content-disposition")
    if not gap or not isinstance(name, str):
        raise _unreadable("has a part without a name")
    if head.get_filename() is not None:
        return name, content
    try:
        return name, content.decode()
    except UnicodeDecodeError as error:
        raise invalid_fields({name: ["Text must be UTF-8"]}) from error


def _converted(name: str, value: FormValue) -> Any:
    if isinstance(value, bytes):
        return value
    if name in SWITCHES:
        return BOOLEANS.get(value, value)
    if name in NUMBERS and NUMERAL.fullmatch(value):
        return float(value)
    return value


def _uploaded(value: FormValue) -> bytes:
    if isinstance(value, bytes):
        return value
    raise invalid_fields({FILES: ["Only file uploads are supported with multipart/form-data"]})


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unreadable(why: str) -> Refusal:
    return Refusal(400, "INVALID_REQUEST", f"The multipart body {why}")
