"""Fields of a request that this client doesn't know yet, from JSON to the payload."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from ..errors import InvalidRequestError

NAME = "extra_fields"
MAX_LENGTH = 100_000
"""Most characters of the JSON."""

_SET_BY_CLIENT = {"return_binary", "variants", "image", "images", "modelId", "output_format"}
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def parse_extra_fields(text: str) -> dict[str, Any]:
    """Return the fields in the JSON object `text`; none if it's blank.

    Raises InvalidRequestError for anything but an object.
    """
    if not text.strip():
        return {}
    if len(text) > MAX_LENGTH:
        raise _error(f"is longer than {MAX_LENGTH:,} characters")
    try:
        fields = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else ""
        where = f" ({why}, line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise _error(f"isn't valid JSON{where}") from None
    if not isinstance(fields, dict):
        raise _error("isn't a JSON object")
    return fields


def add_extra_fields(
    extra: Mapping[str, Any], fields: dict[str, Any], known: Collection[str]
) -> None:
    """Add `extra` to the payload's `fields`. known: names that have their own place in the request.

    Raises InvalidRequestError for one of these, a name that no field can have, and a value that
    JSON can't carry.
    """
    if not isinstance(extra, Mapping):
        raise _error("isn't a JSON object")
    for name in extra:
        if not isinstance(name, str) or not _FIELD.fullmatch(name):
            raise _error(f"has a name that no field can have: {str(name)[:40]!r}")
        if name in _SET_BY_CLIENT:
            raise InvalidRequestError(
                f"Remove {name} from extra_fields. It can't be changed.", NAME
            )
        if name in known or name in fields:
            raise InvalidRequestError(f"Remove {name} from extra_fields and set it directly.", NAME)
    try:
        text = json.dumps(dict(extra), allow_nan=False, ensure_ascii=False)
        text.encode()  # fails for an unpaired surrogate
        copied = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise _error("has a value that JSON can't carry") from None
    fields.update(copied)


def has_extra_fields(request: object) -> bool:
    """Whether a request sends fields that its price might not cover."""
    return bool(getattr(request, NAME, None))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _error("names a field twice")
    return fields


def _refuse(constant: str) -> NoReturn:
    raise _error(f"contains {constant}, which JSON doesn't have")


def _error(why: str) -> InvalidRequestError:
    return InvalidRequestError(f'extra_fields {why}. Write it like {{"name": 1}}.', NAME)
