"""VeniceClient: one method an endpoint, thread-safe, synchronous."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import requests

from .catalogue import Catalogue, Model
from .credentials import ApiKey, Settings, load_settings, normalised_base_url
from .errors import ApiError, BadAnswer, BadRequest, NotFound
from .failures import with_hint
from .images import CHARGED
from .payloads import GenerateRequest, build_generate
from .progress import Progress
from .service import Service, gate_for, service_for
from .transport import Answer, Transport


@dataclass(frozen=True)
class GenerateResult:
    """The answer to one request for pictures.

    images: encoded, as they came. sent: the JSON object that was sent. timing: the server's, in
    milliseconds, or None. enhanced_prompt: the prompt that was used, where it was rewritten.
    """

    images: tuple[bytes, ...]
    sent: dict[str, Any]
    warnings: tuple[str, ...] = ()
    request_id: str | None = None
    timing: dict[str, float] | None = None
    enhanced_prompt: str | None = None
    is_blurred: bool = False
    is_violation: bool = False
    from_store: bool = False


@dataclass(frozen=True)
class Account:
    """What the key may do: the API's own objects for rate limits and balance."""

    rate_limits: dict[str, Any]
    balance: dict[str, Any]


class VeniceClient:
    """The Venice image API. Thread-safe; one for a process is enough.

    settings: from environment and file by default. key, base_url: override them. session: a
    requests.Session to use instead of an own one. Raises SettingsError where no key is set.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        key: str | None = None,
        base_url: str | None = None,
        session: requests.Session | None = None,
    ) -> None:
        self.settings = settings if settings is not None else load_settings()
        self.service = self._choose_service(key, base_url)
        self._transport = Transport(
            self.service.base_url,
            self.service.key,
            gate_for(self.service, self.settings.max_in_flight),
            self.settings.timeout,
            session,
        )
        self.catalogue = Catalogue(
            self.settings.home, self.service.name, self._fetch_models, self._fetch_styles
        )

    def generate_images(
        self, request: GenerateRequest, progress: Progress | None = None
    ) -> GenerateResult:
        """Makes one picture, or up to four variants. Costs money.

        Raises InvalidRequestError before anything is sent, then ApiError, ConnectionFailed,
        AnswerLost or BadAnswer; Cancelled when `progress` is dropped in time.
        """
        progress = progress or Progress()
        progress.enter("preparing")
        model = self.catalogue.await_model(request.model)
        payload = build_generate(request, model)
        try:
            answer = self._transport.post("/image/generate", payload.fields, progress)
        except ApiError as error:
            raise self._explained(error, request) from None
        return _generate_result(request, payload.fields, payload.notes, answer)

    def list_models(self, type: str | None = None) -> list[Model]:
        """The models as the service lists them now: "image", "inpaint", "upscale" or all. Free."""
        self.catalogue.refresh()
        return self.catalogue.models(type)

    def list_styles(self) -> list[str]:
        """The style presets as the service lists them now. Free."""
        return list(self._fetch_styles())

    def account(self) -> Account:
        """Rate limits and balance of the key. Free."""
        limits = self._transport.get("/api_keys/rate_limits").json()
        balance = self._transport.get("/billing/balance").json()
        data = limits.get("data") if isinstance(limits, dict) else None
        if not isinstance(data, dict) or not isinstance(balance, dict):
            raise BadAnswer("Venice's answer about the account has another form than published.")
        return Account(data, balance)

    def _choose_service(self, key: str | None, base_url: str | None) -> Service:
        changes: dict[str, Any] = {}
        if key is not None:
            changes["key"] = ApiKey(key)
        if base_url is not None:
            changes["base_url"] = normalised_base_url(base_url)
        self.settings = replace(self.settings, **changes)
        return service_for(self.settings)

    def _fetch_models(self, type: str) -> Sequence[Any]:
        return _data(self._transport.get("/models", {"type": type}).json())

    def _fetch_styles(self) -> Sequence[str]:
        styles = _data(self._transport.get("/image/styles").json())
        return [name for name in styles if isinstance(name, str)]

    def _explained(self, error: ApiError, request: GenerateRequest) -> ApiError:
        """The error with the nearest known model or style, where it is about one of them."""
        about_model = isinstance(error, NotFound) or error.code == "INVALID_MODEL"
        if about_model or (isinstance(error, BadRequest) and "model" in error.fields):
            found = self.catalogue.nearest_model(request.model)
            return with_hint(error, f"The nearest known model is `{found}`.") if found else error
        named = " ".join([error.api_message, *error.fields])
        if isinstance(error, BadRequest) and request.style_preset and "style" in named.lower():
            found = self.catalogue.nearest_style(request.style_preset)
            return with_hint(error, f"The nearest known style is `{found}`.") if found else error
        return error


@lru_cache(maxsize=4)
def shared_client(settings: Settings) -> VeniceClient:
    """The client of this process for these settings, so that its connections are kept."""
    return VeniceClient(settings)


def _generate_result(
    request: GenerateRequest, sent: dict[str, Any], notes: Sequence[str], answer: Answer
) -> GenerateResult:
    warnings = [*notes, *_deprecation(answer)]
    request_id: str | None = answer.headers.get("x-request-id")
    timing = None
    if request.is_binary:
        images: tuple[bytes, ...] = (answer.body,)
    else:
        data = answer.json()
        data = data if isinstance(data, dict) else {}
        images = _images(data.get("images"))
        request_id = data["id"] if isinstance(data.get("id"), str) else request_id
        timing = data["timing"] if isinstance(data.get("timing"), dict) else None
        if len(images) != request.variants:
            warnings.append(f"{request.variants} pictures were asked for, {len(images)} came.")
    return GenerateResult(
        images=images,
        sent=sent,
        warnings=tuple(warnings),
        request_id=request_id,
        timing=timing,
        enhanced_prompt=_unquoted(answer.headers.get("x-venice-enhanced-prompt")),
        is_blurred=_flag(answer, "x-venice-is-blurred"),
        is_violation=_flag(answer, "x-venice-is-content-violation"),
    )


def _images(encoded: Any) -> tuple[bytes, ...]:
    if not isinstance(encoded, list) or not encoded:
        raise BadAnswer(f"Venice's answer holds no image. {CHARGED}")
    return tuple(_image(text) for text in encoded)


def _image(text: Any) -> bytes:
    if not isinstance(text, str):
        raise BadAnswer(f"An image in Venice's answer is no text of base64. {CHARGED}")
    text = re.sub(r"^data:image/[a-z]+;base64,", "", text)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadAnswer(f"An image in Venice's answer is no valid base64. {CHARGED}") from None


def _deprecation(answer: Answer) -> list[str]:
    headers = answer.headers
    date = headers.get("x-venice-model-deprecation-date", "")
    text = headers.get("x-venice-model-deprecation-warning", "")
    if not date and not text and headers.get("x-venice-deprecated") != "true":
        return []
    replacement = headers.get("x-venice-deprecated-replacement", "")
    parts = ["This model is deprecated"]
    parts += [f" and goes on {date[:10]}"] if date else []
    parts += [f"; use `{replacement}` instead"] if replacement else []
    return ["".join(parts) + "." + (f" ({text[:200]})" if text else "")]


def _flag(answer: Answer, header: str) -> bool:
    return answer.headers.get(header, "").strip().lower() == "true"


def _unquoted(text: str | None) -> str | None:
    return unquote(text) if text else None


def _data(answer: Any) -> list[Any]:
    """The list in an answer, bare or under `data`."""
    data = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(data, list):
        raise BadAnswer("Venice's list has another form than published.")
    return data
