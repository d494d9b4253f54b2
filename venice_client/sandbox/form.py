"""From the bytes of a body to its fields: JSON, or multipart/form-data by the standard library."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any, NoReturn

from .response import Refusal, invalid_fields

MAX_JSON_VALUES = 100_000
"""Commas and brackets of a body: a request that is taken has fewer, and each is some 60 bytes."""

MAX_PARTS = 64
BOOLEANS = {"true": True, "false": False}
TRUTHS = (
    "safe_mode",
    "enhance_prompt",
    "disable_prompt_optimization_thinking",
    "transparent_background",
)
NUMBERS = ("scale", "creativity")
NUMERAL = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
FILES = "images"


@dataclass(frozen=True)
class UploadedFile:
    """One uploaded file."""

    filename: str
    content_type: str
    content: bytes


FormValue = str | UploadedFile
Form = dict[str, list[FormValue]]


def json_value(body: bytes) -> Any:
    """The JSON value of a body. Raises Refusal unless it is JSON (which has no NaN)."""
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_JSON_VALUES:
        raise Refusal(400, "INVALID_REQUEST", "The request body has too many values")
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "INVALID_REQUEST", "The request body is not valid JSON") from error


def form_payload(content_type: str, body: bytes) -> tuple[Form, dict[str, Any]]:
    """The fields and files of a multipart body, and what they mean.

    Raises Refusal unless the body can be read, and each field but `images` comes once.
    """
    form = _form(content_type, body)
    payload: dict[str, Any] = {}
    for name, values in form.items():
        if name == FILES:
            payload[FILES] = [_uploaded(value) for value in values]
        elif len(values) > 1:
            raise invalid_fields({name: ["Field was sent more than once"]})
        else:
            payload[name] = _meant(name, values[0])
    return form, payload


def _form(content_type: str, body: bytes) -> Form:
    head = Message()
    head["Content-Type"] = content_type
    boundary = head.get_boundary()
    if not boundary:
        raise _unreadable("names no boundary")
    mark = b"--" + boundary.encode("utf-8", "replace")
    form: Form = {}
    end = body.find(mark) - 2
    for _ in range(MAX_PARTS):
        begin = end + 2 + len(mark)
        if end > -3 and body.startswith(b"--", begin):
            return form
        end = body.find(b"\r\n" + mark, begin)
        if begin < len(mark) or end < 0:
            raise _unreadable("does not end as it should")
        name, value = _part(body, begin, end)
        form.setdefault(name, []).append(value)
    raise _unreadable("has too many parts")


def _part(body: bytes, begin: int, end: int) -> tuple[str, FormValue]:
    gap = body.find(b"\r\n\r\n", begin, end)
    head = BytesHeaderParser().parsebytes(body[begin:gap].lstrip(b"\r\n") + b"\r\n\r\n")
    name = head.get_param("name", header="content-disposition")
    if gap < 0 or not isinstance(name, str):
        raise _unreadable("has a part without a name")
    content = body[gap + 4 : end]
    filename = head.get_filename()
    if filename is not None:
        return name, UploadedFile(filename, head.get_content_type(), content)
    try:
        return name, content.decode()
    except UnicodeDecodeError as error:
        raise invalid_fields({name: ["Text must be UTF-8"]}) from error


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


def _unreadable(why: str) -> Refusal:
    return Refusal(400, "INVALID_REQUEST", f"The multipart body {why}")
