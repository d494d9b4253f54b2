"""The body of a request: serialized once, sent unchanged, and named by a hash of its content."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..imaging.input_image import InputFile, InputImage
from ..imaging.whole_image import image_format

JSON_TYPE = "application/json"

Files = Sequence[tuple[str, InputFile]]
"""The files of a form: the name of the field, and an image, for each."""


@dataclass(frozen=True)
class RequestBody:
    """The body in parts, never joined in memory.

    identity: JSON that is the same for equal requests, with a hash for each file. packed: returns
    the parts, and packs files only then.
    """

    content_type: str
    identity: bytes
    packed: Callable[[], tuple[bytes, ...]]


@dataclass(frozen=True)
class PackedBody:
    """A body ready to send."""

    content_type: str
    parts: tuple[bytes, ...]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def __len__(self) -> int:
        return sum(map(len, self.parts))


def request_body(fields: Mapping[str, Any], files: Files = ()) -> RequestBody:
    """JSON where there are no files, else a form. Raises ValueError for NaN and infinities.

    Files of "messages" are in its JSON, as data URLs.
    """
    if not files:
        data = _json(fields)
        return RequestBody(JSON_TYPE, data, lambda: (data,))
    hashes = [[name, _identity(file)] for name, file in files]
    if files[0][0] == "messages":
        identity = _json({"fields": fields, "files": hashes})
        return RequestBody(JSON_TYPE, identity, lambda: _with_data_urls(fields, files))
    boundary = f"venice-{secrets.token_hex(16)}"
    return RequestBody(
        f"multipart/form-data; boundary={boundary}",
        _json({"fields": fields, "files": hashes}),
        lambda: tuple(_form(boundary, fields, files)),
    )


def _identity(file: InputFile) -> str:
    return file.identity if isinstance(file, InputImage) else hashlib.sha256(file).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _with_data_urls(fields: Mapping[str, Any], files: Files) -> tuple[bytes, ...]:
    """Return the JSON of a chat in parts, with each file in place of the URL of an image."""
    mark = f"venice-{secrets.token_hex(16)}"
    messages = [
        {**message, "content": _marked(message["content"], mark)} for message in fields["messages"]
    ]
    texts = _json({**fields, "messages": messages}).split(mark.encode())
    parts = [texts[0]]
    for (_, file), text in zip(files, texts[1:], strict=True):
        data = file.pack() if isinstance(file, InputImage) else file
        kind = image_format(data) or "octet-stream"
        parts += [f"data:image/{kind};base64,".encode(), base64.b64encode(data), text]
    return tuple(parts)


def _marked(content: Any, mark: str) -> Any:
    """Return the content of a message with a mark in place of the URL of each image."""
    if not isinstance(content, list):
        return content
    image = {"type": "image_url", "image_url": {"url": mark}}
    return [image if part["type"] == "image_url" else part for part in content]


def _form(boundary: str, fields: Mapping[str, Any], files: Files) -> Iterator[bytes]:
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        yield text.encode() + b"\r\n"
    for number, (name, file) in enumerate(files, start=1):
        data = file.pack() if isinstance(file, InputImage) else file
        kind = image_format(data) or "octet-stream"
        yield (
            f"--{boundary}\r\nContent-Disposition: form-data; "
            f'name="{name}"; filename="image-{number}.{kind}"\r\n'
            f"Content-Type: image/{kind}\r\n\r\n"
        ).encode()
        yield data
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
