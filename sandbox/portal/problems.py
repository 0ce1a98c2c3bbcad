"""Problem documents (RFC 9457): every refusal has a machine-readable name from the contract's closed list."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

STATUS = {
    "malformed-request": 400,
    "idempotency-key-missing": 400,
    "token-invalid": 401,
    "client-assertion-rejected": 401,
    "scope-not-unlocked": 403,
    "enrolment-code-rejected": 403,
    "equipment-not-assigned": 403,
    "contract-inactive": 403,
    "equipment-unknown": 404,
    "not-found": 404,
    "method-not-allowed": 405,
    "idempotency-request-in-progress": 409,
    "client-reference-reused": 409,
    "order-already-open": 409,
    "automatic-supply-active": 409,
    "notification-already-open": 409,
    "too-many-keys": 409,
    "last-key": 409,
    "equipment-decommissioned": 410,
    "precondition-failed": 412,
    "batch-too-large": 413,
    "unsupported-media-type": 415,
    "idempotency-key-reused": 422,
    "reading-below-last": 422,
    "reading-above-subsequent": 422,
    "reading-not-integer": 422,
    "reading-exceeds-overflow": 422,
    "read-at-in-future": 422,
    "measuring-point-unknown": 422,
    "unit-mismatch": 422,
    "serial-mismatch": 422,
    "mandatory-counter-missing": 422,
    "material-not-in-bill-of-material": 422,
    "material-not-orderable": 422,
    "quantity-exceeds-limit": 422,
    "key-rejected": 422,
    "agent-too-old": 426,
    "precondition-required": 428,
    "rate-limited": 429,
    "internal-error": 500,
    "maintenance": 503,
}
TYPES = "https://portal.example/problems/"
RETRYABLE = frozenset({"idempotency-request-in-progress", "rate-limited", "internal-error", "maintenance"})


class Refusal(Exception):
    """A request or an item is refused; `slug` names the problem, `extensions` its facts."""

    def __init__(self, slug: str, detail: str, **extensions: Any) -> None:  # noqa: ANN401  JSON values
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.extensions = extensions

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.slug]

    def document(self) -> dict[str, Any]:
        """The problem document."""
        return {
            "type": f"{TYPES}{self.slug}",
            "title": self.slug.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "code": self.slug,
            "retryable": self.slug in RETRYABLE,
            **self.extensions,
        }

    def response(self, headers: dict[str, str] | None = None) -> JSONResponse:
        """The problem as an answer to a whole request."""
        return problem_response(self.document(), headers)


def error_at(pointer: str, code: str = "malformed-request") -> dict[str, str]:
    """One entry of a problem's `errors`: which part of the body (RFC 6901), and what is wrong with it."""
    return {"pointer": pointer, "code": code}


def malformed(detail: str, pointer: str | None = None) -> Refusal:
    """The refusal of a body that makes no sense, with the place where."""
    return Refusal("malformed-request", detail, **({} if pointer is None else {"errors": [error_at(pointer)]}))


def problem_response(document: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem document with the status it names."""
    status: int = document["status"]
    return JSONResponse(document, status_code=status, media_type="application/problem+json", headers=headers)
