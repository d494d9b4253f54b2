"""Closed request schemas: fields, types and ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .response import invalid_fields

# A check returns the complaints about a value, by place below the field ("" is the field itself).
Problems = Mapping[str, str]
Check = Callable[[Any], Problems]
Schema = Mapping[str, Check]

FINE: Problems = {}
# No prompt is longer; the decoder checks longer ones (an image as base64).
MAX_TEXT = 32_768


def kind(value: object) -> str:
    """The JSON name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def expected(wanted: str, value: object) -> Problems:
    """The complaint about a wrong type."""
    return {"": f"Expected {wanted}, received {kind(value)}"}


def boolean() -> Check:
    """True or false, not a truthy or falsy value."""
    return lambda value: FINE if isinstance(value, bool) else expected("boolean", value)


def text(minimum: int = 0, maximum: int | None = None) -> Check:
    """A string within a length."""

    def check(value: Any) -> Problems:
        if not isinstance(value, str):
            return expected("string", value)
        if any("\ud800" <= character <= "\udfff" for character in value[:MAX_TEXT]):
            return {"": "String is not valid Unicode"}
        if len(value) < minimum:
            return {"": f"String must contain at least {minimum} character(s)"}
        if maximum is not None and len(value) > maximum:
            return {"": f"String must contain at most {maximum} character(s)"}
        return FINE

    return check


def one_of(*names: str) -> Check:
    """One of the names, exactly as spelled."""

    def check(value: Any) -> Problems:
        if isinstance(value, str) and value in names:
            return FINE
        return {"": f"Invalid value {value!r:.60}. Expected one of: {', '.join(names)}"}

    return check


def number(minimum: float, maximum: float, *, above: bool = False) -> Check:
    """A finite number from `minimum` (not itself, with `above`) to `maximum`."""

    def check(value: Any) -> Problems:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return expected("number", value)
        if isinstance(value, float) and not math.isfinite(value):
            return {"": "Expected a finite number"}
        if value < minimum or (above and value == minimum):
            return {"": f"Number must be greater than {'' if above else 'or equal to '}{minimum:g}"}
        if value > maximum:
            return {"": f"Number must be less than or equal to {maximum:g}"}
        return FINE

    return check


def integer(minimum: int, maximum: int) -> Check:
    """An integer in the range; as in JSON Schema, 8.0 is one."""
    in_range = number(minimum, maximum)

    def check(value: Any) -> Problems:
        if isinstance(value, float) and not value.is_integer():
            return {"": "Expected integer, received float"}
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and not minimum <= value <= maximum
        ):
            return {"": f"Number must be between {minimum} and {maximum}"}
        return in_range(value)

    return check


def null() -> Check:
    """Only null, for a field that old callers send."""
    return lambda value: FINE if value is None else {"": "This feature is disabled"}


def anything() -> Check:
    """Any value, to check later."""
    return lambda _value: FINE


def nullable(inner: Check) -> Check:
    """Null, or a value for `inner`."""
    return lambda value: FINE if value is None else inner(value)


def items(inner: Check, minimum: int = 0) -> Check:
    """A list of values for `inner`, with a minimum length."""

    def check(value: Any) -> Problems:
        if not isinstance(value, list):
            return expected("array", value)
        if len(value) < minimum:
            return {"": f"Array must contain at least {minimum} element(s)"}
        return {
            f"{index}.{place}".rstrip("."): text
            for index, item in enumerate(value)
            for place, text in inner(item).items()
        }

    return check


def record(schema: Schema, required: tuple[str, ...] = ()) -> Check:
    """An object with those fields and no other."""

    def check(value: Any) -> Problems:
        if not isinstance(value, dict):
            return expected("object", value)
        return _record_problems(value, schema, required)

    return check


def open_record(schema: Schema, required: tuple[str, ...] = ()) -> Check:
    """An object with those fields, and perhaps others, which the API ignores."""

    def check(value: Any) -> Problems:
        if not isinstance(value, dict):
            return expected("object", value)
        known = {name: child for name, child in value.items() if name in schema}
        return _record_problems(known, schema, required)

    return check


def _record_problems(
    value: Mapping[str, Any], schema: Schema, required: tuple[str, ...]
) -> dict[str, str]:
    problems = {name: "Required" for name in required if name not in value}
    stray = [name for name in value if name not in schema]
    if stray:
        listed = ", ".join(repr(name) for name in stray)
        problems[""] = f"Unrecognized key(s) in object: {listed}"
    for name, check in schema.items():
        if name in value:
            for place, text in check(value[name]).items():
                problems[f"{name}.{place}".rstrip(".")] = text
    return problems


def require(payload: Mapping[str, Any], schema: Schema, required: tuple[str, ...]) -> None:
    """Raise Refusal (400, naming every wrong field) unless the schema accepts the payload."""
    problems = _record_problems(payload, schema, required)
    if problems:
        raise invalid_fields({place: [text] for place, text in problems.items()})
