"""multipart/form-data, read with the standard library."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

from .answers import Refusal


@dataclass(frozen=True)
class UploadedFile:
    """One uploaded file."""

    filename: str
    content_type: str
    content: bytes


FormValue = str | UploadedFile
Form = dict[str, list[FormValue]]


def parsed_form(content_type: str, body: bytes) -> Form:
    """Fields and files by name, each in the order sent.

    Raises:
        Refusal: 400 where the body is not what its content type says.
    """
    head = Message()
    head["Content-Type"] = content_type
    boundary = head.get_boundary()
    if not boundary:
        raise _unreadable("names no boundary")
    mark = b"--" + boundary.encode()
    sections = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise _unreadable("does not end as it should")
    form: Form = {}
    for section in sections[1:-1]:
        name, value = _part(section)
        form.setdefault(name, []).append(value)
    return form


def _part(section: bytes) -> tuple[str, FormValue]:
    raw_head, gap, content = section.partition(b"\r\n\r\n")
    head = BytesHeaderParser().parsebytes(raw_head.lstrip(b"\r\n") + b"\r\n\r\n")
    name = head.get_param("name", header="content-disposition")
    if not gap or not isinstance(name, str):
        raise _unreadable("has a part without a name")
    filename = head.get_filename()
    if filename is None:
        return name, content.decode("utf-8", "replace")
    return name, UploadedFile(filename, head.get_content_type(), content)


def _unreadable(why: str) -> Refusal:
    return Refusal(400, "INVALID_REQUEST", f"The multipart body {why}")
