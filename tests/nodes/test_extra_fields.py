"""Fields of the API without an input: sent, shown, remembered; refused unsent if wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bench import Bench

EXIF = '{"embed_exif_metadata": true}'


def test_they_are_sent_shown_and_part_of_the_key(bench: Bench) -> None:
    bench.generate()
    end = bench.generate(extra_fields=EXIF)
    again = bench.generate(extra_fields='{ "embed_exif_metadata":true }')

    assert end.sent[0]["embed_exif_metadata"] is True
    assert end.info["requests"][0]["embed_exif_metadata"] is True
    assert end.charged > 0
    assert "about $0.01 plus extra fields" in " ".join(end.texts)
    assert again.charged == 0


@pytest.mark.parametrize("text", ["[]", "{", '{"variants": 2}', '{"steps": 4}'])
def test_wrong_ones_are_refused_unsent(bench: Bench, text: str) -> None:
    end = bench.generate(extra_fields=text)
    assert end.error_name == "InvalidRequestError"
    assert "extra_fields" in end.first_line
    assert not end.sent


def test_an_edit_sends_them_in_its_form(bench: Bench, pictures: Any) -> None:
    end = bench.run(
        "VeniceEditImage",
        image=pictures(),
        prompt="a hat",
        model="firered-image-edit",
        extra_fields='{"film": {"grain": 1}}',
    )
    (sent,) = end.sent
    assert sent["film"] == '{"grain": 1}'
    assert "film" in end.first_line  # the sandbox is as strict as Venice
    assert end.charged == 0
