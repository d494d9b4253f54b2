"""Every fault of the sandbox, and how a run must end that meets it in each of its requests."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from PIL import Image

from fault_columns import Column
from faulty_sandbox import Fault

Make = Callable[[], Fault]


@dataclass(frozen=True)
class Row:
    """A fault, and what becomes of a run all of whose requests meet it.

    error: the type of the error of each request, "" where images are shown. error_of_edit: of
    an edit, where it is another one. says: what its
    first line (or a warning in `info`) must match. warns: what a warning says where the node
    shows a flagged image, since it has no `if_flagged`. tries: how often one request is sent.
    charged: whether each try was charged. kept: whether the answer lies in the store. images:
    how many are shown, where it is another number than asked. holds_for_all: whether requests
    not yet sent are dropped. only: the kind of answer it is for, "" for all.
    """

    name: str
    fault: Make
    error: str = ""
    says: str = ""
    warns: str = ""
    tries: int = 1
    charged: bool = True
    kept: bool = False
    pictures: int | None = None
    holds_for_all: bool = False
    only: str = ""
    error_of_edit: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def fits(self, column: Column) -> bool:
        """Whether this fault can happen to that kind of answer."""
        return self.only in ("", *column.kinds)

    def error_of(self, column: Column) -> str:
        """The type of the error of each request, "" where images are shown."""
        if self.error == "FlaggedImageError" and not column.has_flag:
            return ""
        return self.error_of_edit if self.error_of_edit and column.is_edit else self.error


def picture(width: int = 64, height: int = 64, kind: str = "PNG") -> bytes:
    """An encoded image that is not of one colour."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@cache
def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A small PNG that claims to be huge, and whose pixels are really there (all of them 0)."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    row = packer.compress(bytes(width + 1)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = (width + 1) * height % 65521 << 16 | 1  # the Adler-32 of so many zeros
    pixels = b"\x78\xda" + row * height + packer.flush() + struct.pack(">I", checksum)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


def in_json(*images: bytes | str, **more: Any) -> bytes:
    """An answer of `/image/generate` in JSON."""
    texts = [i if isinstance(i, str) else base64.b64encode(i).decode() for i in images]
    return json.dumps({"id": "generate-image-1", "images": texts, "timing": {}, **more}).encode()


def _status(code: int, word: str = "", **more: Any) -> Make:
    told = {"error": f"Sandbox says {code}", **({"code": word} if word else {})}
    return lambda: Fault.status(code, told, **more)


def _refusal(code: int, error: str, says: str, word: str = "", **more: Any) -> Row:
    name = f"status {code}" + (f" {word}" if word else "")
    return Row(name, _status(code, word), error, says, charged=False, **more)


BEHIND_GATEWAY = "gateway.*not sent again.*may have been charged.*Running again"
TOO_LATE = "too long to answer.*not sent again.*may have been charged.*Running again"
SHORT = {"VENICE_TIMEOUT": "1"}

