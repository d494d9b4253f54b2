"""The published OpenAPI document of the API, as a judge of the client's requests.

The document isn't part of this repository. Its place is VENICE_OPENAPI, else `shared/api` beside
the repository's folder. A separate document beside it may describe chats.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

ROOT = Path(__file__).resolve().parents[2]

# The published schema of these is an `allOf` of the closed request and an add-on for `modelId`
# that, read to the letter, allows nothing; the first member is the request.
FIRST_OF_ALL = ("/image/edit", "/image/multi-edit")

# Later guides' additions to the document of August 2026: fields, and values of one.
CLEAR = {"transparent_background": {"type": "boolean"}}
LATER_FIELDS = {
    "/image/generate": {**CLEAR},
    "/image/edit": {**CLEAR},
    "/image/multi-edit": {**CLEAR},
}
LATER_RATIOS = ["4:3"]
JSON_TYPE, FORM_TYPE = "application/json", "multipart/form-data"
CHAT = "venice-chat-openapi.yaml"
OPEN_PATHS = ("/image/upscale",)


class RequestRefused(AssertionError):
    """A request body that the published document forbids."""


def document_path() -> Path:
    """Return the path of the document, even if it doesn't exist."""
    named = os.environ.get("VENICE_OPENAPI")
    return Path(named) if named else ROOT.parent / "shared" / "api" / "venice-openapi.yaml"


def document_with(path: str) -> dict[str, Any]:
    """Return the document with an endpoint: the main one, or the one about chats."""
    document = load(document_path())
    if path not in document["paths"] and (beside := document_path().with_name(CHAT)).is_file():
        return _about_chats(beside)
    return document


@cache
def _about_chats(path: Path) -> dict[str, Any]:
    return dict(_mended(load(path)))


def _mended(node: Any) -> Any:
    """The document about chats without two slips: `on` and `off` as true and false, and `logprobs`
    that must be an object, although its own example has null."""
    if isinstance(node, list):
        return [_mended(each) for each in node]
    if not isinstance(node, dict):
        return node
    mended = {name: _mended(each) for name, each in node.items()}
    if node.get("type") == "string" and True in node.get("enum", ()):
        words = {True: "on", False: "off"}
        mended["enum"] = [words.get(each, each) for each in node["enum"]]
    if isinstance(node.get("logprobs"), dict) and node["logprobs"].get("type") == "object":
        mended["logprobs"] = {**mended["logprobs"], "nullable": True}
    return mended


def available() -> bool:
    """Whether the document exists."""
    return document_path().is_file()


def describes(path: str) -> bool:
    """Whether there is a document that has an endpoint."""
    return available() and path in document_with(path)["paths"]


def missing_reason() -> str:
    """The reason to skip the tests that need the document."""
    return (
        f"no published API document at {document_path()}: set VENICE_OPENAPI to the path of "
        "Venice's OpenAPI document (YAML) to run this test"
    )


def validate_request(path: str, payload: Any) -> None:
    """Raise RequestRefused, naming every field, unless POST `path` may have this JSON body.

    `path` is as the document has it, for instance "/image/generate".
    """
    _validate(path, JSON_TYPE, payload)


def validate_form(path: str, form: Mapping[str, Sequence[Any]]) -> None:
    """Raise RequestRefused, naming every field, unless POST `path` may have this form.

    `form` has the texts and files of each field, in order; what is no str is a file.
    """
    schema = request_schema(path, FORM_TYPE)
    meant = {name: _meant(schema["properties"].get(name), sent) for name, sent in form.items()}
    _validate(path, FORM_TYPE, meant)


def judge_accepted(requests: Iterable[Any]) -> None:
    """Check the requests that a sandbox accepted against the document, if it exists.

    requests: the sandbox's records, each with `path`, `json`, `form` and `status`, which is None
    until the response is sent.
    """
    if not available():
        return
    for request in requests:
        if not describes(request.path):
            continue
        accepted = request.status is None or 200 <= request.status < 300
        if accepted and request.json is not None:
            validate_request(request.path, request.json)
        if accepted and request.form is not None:
            validate_form(request.path, request.form)


