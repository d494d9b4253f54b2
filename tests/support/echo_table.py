"""Every way for a response to contain a secret text: the echoed key."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

from PIL import Image, PngImagePlugin

from fault_table import in_json, picture

IMAGE_DESCRIPTION = 0x010E


def escaped(text: str) -> str:
    """`text` as escapes of JSON."""
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def forms(text: str) -> Mapping[str, bytes]:
    """The spellings of a text in a response that the search covers."""
    return {"in clear": text.encode(), "JSON escapes": escaped(text).encode()}


def pictures(text: str) -> Mapping[str, bytes]:
    """Images with `text` in clear, in each of their places for texts."""
    told = PngImagePlugin.PngInfo()
    told.add_text("auth", f"Bearer {text}")
    exif = Image.Exif()
    exif[IMAGE_DESCRIPTION] = f"Bearer {text}"
    xmp = f"<x:xmpmeta>{text}</x:xmpmeta>".encode()
    return {
        "PNG, text": _saved("PNG", pnginfo=told),
        "PNG, EXIF": _saved("PNG", exif=exif),
        "JPEG, comment": _saved("JPEG", comment=text),
        "JPEG, EXIF": _saved("JPEG", exif=exif),
        "WebP, EXIF": _saved("WEBP", exif=exif),
        "WebP, XMP": _saved("WEBP", xmp=xmp),
    }


def answers(text: str) -> Mapping[str, bytes]:
    """JSON responses with two images or substitutes, and `text` somewhere."""
    good = picture()
    told = in_json(good, good, id="HERE")
    return {
        "id": in_json(good, good, id=text, timing={text: 1}),
        "request": in_json(good, good, request={"Authorization": f"Bearer {text}"}),
        "a key of JSON": in_json(good, good, **{text: [text]}),
        "escapes": told.replace(b"HERE", escaped(text).encode()),
        "escapes after blanks": b" \r\n" * 21 + told.replace(b"HERE", escaped(text).encode()),
        "escapes after a mark of UTF-8": b"\xef\xbb\xbf"
        + told.replace(b"HERE", escaped(text).encode()),
        "no base64": in_json(good, text),
    }


def in_base64(text: str) -> Mapping[str, bytes]:
    """JSON responses with `text` in their base64, where nobody searches."""
    good = picture()
    return {
        "text": in_json(good, f"Bearer {text}".encode()),
        "JSON": in_json(good, f'{{"a": "{text}"}}'.encode()),
        "letters of a URL": in_json(
            good, base64.urlsafe_b64encode(b"\xfb\xff\xbe" + text.encode()).decode()
        ),
        "half a picture": in_json(good, pictures(text)["PNG, text"][:-30]),
    }


def unreadable(text: str) -> Mapping[str, bytes]:
    """Bodies with `text` and no readable image."""
    return {
        "text": f"Bearer {text}".encode() * 5,
        "list of escapes": f'["{escaped(text)}"]'.encode(),
        "cut JSON of escapes": f'{{"error": "{escaped(text)}'.encode(),
        "half a picture": pictures(text)["PNG, text"][:-30],
    }


def _saved(kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture())) as image:
        image.save(out, kind, **more)
    return out.getvalue()
