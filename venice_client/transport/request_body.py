"""The body of a request: serialized once, sent as it is, and named by a hash of the same bytes."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..image_format import image_format

Files = Sequence[tuple[str, bytes]]
"""The files of a form: the name of the field, and an encoded image, for each."""


@dataclass(frozen=True)
class RequestBody:
    """What is sent, in parts that are never joined in memory.

    identity: JSON that is the same for equal requests, with a hash in place of each file.
    """

    content_type: str
    parts: tuple[bytes, ...]
    identity: bytes

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def __len__(self) -> int:
        return sum(map(len, self.parts))


def request_body(fields: Mapping[str, Any], files: Files = ()) -> RequestBody:
    """JSON where there are no files, else a form. Raises ValueError for NaN and infinities."""
    if not files:
        data = _json(fields)
        return RequestBody("application/json", (data,), data)
    hashes = [[name, hashlib.sha256(data).hexdigest()] for name, data in files]
    boundary = f"venice-{secrets.token_hex(16)}"
    return RequestBody(
        f"multipart/form-data; boundary={boundary}",
        tuple(_form(boundary, fields, files)),
        _json({"fields": fields, "files": hashes}),
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _form(boundary: str, fields: Mapping[str, Any], files: Files) -> Iterator[bytes]:
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        yield text.encode() + b"\r\n"
    for number, (name, data) in enumerate(files, start=1):
        kind = image_format(data) or "octet-stream"
        yield (
            f"--{boundary}\r\nContent-Disposition: form-data; "
            f'name="{name}"; filename="image-{number}.{kind}"\r\n'
            f"Content-Type: image/{kind}\r\n\r\n"
        ).encode()
        yield data
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
