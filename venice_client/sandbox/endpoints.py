"""The endpoints, and the answers of the free ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from .account import Account
from .chat import chat_task
from .edits import cutout_task, edit_task, multi_edit_task, upscale_task
from .generate import generate_task
from .models import all_models, all_styles
from .response import Refusal, Response, json_response
from .task import Task

TYPES = ("asr", "embedding", "image", "music", "text", "tts", "upscale", "inpaint", "video")
LISTED_TYPES = (*TYPES, "all", "code")


@dataclass(frozen=True)
class PaidEndpoint:
    """A paid endpoint: its check of a request, and whether it takes forms with files."""

    check: Callable[[Mapping[str, Any]], Task]
    takes_files: bool = True


@dataclass(frozen=True)
class FreeEndpoint:
    """A free endpoint: its answer to a query string, and whether it needs a key."""

    answer: Callable[[str, Account], Response]
    needs_key: bool = False


def _list_models(query: str, _account: Account) -> Response:
    wanted = parse_qs(query, keep_blank_values=True).get("type", ["text"])[-1]
    if wanted not in LISTED_TYPES:
        raise Refusal(400, "INVALID_REQUEST", f"Unknown model type: {wanted:.40}")
    models = all_models().values()
    entries = [model.entry for model in models if wanted in ("all", model.type)]
    return json_response({"data": entries, "object": "list", "type": wanted})


def _list_styles(_query: str, _account: Account) -> Response:
    return json_response({"data": list(all_styles()), "object": "list"})


def _rate_limits(_query: str, account: Account) -> Response:
    limit = {"amount": account.requests_per_minute, "type": "RPM"}
    generating = [model.id for model in all_models().values() if model.type != "upscale"]
    tomorrow = time.gmtime((time.time() // 86_400 + 1) * 86_400)
    data = {
        "accessPermitted": account.left_usd > 0,
        "apiTier": {"id": "paid", "isCharged": True},
        "balances": {"USD": account.left_usd, "DIEM": 0.0},
        "keyExpiration": None,
        "nextEpochBegins": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", tomorrow),
        "rateLimits": [{"apiModelId": name, "rateLimits": [limit]} for name in generating],
    }
    return json_response({"data": data})


def _balance(_query: str, account: Account) -> Response:
    data = {
        "canConsume": account.left_usd > 0,
        "consumptionCurrency": "USD",
        "balances": {"diem": None, "usd": account.left_usd},
        "diemEpochAllocation": 0.0,
    }
    return json_response(data)


PAID_ENDPOINTS: Mapping[str, PaidEndpoint] = {
    "/image/generate": PaidEndpoint(generate_task, takes_files=False),
    "/image/edit": PaidEndpoint(edit_task),
    "/image/multi-edit": PaidEndpoint(multi_edit_task),
    "/image/upscale": PaidEndpoint(upscale_task),
    "/image/background-remove": PaidEndpoint(cutout_task),
    "/chat/completions": PaidEndpoint(chat_task, takes_files=False),
}
FREE_ENDPOINTS: Mapping[str, FreeEndpoint] = {
    "/models": FreeEndpoint(_list_models),
    "/image/styles": FreeEndpoint(_list_styles),
    "/api_keys/rate_limits": FreeEndpoint(_rate_limits, needs_key=True),
    "/billing/balance": FreeEndpoint(_balance, needs_key=True),
}
