"""Every endpoint: from a request's fields to the answer and its price."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from .answers import JSON_TYPE, Answer, Refusal, json_answer
from .drawing import draw_scene, encoded
from .edits import PictureJob, checked_cutout, checked_edit, checked_multi_edit, checked_upscale
from .faults import GENERATE, Fault
from .generate import GenerateJob, checked_generate, enhanced_header
from .ledger import Ledger
from .models import all_models, all_styles

MODEL_TYPES = (
    "asr",
    "embedding",
    "image",
    "music",
    "text",
    "tts",
    "upscale",
    "inpaint",
    "video",
    "all",
    "code",
)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Task:
    """A paid request that holds: what it costs, and how to make its answer."""

    service: str
    usd: float
    seed: int | None
    make: Callable[[Fault | None], Answer]


@dataclass(frozen=True)
class PaidEndpoint:
    """How a paid endpoint checks a request; `files` are the fields that may be uploaded."""

    check: Callable[[Mapping[str, Any]], Task]
    files: tuple[str, ...] = ()


def _generate_task(payload: Mapping[str, Any]) -> Task:
    job = checked_generate(payload)
    seed = payload.get("seed")
    return Task(job.model.id, job.usd, seed, lambda fault: _generated(job, fault))


def _picture_task(
    check: Callable[[Mapping[str, Any]], PictureJob],
) -> Callable[[Mapping[str, Any]], Task]:
    def task(payload: Mapping[str, Any]) -> Task:
        job = check(payload)
        return Task(job.service, job.usd, None, lambda fault: _picture(job, fault))

    return task


PAID_ENDPOINTS: Mapping[str, PaidEndpoint] = {
    GENERATE: PaidEndpoint(_generate_task),
    "/image/edit": PaidEndpoint(_picture_task(checked_edit), ("image",)),
    "/image/multi-edit": PaidEndpoint(_picture_task(checked_multi_edit), ("images",)),
    "/image/upscale": PaidEndpoint(_picture_task(checked_upscale), ("image",)),
    "/image/background-remove": PaidEndpoint(_picture_task(checked_cutout), ("image",)),
}


def _picture(job: PictureJob, fault: Fault | None) -> Answer:
    body = job.picture(fault.picture_size if fault else None)
    return Answer(200, body, f"image/{job.format}", job.headers)


def _generated(job: GenerateJob, fault: Fault | None) -> Answer:
    began = time.monotonic()
    size = fault.picture_size if fault else None
    count = fault.picture_count if fault else None
    pictures = [
        encoded(draw_scene(job.scene(variant, size)), job.format, _metadata(job))
        for variant in range(job.variants if count is None else count)
    ]
    headers = {**job.model.deprecation_headers, **enhanced_header(job.enhanced_prompt)}
    if job.binary and count is None:
        return Answer(200, pictures[0], f"image/{job.format}", headers)
    took_ms = (time.monotonic() - began) * 1000
    told = {
        "id": f"generate-image-{time.time_ns()}-{next(_numbers)}",
        "images": [base64.b64encode(picture).decode("ascii") for picture in pictures],
        "timing": {
            "inferenceDuration": round(took_ms, 3),
            "inferencePreprocessingTime": 0.0,
            "inferenceQueueTime": 0.0,
            "total": round(took_ms, 3),
        },
        "request": {k: v for k, v in job.payload.items() if k != "style_references"},
    }
    return Answer(200, json.dumps(told).encode(), JSON_TYPE, headers)


def _metadata(job: GenerateJob) -> dict[str, object] | None:
    if not job.payload.get("embed_exif_metadata"):
        return None
    return {"prompt": job.payload["prompt"], "model": job.model.id, "seed": job.seed}


def list_models(query: str) -> Answer:
    """GET /models.

    Raises:
        Refusal: 400 for a type that the API does not know.
    """
    wanted = parse_qs(query).get("type", ["text"])[-1]
    if wanted not in MODEL_TYPES:
        raise Refusal(400, "INVALID_REQUEST", f"Unknown model type: {wanted:.40}")
    entries = [
        model.entry for model in all_models().values() if wanted == "all" or model.type == wanted
    ]
    return json_answer({"data": entries, "object": "list", "type": wanted})


def list_styles() -> Answer:
    """GET /image/styles."""
    return json_answer({"data": list(all_styles()), "object": "list"})


def rate_limits(ledger: Ledger, requests_a_minute: float) -> Answer:
    """GET /api_keys/rate_limits."""
    limit = {"amount": requests_a_minute, "type": "RPM"}
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
    return json_answer({"data": data})


def balance(ledger: Ledger) -> Answer:
    """GET /billing/balance."""
    told = {
        "canConsume": ledger.left_usd > 0,
        "consumptionCurrency": "USD",
        "balances": {"diem": None, "usd": ledger.left_usd},
        "diemEpochAllocation": 0.0,
    }
    return json_answer(told)
