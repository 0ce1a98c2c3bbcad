"""Lists of the contract: page by page with an opaque cursor, and unchanged ones without a body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.portal.moments import moment_of, stamp
from sandbox.portal.problems import Refusal

MAX_LIMIT = 500
USUAL_LIMIT = 100
MARK = "after:"


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a list that is asked for: at most `limit` items behind the key `after` ("" is the beginning)."""

    after: str
    limit: int


def window(request: Request) -> Window:
    """What `cursor` and `limit` ask for; raises `Refusal` for a cursor that no list gave."""
    limit = request.query_params.get("limit", str(USUAL_LIMIT))
    if not re.fullmatch(r"[0-9]{1,6}", limit) or not 1 <= int(limit) <= MAX_LIMIT:
        raise Refusal("malformed-request", f"limit is a number from 1 to {MAX_LIMIT}.")
    return Window(_opened(request.query_params.get("cursor", "")), int(limit))


def filter_in(request: Request, name: str, most: int) -> str | None:
    """A filter in the query; raises `Refusal` when it is longer than what it filters can be."""
    value = request.query_params.get(name)
    if value is not None and len(value) > most:
        raise Refusal("malformed-request", f"{name} has at most {most} characters.")
    return value


def moment_in(request: Request, name: str) -> str | None:
    """A moment in the query as the portal stores moments; raises `Refusal` when it is none."""
    text = request.query_params.get(name)
    try:
        return None if text is None else stamp(moment_of(text))
    except ValueError:
        raise Refusal("malformed-request", f"{name} is no RFC 3339 time with its zone.") from None


def page(found: list[dict[str, Any]], key: str, wanted: Window) -> dict[str, Any]:
    """One page of what was found behind the window's start; an item beyond the limit says that there is more."""
    items = found[: wanted.limit]
    more = len(found) > wanted.limit
    return {"items": items, "next_cursor": _sealed(str(items[-1][key])) if more else None}


def tagged(request: Request, content: dict[str, Any], prefix: str = "") -> Response:
    """The content with a strong ETag, or 304 to whom has it already (RFC 9110 section 13.1.2)."""
    tag = f'"{prefix}{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]}"'
    if tag in opaque_tags(request.headers.get("If-None-Match")):
        return Response(status_code=304, headers={"ETag": tag})
    return JSONResponse(content, headers={"ETag": tag})


def strong_tags(header: str | None) -> list[str]:
    """The quoted tags of If-Match; weak ones match nothing there (RFC 9110 section 13.1.1)."""
    return re.findall(r'(?<!W/)"[^"]*"|\*', re.sub(r'W/"[^"]*"', "", header or ""))


def opaque_tags(header: str | None) -> list[str]:
    """The quoted tags of If-Match or If-None-Match, weak marks left out; `*` stands for itself."""
    return re.findall(r'"[^"]*"|\*', header or "")


def _sealed(key: str) -> str:
    return base64.urlsafe_b64encode(f"{MARK}{key}".encode()).decode().rstrip("=")


def _opened(cursor: str) -> str:
    if not cursor:
        return ""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith(MARK):
        raise Refusal("malformed-request", "The cursor comes from no list of this portal.")
    return text.removeprefix(MARK)