@cache
def request_schema(path: str, media_type: str) -> dict[str, Any]:
    """Return the JSON Schema of a request: as published, closed, with later additions."""
    document = document_with(path)
    try:
        content = document["paths"][path]["post"]["requestBody"]["content"]
    except KeyError:
        raise RequestRefused(f"POST {path}: the document has no such request") from None
    if media_type not in content:
        raise RequestRefused(f"POST {path}: the document has no {media_type} for it")
    schema = to_json_schema(content[media_type]["schema"], document)
    if path in FIRST_OF_ALL:
        schema = schema["allOf"][0]
    schema = copy.deepcopy(schema)
    schema["properties"] |= LATER_FIELDS.get(path, {})
    if path in FIRST_OF_ALL:
        schema["properties"]["aspect_ratio"]["enum"] += LATER_RATIOS
    # The document leaves the form of multi-edit open; the API is as strict with forms as with JSON.
    schema["additionalProperties"] = path in OPEN_PATHS
    checked: dict[str, Any] = schema
    return checked


def _validate(path: str, media_type: str, value: Any) -> None:
    found = _validator(path, media_type).iter_errors(value)
    errors = sorted(found, key=lambda error: list(map(str, error.path)))
    if errors:
        raise RequestRefused(f"POST {path}: " + "; ".join(_explain(error) for error in errors))


def _meant(schema: Any, sent: Sequence[Any]) -> Any:
    """Convert the texts and files of a field by its schema; leave them unchanged if that fails."""
    values = [value if isinstance(value, str) else "(a file)" for value in sent]
    kind = schema.get("type") if schema else None
    if kind is None and schema:
        kind = next((each["type"] for each in schema.get("anyOf", ()) if "type" in each), None)
    if kind == "array":
        return values
    if len(values) > 1:
        return values
    if kind == "number":
        try:
            return float(values[0])
        except ValueError:
            return values[0]
    return (
        {"true": True, "false": False}.get(values[0], values[0]) if kind == "boolean" else values[0]
    )


def _explain(error: ValidationError) -> str:
    field = ".".join(str(step) for step in error.path) or "body"
    return f"{field}: {error.message[:200]}"


@cache
def _validator(path: str, media_type: str) -> Draft202012Validator:
    return Draft202012Validator(request_schema(path, media_type))


@cache
def load(path: Path) -> dict[str, Any]:
    """Read the YAML file at `path` by the rules of YAML 1.2."""
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Yaml12Loader)
    if not isinstance(document, dict):
        raise ValueError(f"{path} is no OpenAPI document")
    return document


def to_json_schema(schema: Any, document: dict[str, Any]) -> Any:
    """`schema` of an OpenAPI 3.0 `document` as JSON Schema 2020-12, every $ref put in place."""
    if isinstance(schema, list):
        return [to_json_schema(item, document) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return to_json_schema(_resolve(schema["$ref"], document), document)
    converted = {
        key: _properties(value, document)
        if key == "properties"
        else to_json_schema(value, document)
        for key, value in schema.items()
        if key not in ("example", "default", "nullable", "discriminator")
    }
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        _convert_exclusive(converted, bound, limit)
    if schema.get("nullable"):
        return {"anyOf": [converted, {"type": "null"}]}
    return converted


def _properties(properties: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """A property may be called like a keyword (`default`, `example`), so names are kept as is."""
    return {name: to_json_schema(schema, document) for name, schema in properties.items()}


def _resolve(reference: str, document: dict[str, Any]) -> Any:
    target: Any = document
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    return target


def _convert_exclusive(schema: dict[str, Any], bound: str, limit: str) -> None:
    """Turn OpenAPI 3.0's `minimum: 0, exclusiveMinimum: true` into JSON Schema's one number."""
    if isinstance(schema.get(bound), bool) and schema.pop(bound):
        schema[bound] = schema.pop(limit)


class _Yaml12Loader(yaml.SafeLoader):
    """YAML 1.1 reads an unquoted 16:9 as the number 969, `no` as false and a date as a date."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf")
)
_Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]
)
_Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789")
)
_Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
