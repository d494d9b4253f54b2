"""Faults on the wire, and the plan for the next ones."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import Image

from venice_client.sandbox.response import JSON_TYPE, Response, json_response

When = Callable[[Any], bool]
Alter = Callable[[Response, Mapping[str, str]], Response]

GENERATE = "/image/generate"
CHAT = "/chat/completions"
PAID_PATHS = (
    GENERATE,
    "/image/edit",
    "/image/multi-edit",
    "/image/upscale",
    "/image/background-remove",
    CHAT,
)
BOMB_MEMBER_BYTES = 16 * 1024 * 1024
BOMB_MEMBERS = 64


class Delivery(Enum):
    """The ways to send a response."""

    WHOLE = "whole"
    RESET = "reset"
    CLOSE = "close"
    CUT = "cut"
    HANG = "hang"
    SLOW = "slow"
    WRONG_LENGTH = "wrong length"
    ENDLESS = "endless"

    @property
    def is_silent(self) -> bool:
        """Whether it sends not even a status line."""
        return self in (Delivery.RESET, Delivery.CLOSE, Delivery.HANG)


@dataclass(frozen=True)
class Fault:
    """One fault of a request that the API would accept.

    alter: changes the response. delivery, amount: the way to send it. charged: whether the request
    costs money anyway.
    """

    name: str
    charged: bool = True
    alter: Alter | None = None
    delivery: Delivery = Delivery.WHOLE
    amount: float = 0.0
    latency_s: float | None = None
    image_size: tuple[int, int] | None = None
    image_count: int | None = None

    def altered(self, answer: Response, request: Mapping[str, str]) -> Response:
        """Return the fault's response to a request with those headers."""
        return answer if self.alter is None else self.alter(answer, request)

    @classmethod
    def status(
        cls,
        code: int,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        charge: bool = False,
    ) -> Fault:
        """Any status, with a JSON value or raw bytes (HTML, unless a header says otherwise)."""
        if body is not None:
            answer = Response(code, body, "text/html", headers or {})
        else:
            told = {"error": f"Sandbox fault {code}"} if json is None else json
            answer = json_response(told, code, headers)
        return cls(f"status {code}", charge, alter=lambda _answer, _request: answer)

    @classmethod
    def reset(cls, charge: bool = False) -> Fault:
        """Reset the connection after reading the request."""
        return cls("reset", charge, delivery=Delivery.RESET)

    @classmethod
    def close(cls, charge: bool = False) -> Fault:
        """Close the connection in good order, without a response."""
        return cls("close", charge, delivery=Delivery.CLOSE)

    @classmethod
    def cut(cls, after: float = 0.5) -> Fault:
        """Send only that part of the promised body."""
        return cls("cut", delivery=Delivery.CUT, amount=after)

    @classmethod
    def hang(cls, seconds: float) -> Fault:
        """Read the request, send nothing for that long, and close the connection."""
        return cls("hang", delivery=Delivery.HANG, amount=seconds)

    @classmethod
    def slow_body(cls, bytes_per_second: float = 1) -> Fault:
        """Send the body in drips."""
        return cls("slow body", delivery=Delivery.SLOW, amount=bytes_per_second)

    @classmethod
    def wrong_length(cls, delta: int) -> Fault:
        """Send a Content-Length that is wrong by so many bytes, and close after the body."""
        return cls("wrong length", delivery=Delivery.WRONG_LENGTH, amount=delta)

    @classmethod
    def endless(cls) -> Fault:
        """A chunked body without end."""
        return cls("endless", delivery=Delivery.ENDLESS)

    @classmethod
    def bad_base64(cls) -> Fault:
        """A JSON response with an image that isn't base64."""
        return cls("bad base64", alter=_with_image("*** not base64 ***"))

    @classmethod
    def foreign_bytes(cls, content: bytes, content_type: str | None = None) -> Fault:
        """Other bytes instead of the image, in the JSON if the request wants JSON.

        A content type makes them the raw body in any case.
        """

        def alter(answer: Response, request: Mapping[str, str]) -> Response:
            if content_type is None and answer.content_type == JSON_TYPE:
                return _with_image(base64.b64encode(content).decode())(answer, request)
            return replace(answer, body=content, content_type=content_type or answer.content_type)

        return cls("foreign bytes", alter=alter)

    @classmethod
    def flags(cls) -> Fault:
        """A normal image, flagged as blurred."""
        return replace(cls.headers({"x-venice-is-blurred": "true"}), name="flags")

    @classmethod
    def violation(cls) -> Fault:
        """A content violation of generate: a 200 with its header, black, not charged."""

        def alter(answer: Response, request: Mapping[str, str]) -> Response:
            if answer.content_type == JSON_TYPE:
                images = json.loads(answer.body)["images"]
                black = [
                    base64.b64encode(_black(base64.b64decode(each))).decode() for each in images
                ]
                told = {**json.loads(answer.body), "images": black}
                answer = replace(answer, body=json.dumps(told).encode())
            else:
                answer = replace(answer, body=_black(answer.body), content_type="image/png")
            headers = {**answer.headers, "x-venice-is-content-violation": "true"}
            return replace(answer, headers=headers)

        return cls("violation", False, alter=alter)

    @classmethod
    def refused_edit(cls, charge: bool = False) -> Fault:
        """A 422 for an edit that moderation blocks: without `code`, charged or not."""
        told = {"error": "The image was blocked by content moderation"}
        return replace(cls.status(422, told, charge=charge), name="refused edit")

    @classmethod
    def overloaded(cls, seconds: int = 30) -> Fault:
        """A 429 for a busy model: Retry-After, without the key's own limit."""
        told = {"error": "The model is overloaded", "code": "MODEL_OVERLOADED"}
        headers = {"Retry-After": str(seconds), "x-ratelimit-reset-requests": ""}
        return replace(cls.status(429, told, headers=headers), name="overloaded")

    @classmethod
    def headers(cls, extra: Mapping[str, str]) -> Fault:
        """A normal response with added or changed headers."""

        def alter(answer: Response, _request: Mapping[str, str]) -> Response:
            return replace(answer, headers={**answer.headers, **extra})

        return cls("headers", alter=alter)

    @classmethod
    def latency(cls, seconds: float) -> Fault:
        """A normal response after that time, whatever the sandbox's latency."""
        return cls("latency", latency_s=seconds)

    @classmethod
    def redirect(cls, url: str, code: int = 307) -> Fault:
        """A redirect to another address."""
        answer = Response(code, b"", "text/html", {"Location": url})
        return cls("redirect", False, alter=lambda _answer, _request: answer)

    @classmethod
    def body(
        cls,
        content: bytes,
        content_type: str = "image/png",
        headers: Mapping[str, str] | None = None,
        charge: bool = True,
    ) -> Fault:
        """A 200 with that body."""
        answer = Response(200, content, content_type, headers or {})
        return cls("body", charge, alter=lambda _answer, _request: answer)

    @classmethod
    def answer(cls, **changes: Any) -> Fault:
        """A chat response with other parts: of the first choice, or of the response; None omits
        one.

        content: that of the message.
        """

        def alter(answer: Response, _request: Mapping[str, str]) -> Response:
            told = json.loads(answer.body)
            for name, value in changes.items():
                choice = told["choices"][0]
                place = (
                    choice["message"] if name == "content" else choice if name in choice else told
                )
                place[name] = value
                if value is None:
                    del place[name]
            return replace(answer, body=json.dumps(told).encode())

        return cls("answer", alter=alter)

    @classmethod
    def gzip_bomb(cls) -> Fault:
        """About a megabyte that unpacks to a gigabyte."""

        def alter(answer: Response, _request: Mapping[str, str]) -> Response:
            headers = {**answer.headers, "Content-Encoding": "gzip"}
            return replace(answer, body=_bomb(), headers=headers)

        return cls("gzip bomb", alter=alter)

    @classmethod
    def size(cls, width: int, height: int) -> Fault:
        """An image of another size than requested."""
        return cls("size", image_size=(width, height))

    @classmethod
    def count(cls, images: int) -> Fault:
        """A JSON response with so many images, whatever the request to /image/generate."""
        return cls("count", image_count=images)

    @classmethod
    def echo_key(cls) -> Fault:
        """A 400 that repeats the Authorization header, in its text and in a header."""

        def alter(_answer: Response, request: Mapping[str, str]) -> Response:
            sent = request.get("authorization", "")
            told = {"error": f"Cannot use the credentials {sent}", "code": "INVALID_REQUEST"}
            return json_response(told, 400, {"x-venice-debug": sent})

        return cls("echo key", False, alter=alter)


