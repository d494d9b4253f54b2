"""The body of a request: serialized once, sent as it is, and named by a hash of what is in it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..imaging.image_format import image_format
from ..imaging.input_image import InputFile, InputImage

Files = Sequence[tuple[str, InputFile]]
"""The files of a form: the name of the field, and an image, for each."""


@dataclass(frozen=True)
class RequestBody:
    """What is sent, in parts that are never joined in memory.

    identity: JSON that is the same for equal requests, with a hash in place of each file. packed:
    makes the parts, with files that are packed only now.
    """

    content_type: str
    identity: bytes
    packed: Callable[[], tuple[bytes, ...]]


@dataclass(frozen=True)
class PackedBody:
    """A body that is ready to be sent."""

    content_type: str
    parts: tuple[bytes, ...]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)

    def __len__(self) -> int:
        return sum(map(len, self.parts))


def request_body(fields: Mapping[str, Any], files: Files = ()) -> RequestBody:
    """JSON where there are no files, else a form. Raises ValueError for NaN and infinities."""
    if not files:
        data = _json(fields)
        return RequestBody("application/json", data, lambda: (data,))
    hashes = [[name, _identity(file)] for name, file in files]
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
