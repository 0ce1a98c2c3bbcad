"""What comes in: bounded bodies that are one JSON object which can be stored and said again."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from sandbox.portal.problems import Refusal

MAX_BODY = 2 * 1024 * 1024


async def octets(request: Request, most: int = MAX_BODY) -> bytes:
    """The body; raises `Refusal` when it has more than `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refusal("batch-too-large", f"A body has at most {most} bytes.")
    return bytes(body)


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; raises `Refusal` for another media type, for no JSON, and for no object."""
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal("unsupported-media-type", "The body is to be application/json.")
    return parsed(await octets(request))


def parsed(body: bytes) -> dict[str, Any]:
    """JSON of RFC 8259: no NaN, no infinity, no half of a surrogate pair, none of which could be said again."""
    try:
        content = json.loads(body, parse_constant=_refused_constant)
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise Refusal("malformed-request", "The body is no JSON.") from None
    if not isinstance(content, dict):
        raise Refusal("malformed-request", "The body is no JSON object.")
    return content


def _refused_constant(name: str) -> None:
    raise ValueError(name)
