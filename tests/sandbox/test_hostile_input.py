"""No bytes bring the sandbox out of step: it takes them or refuses them."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from venice_client.sandbox.form import form_payload, json_value
from venice_client.sandbox.inputs import open_image
from venice_client.sandbox.response import Refusal

BOUNDARIES = st.one_of(
    st.text(max_size=20), st.sampled_from(["x", '"x"', '"', "*0*=utf-8''x", "é"])
)
PIECES = st.lists(
    st.sampled_from(
        [
            b"--x",
            b"--x--",
            b"\r\n",
            b"\n",
            b'Content-Disposition: form-data; name="image"; filename="a.png"',
            b"Content-Disposition: form-data; name=prompt",
            b"Content-Disposition: form-data; name*=bogus'x'%ff",
            b"Content-Type: image/png",
            b":",
            b"\xff\x00",
        ]
    )
    | st.binary(max_size=8)
)


@contextlib.contextmanager
def refused_or_not(*statuses):
    """Lets a refusal with one of these statuses pass."""
    refusals = []
    try:
        yield
    except Refusal as refusal:
        refusals.append(refusal.status)
    assert set(refusals) <= set(statuses)


FORMATS = ("PNG", "JPEG", "WEBP", "AVIF")


@given(BOUNDARIES, PIECES)
@example("x", [])
@example("x", [b"--x--"])
@example("x", [b"--x\r\n\r\n\r\n\r\n--x--"])
def test_any_form_is_read_or_refused(boundary, pieces):
    content_type = f"multipart/form-data; boundary={boundary}"
    with refused_or_not(400):
        form, payload = form_payload(content_type, b"".join(pieces))
        assert set(form) == set(payload)


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.sampled_from(["é", "\ud800"]).map(repr).map(str.encode)
)
def test_any_json_is_read_or_refused(body):
    with refused_or_not(400):
        json_value(body)


def pictures():
    for name in FORMATS:
        out = io.BytesIO()
        try:
            Image.linear_gradient("L").convert("RGB").save(out, name)
        except (KeyError, OSError):
            continue  # a Pillow that cannot write it
        yield pytest.param(out.getvalue(), id=name)


@pytest.mark.parametrize("whole", list(pictures()))
@given(data=st.data())
def test_a_damaged_picture_is_decoded_or_refused(whole, data):
    position = st.integers(0, min(len(whole) - 1, 200)) | st.integers(0, len(whole) - 1)
    damaged = bytearray(whole)
    for index in data.draw(st.lists(position, min_size=1, max_size=6)):
        damaged[index] = data.draw(st.integers(0, 255))
    with refused_or_not(400, 422):
        open_image("image", bytes(damaged[: data.draw(st.just(len(whole)) | position)]))


@given(st.text())
@example("é")
@example("data:image/png;base64,é")
@example("data:,")
@example("http://")
def test_any_text_in_place_of_a_picture_is_refused(text):
    with pytest.raises(Refusal):
        open_image("image", text)