ROWS = (
    # Refusals: an error at once, nothing charged, nothing kept.
    Row(
        "redirect",
        lambda: Fault.redirect("https://elsewhere.invalid/x"),
        "RedirectError",
        r"redirects to elsewhere\.invalid.*Check the address",
        charged=False,
    ),
    _refusal(400, "BadRequestError", "rejected the request", "INVALID_REQUEST"),
    _refusal(
        400,
        "BadRequestError",
        r"(The model `[\w-]+`|This model) doesn't exist.*Choose another",
        "INVALID_MODEL",
    ),
    _refusal(401, "AuthenticationError", "accept your API key.*Check", holds_for_all=True),
    _refusal(
        402,
        "PaymentRequiredError",
        "balance is too low.*Add credit",
        "INSUFFICIENT_BALANCE",
        holds_for_all=True,
    ),
    _refusal(
        402,
        "PaymentRequiredError",
        "own USD limit.*Raise it",
        "API_KEY_USD_SPEND_LIMIT_EXCEEDED",
        holds_for_all=True,
    ),
    _refusal(403, "PermissionDeniedError", "can't use .*privacy setting", holds_for_all=True),
    _refusal(404, "NotFoundError", "Choose another", "MODEL_NOT_FOUND"),
    _refusal(410, "NotFoundError", "retired.*Choose another"),
    _refusal(413, "PayloadTooLargeError", "too large", "PAYLOAD_TOO_LARGE"),
    _refusal(415, "UnsupportedContentError", "type of content", "INVALID_CONTENT_TYPE"),
    _refusal(
        422,
        "UnprocessableError",
        "Change the prompt",
        "CONTENT_POLICY_VIOLATION",
        error_of_edit="RefusedEditError",
    ),
    _refusal(500, "ServerError", "several times.*Try again", "INFERENCE_FAILED", tries=4),
    _refusal(503, "ServerError", "at capacity. Try again", "MODEL_AT_CAPACITY", tries=4),
    Row(
        "429 for ten minutes",
        lambda: Fault.status(429, headers={"Retry-After": "600"}),
        "RateLimitError",
        "rate-limited for another 10 minutes. Try again later",
        charged=False,
        holds_for_all=True,
    ),
    Row("echoed key", Fault.echo_key, "BadRequestError", "rejected the request", charged=False),
    # A gateway gives up: never sent again, since a charge may hide behind it.
    Row("status 502", _status(502), "GatewayError", BEHIND_GATEWAY, charged=False),
    Row("status 504", _status(504), "GatewayError", TOO_LATE, charged=False),
    Row("502, charged", _status(502, charge=True), "GatewayError", BEHIND_GATEWAY),
    Row("504, charged", _status(504, "REQUEST_TIMEOUT", charge=True), "GatewayError", TOO_LATE),
    Row(
        "a gateway's page",
        lambda: Fault.status(502, body=b"<html>" + b"x" * 10_000_000),
        "GatewayError",
        BEHIND_GATEWAY,
        charged=False,
    ),
    # The connection breaks once the request was sent: never sent again.
    Row("reset", Fault.reset, "ResponseLostError", "may have been charged", charged=False),
    Row("reset, charged", lambda: Fault.reset(True), "ResponseLostError", "may have been charged"),
    Row("closed", Fault.close, "ResponseLostError", "may have been charged", charged=False),
    Row("closed, charged", lambda: Fault.close(True), "ResponseLostError", "may have been charged"),
    Row(
        "cut",
        Fault.cut,
        "ResponseLostError",
        "lost before the response arrived.*may have been charged",
    ),
    Row("cut to nothing", lambda: Fault.cut(0.0), "ResponseLostError", "may have been charged"),
    Row(
        "hangs",
        lambda: Fault.hang(90),
        "ResponseLostError",
        r"didn't answer within \d+ s.*may have been charged",
        settings=SHORT,
    ),
    Row(
        "drips",
        lambda: Fault.slow_body(20),
        "ResponseLostError",
        r"didn't answer within \d+ s.*may have been charged",
        settings=SHORT,
    ),
    # Answers that are no images.
    Row("endless", Fault.endless, "BadResponseError", r"exceeds \d+ MB.*may have been charged"),
    Row(
        "gzip bomb",
        Fault.gzip_bomb,
        "BadResponseError",
        r"exceeds \d+ MB.*may have been charged",
    ),
    Row(
        "no base64",
        Fault.bad_base64,
        "BadResponseError",
        "base64.*may have been charged",
        only="json",
    ),
    Row(
        "no base64 for a picture",
        Fault.bad_base64,
        "BadResponseError",
        "base64.*may have been charged",
        only="binary",
    ),
    Row(
        "a page for a picture",
        lambda: Fault.foreign_bytes(b"<!doctype html><title>Log in</title>", "text/html"),
        "BadResponseError",
        "a web page.*may have been charged",
    ),
    Row("empty body", lambda: Fault.body(b""), "BadResponseError", "it is empty"),
    Row(
        "half a PNG",
        lambda: Fault.foreign_bytes(picture()[:90]),
        "BadResponseError",
        "is incomplete",
    ),
    Row(
        "a PNG's head",
        lambda: Fault.foreign_bytes(b"\x89PNG\r\n\x1a\n"),
        "BadResponseError",
        "incomplete",
    ),
    Row(
        "a huge PNG",
        lambda: Fault.foreign_bytes(bomb(9000, 9000)),
        "BadResponseError",
        r"claims 9000 × 9000 pixels",
    ),
    Row(
        "no images",
        lambda: Fault.body(in_json(), "application/json"),
        "BadResponseError",
        "contains no image",
        only="json",
    ),
    Row(
        "images is null",
        lambda: Fault.body(b'{"images": null}', "application/json"),
        "BadResponseError",
        "contains no image",
        only="json",
    ),
    Row(
        "JSON list",
        lambda: Fault.body(b"[]", "application/json"),
        "BadResponseError",
        "contains no image",
        only="json",
    ),
    Row(
        "deep JSON",
        lambda: Fault.body(b"[" * 100_000, "application/json"),
        "BadResponseError",
        "isn't a readable image",
        only="json",
    ),
    # Images after all, with or without a word.
    Row("promises more", lambda: Fault.wrong_length(7), kept=True),
    Row(
        "promises less",
        lambda: Fault.wrong_length(-7),
        "BadResponseError",
        "is incomplete|isn't a readable image",
    ),
    Row("a lie about gzip", lambda: Fault.headers({"Content-Encoding": "gzip"}), kept=True),
    Row(
        "NaN",
        lambda: Fault.body(
            in_json(picture()).replace(b"{}", b'{"total": NaN}'), "application/json"
        ),
        says="Venice returned 1 image instead of 4",
        kept=True,
        pictures=1,
        only="json",
    ),
    Row("slow", lambda: Fault.latency(0.3), kept=True),
    Row("other headers", lambda: Fault.headers({"x-venice-unknown": "1"}), kept=True),
    Row(
        "deprecated",
        lambda: Fault.headers(
            {
                "x-venice-model-deprecation-warning": "Going soon",
                "x-venice-model-deprecation-date": "2026-12-31T00:00:00Z",
                "x-venice-deprecated-replacement": "venice-sd35",
            }
        ),
        says=r"deprecated and will be removed on 2026-12-31. Use `venice-sd35` instead",
        kept=True,
    ),
    Row(
        "blurred",
        Fault.flags,
        "FlaggedImageError",
        "since safe_mode is on.*saved.*if_flagged",
        warns="since safe_mode is on",
        kept=True,
    ),
    Row(
        "violation",
        Fault.violation,
        "ContentViolationError",
        "violates the content policy.*weren't charged.*Change the prompt",
        charged=False,
        only="generated",
    ),
    # What has more to it than its status.
    Row(
        "refused edit",
        Fault.refused_edit,
        "RefusedEditError",
        "can't process.*content moderation.*may have been charged",
        charged=False,
        only="edited",
    ),
    Row(
        "refused edit, charged",
        lambda: Fault.refused_edit(charge=True),
        "RefusedEditError",
        "can't process.*content moderation.*may have been charged",
        only="edited",
    ),
    Row(
        "busy for ten minutes",
        lambda: Fault.overloaded(600),
        "RateLimitError",
        "is busy for another 10 minutes. Choose another model",
        charged=False,
        holds_for_all=True,
    ),
    Row(
        "402 without a key",
        lambda: Fault.status(402, {"error": "Payment required", "x402Version": 1}),
        "PaymentRequiredError",
        "Venice received no API key",
        charged=False,
        holds_for_all=True,
    ),
    Row(
        "another size",
        lambda: Fault.size(96, 48),
        says="96 × 48 instead of 64 × 64",
        kept=True,
        only="generated",
    ),
    Row(
        "another size than made",
        lambda: Fault.size(96, 48),
        says="96 × 48",
        kept=True,
        only="changed",
    ),
    Row(
        "too few",
        lambda: Fault.count(3),
        says="Venice returned 3 images instead of 4",
        kept=True,
        pictures=3,
        only="json",
    ),
    Row(
        "too many",
        lambda: Fault.count(6),
        says="Venice returned 6 images instead of 4; the extra ones are left out",
        kept=True,
        only="json",
    ),
)
