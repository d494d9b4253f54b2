"""The endpoints: which there are, and what the free ones answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from .edits import cutout_task, edit_task, multi_edit_task, upscale_task
from .generate import generate_task
from .ledger import Ledger
from .limits import NO_LIMIT, Limits
from .models import all_models, all_styles, model_traits
from .openai_images import generations_task
from .response import Refusal, Response, json_response
from .task import Task

TYPES = ("asr", "embedding", "image", "music", "text", "tts", "upscale", "inpaint", "video")


@dataclass(frozen=True)
class PaidEndpoint:
    """How a paid endpoint checks a request, and whether it takes forms with files."""

    check: Callable[[Mapping[str, Any]], Task]
    takes_files: bool = False


@dataclass(frozen=True)
class FreeEndpoint:
    """What a free endpoint answers to a query, and whether it needs the key."""

    answer: Callable[[str, Ledger, Limits], Response]
    needs_key: bool = False


def _list_models(query: str, _ledger: Ledger, _limits: Limits) -> Response:
    wanted = _type_in(query, (*TYPES, "all", "code"))
    models = all_models().values()
    entries = [model.entry for model in models if wanted in ("all", model.type)]
    return json_response({"data": entries, "object": "list", "type": wanted})


def _list_traits(query: str, _ledger: Ledger, _limits: Limits) -> Response:
    wanted = _type_in(query, TYPES)
    return json_response({"data": model_traits(wanted), "object": "list", "type": wanted})


def _list_mapping(query: str, _ledger: Ledger, _limits: Limits) -> Response:
    wanted = _type_in(query, TYPES)
    return json_response({"data": {}, "object": "list", "type": wanted})


def _list_styles(_query: str, _ledger: Ledger, _limits: Limits) -> Response:
    return json_response({"data": list(all_styles()), "object": "list"})


def _rate_limits(_query: str, ledger: Ledger, limits: Limits) -> Response:
    each = NO_LIMIT if limits.rate_limit is None else limits.rate_limit
    limit = {"amount": each, "type": "RPM"}
    generating = [model.id for model in all_models().values() if model.type != "upscale"]
    tomorrow = time.gmtime((time.time() // 86_400 + 1) * 86_400)
    data = {
        "accessPermitted": ledger.left_usd > 0,
        "apiTier": {"id": "paid", "isCharged": True},
        "balances": {"USD": ledger.left_usd, "DIEM": 0.0},
        "keyExpiration": None,
        "nextEpochBegins": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", tomorrow),
        "rateLimits": [{"apiModelId": name, "rateLimits": [limit]} for name in generating],
    }
    return json_response({"data": data})


def _balance(_query: str, ledger: Ledger, _limits: Limits) -> Response:
    told = {
        "canConsume": ledger.left_usd > 0,
        "consumptionCurrency": "USD",
        "balances": {"diem": None, "usd": ledger.left_usd},
        "diemEpochAllocation": 0.0,
    }
    return json_response(told)


def _type_in(query: str, known: tuple[str, ...]) -> str:
    wanted = parse_qs(query, keep_blank_values=True).get("type", ["text"])[-1]
    if wanted not in known:
        raise Refusal(400, "INVALID_REQUEST", f"Unknown model type: {wanted:.40}")
    return wanted


PAID_ENDPOINTS: Mapping[str, PaidEndpoint] = {
    "/image/generate": PaidEndpoint(generate_task),
    "/image/edit": PaidEndpoint(edit_task, takes_files=True),
    "/image/multi-edit": PaidEndpoint(multi_edit_task, takes_files=True),
    "/image/upscale": PaidEndpoint(upscale_task, takes_files=True),
    "/image/background-remove": PaidEndpoint(cutout_task, takes_files=True),
    "/images/generations": PaidEndpoint(generations_task),
}
FREE_ENDPOINTS: Mapping[str, FreeEndpoint] = {
    "/models": FreeEndpoint(_list_models),
    "/models/traits": FreeEndpoint(_list_traits),
    "/models/compatibility_mapping": FreeEndpoint(_list_mapping),
    "/image/styles": FreeEndpoint(_list_styles),
    "/api_keys/rate_limits": FreeEndpoint(_rate_limits, needs_key=True),
    "/billing/balance": FreeEndpoint(_balance, needs_key=True),
}
