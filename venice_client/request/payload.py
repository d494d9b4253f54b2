"""The payload that a request builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..imaging.input_image import InputFile
from .checks import check_encodable
from .masked_edit import MaskedEdit

LEFT_OUT = "(left out)"
MESSAGES = "messages"


@dataclass(frozen=True)
class Payload:
    """A payload to send: the endpoint, its fields, and warnings about unsupported settings.

    files: field name and image of each file; with files a form is sent, else JSON. Those of
    "messages" are in the JSON, where LEFT_OUT stands. expected: (width, height) of the response, or
    None if that is unknown or a warning already names it.
    if_refused: a possible reason, for the error if Venice refuses it. masked: puts the response
    under a mask, or None.
    """

    path: str
    fields: dict[str, Any]
    warnings: tuple[str, ...] = ()
    files: tuple[tuple[str, InputFile], ...] = ()
    expected: tuple[int, int] | None = None
    if_refused: str = ""
    masked: MaskedEdit | None = None

    def __post_init__(self) -> None:
        """Raise InvalidRequestError for a text that no request can carry."""
        for name, value in self.fields.items():
            if isinstance(value, str):
                check_encodable(name, value)

    @property
    def is_empty(self) -> bool:
        """Whether there's nothing to send, since the mask covers nothing."""
        return self.masked is not None and self.masked.is_empty

    @property
    def shown(self) -> dict[str, Any]:
        """The fields to send, with "(left out)" in place of image data."""
        shown = dict(self.fields)
        if references := shown.get("style_references"):
            shown["style_references"] = [{**each, "image": LEFT_OUT} for each in references]
        names = [name for name, _ in self.files if name != MESSAGES]
        for name in dict.fromkeys(names):
            count = names.count(name)
            shown[name] = LEFT_OUT if name == "image" else [LEFT_OUT] * count
        return shown
