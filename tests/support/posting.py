"""One paid call by a client's transport alone, without checks, prices or the store."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from venice_client import Progress, VeniceClient
from venice_client.transport.request_body import request_body
from venice_client.transport.response import Response
from venice_client.transport.status_errors import error_for

PATH = "/image/generate"


def post(
    client: VeniceClient, fields: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> Response:
    """Return the response to a request of generate with these fields."""
    fields = fields or {"prompt": "x"}
    transport, model = client._transport, str(fields.get("model", ""))
    explain = partial(error_for, path=PATH, address=transport.address(PATH), model=model)
    return transport.post(PATH, request_body(fields), explain, progress or Progress(), model)