@dataclass
class _Planned:
    fault: Fault
    path: str | None
    left: int | None
    when: When | None


@dataclass
class FaultPlan:
    """The planned faults, in order. Thread-safe."""

    _planned: list[_Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, path: str | None, times: int | None, when: When | None) -> None:
        """Commit `fault` on the next `times` requests to `path` (None: any paid) that fit."""
        if fault.image_count is not None and path != GENERATE:
            raise ValueError(f"Fault.count is for {GENERATE} only")
        with self._lock:
            self._planned.append(_Planned(fault, path, times, when))

    def clear(self) -> None:
        """Commit no more faults."""
        with self._lock:
            self._planned.clear()

    def take(self, path: str, payload: Any) -> Fault | None:
        """Take the first planned fault that fits, or None."""
        with self._lock:
            for planned in self._planned:
                if planned.path != path and not (planned.path is None and path in PAID_PATHS):
                    continue
                if planned.when is not None and not planned.when(payload):
                    continue
                if planned.left is not None:
                    planned.left -= 1
                    if planned.left <= 0:
                        self._planned.remove(planned)
                return planned.fault
        return None


def _black(image: bytes) -> bytes:
    out = BytesIO()
    Image.new("RGB", Image.open(BytesIO(image)).size).save(out, "PNG")
    return out.getvalue()


def _with_image(text: str) -> Alter:
    def alter(answer: Response, _request: Mapping[str, str]) -> Response:
        told: dict[str, Any] = {"id": "generate-image-0", "images": [text], "timing": {}}
        if answer.content_type == JSON_TYPE:
            told = json.loads(answer.body)
            told["images"] = [text for _ in told["images"]]
        return replace(answer, body=json.dumps(told).encode(), content_type=JSON_TYPE)

    return alter


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    # Gzip members may follow one another, so one small member repeated is enough.
    return gzip.compress(bytes(BOMB_MEMBER_BYTES), 9, mtime=0) * BOMB_MEMBERS
