"""Every way for an answer to hold a text that is not to be seen: the key, echoed."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping

from PIL import Image, PngImagePlugin

from fault_table import in_json, picture

XP_COMMENT = 0x9C9C
"""An EXIF tag whose text is UTF-16."""

IMAGE_DESCRIPTION = 0x010E


def escaped(text: str) -> str:
    """`text` as escapes of JSON."""
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


def forms(text: str) -> Mapping[str, bytes]:
    """How the bytes of an answer can spell a text."""
    return {
        "in clear": text.encode(),
        "UTF-16": text.encode("utf-16-le"),
        "UTF-16, big end first": text.encode("utf-16-be"),
        "JSON escapes": escaped(text).encode(),
    }


def pictures(text: str) -> Mapping[str, bytes]:
    """Pictures that hold `text` in each place that pictures have for texts."""
    plain, packed, international = (PngImagePlugin.PngInfo() for _ in range(3))
    plain.add_text("auth", f"Bearer {text}")
    packed.add_text("auth", f"Bearer {text}", zip=True)
    international.add_itxt("auth", f"Bearer {text}", "en", "auth", zip=True)
    exif, comment = Image.Exif(), Image.Exif()
    exif[IMAGE_DESCRIPTION] = f"Bearer {text}"
    comment[XP_COMMENT] = text.encode("utf-16-le")
    xmp = f"<x:xmpmeta>{text}</x:xmpmeta>".encode()
    return {
        "PNG, text": _saved("PNG", pnginfo=plain),
        "PNG, packed text": _saved("PNG", pnginfo=packed),
        "PNG, packed international text": _saved("PNG", pnginfo=international),
        "PNG, packed profile": _saved("PNG", icc_profile=f"profile {text}".encode() * 3),
        "PNG, EXIF": _saved("PNG", exif=exif),
        "PNG, EXIF in UTF-16": _saved("PNG", exif=comment),
        "JPEG, comment": _saved("JPEG", comment=text),
        "JPEG, EXIF": _saved("JPEG", exif=exif),
        "JPEG, EXIF in UTF-16": _saved("JPEG", exif=comment),
        "WebP, EXIF": _saved("WEBP", exif=exif),
        "WebP, XMP": _saved("WEBP", xmp=xmp),
    }


def words(text: str) -> Mapping[str, bytes]:
    """Answers in JSON, with two pictures or what is in their place, that hold `text` somewhere."""
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
        "no picture": in_json(good, f"Bearer {text}".encode()),
        "no picture, in UTF-16": in_json(good, text.encode("utf-16-le")),
        "no picture, but JSON": in_json(good, f'{{"a": "{escaped(text)}"}}'.encode()),
        "no picture, url-safe": in_json(
            good, base64.urlsafe_b64encode(b"\xfb\xff\xbe" + text.encode()).decode()
        ),
        "no base64": in_json(good, text),
    }


def answers(text: str) -> Mapping[str, bytes]:
    """Answers in JSON that hold `text` somewhere, also in the texts of a picture."""
    found = dict(words(text))
    for name, image in pictures(text).items():
        found[name] = in_json(picture(), image)
        found[f"{name}, as a URL"] = in_json(picture(), data_url(image))
    return found


def unreadable(text: str) -> Mapping[str, bytes]:
    """Bodies that hold `text` and no picture that can be shown."""
    told = json.dumps({"id": text, "images": [base64.b64encode(picture()).decode()]})
    return {
        "text": f"Bearer {text}".encode() * 5,
        "UTF-16": told.encode("utf-16"),
        "UTF-16, big end first": told.encode("utf-16-be"),
        "UTF-32": told.encode("utf-32"),
        "list of escapes": f'["{escaped(text)}"]'.encode(),
        "cut JSON of escapes": f'{{"error": "{escaped(text)}'.encode(),
        "half a picture": pictures(text)["PNG, text"][:-30],
    }


def data_url(image: bytes) -> str:
    """A picture as a page would have it."""
    return "data:image/png;base64," + base64.b64encode(image).decode()


def texts_of(image: bytes) -> bytes:
    """The texts of a picture, packed ones too; nothing where it is none."""
    try:
        with Image.open(io.BytesIO(image)) as opened:
            opened.load()
            exif = dict(opened.getexif())
            found = {**opened.info, "exif": exif, "profile": opened.info.get("icc_profile")}
            return repr(found).encode()
    except OSError:
        return b""


def _saved(kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(picture())) as image:
        image.save(out, kind, **more)
    return out.getvalue()
