"""All error codes with their cause and remedy, for the API, its contract document and docs/errors.md."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    status: int
    code: str
    title: str
    cause: str
    remedy: str


CODES = (
    ErrorCode(
        400, "validation_error", "A value, field or parameter is wrong.",
        "The body is not JSON, a field or parameter is unknown, missing or has a wrong value, or another "
        "object already has this name or id.",
        "Correct the fields in `details`, which lists all wrong fields at once. The same request would fail again.",
    ),
    ErrorCode(
        401, "unauthorized", "No valid token or session.",
        "The Authorization header is missing, or its token is malformed, unknown, expired or revoked.",
        "Send `Authorization: Bearer TOKEN` with a valid token; `manage.py create_api_token` creates one.",
    ),
    ErrorCode(
        403, "forbidden", "The token's scope or the user's roles do not allow this.",
        "The token has a narrower scope than the request needs, the token is bound to a client or pipeline and the "
        "request is about others, or the user lacks a role.",
        "Use a token with the scope that the message names, or ask an administrator for the role.",
    ),
    ErrorCode(
        404, "not_found", "Nothing is at this address.",
        "No object has this id, the address is unknown, or the object belongs to a client that the token may not see.",
        "Check the address and the id. For another client's objects use a token of that client.",
    ),
    ErrorCode(
        405, "method_not_allowed", "This address does not have this method.",
        "For example PUT on a list, or DELETE on a run.",
        "Use one of the methods of the Allow header.",
    ),
    ErrorCode(
        406, "not_acceptable", "The response is not available in the requested form.",
        "The Accept header names only media types that this address does not offer.",
        "Accept `application/json`, or leave the header out. Lists and reports also offer `text/csv`.",
    ),
    ErrorCode(
        409, "conflict", "A request with the same Idempotency-Key is still being answered.",
        "Two requests with the same key run at the same time, often because a client repeats it after a timeout.",
        "Wait a second and repeat the request with the same key and body: it returns the response of the first one.",
    ),
    ErrorCode(
        412, "precondition_failed", "The object has changed since you read it.",
        "If-Match names a version that is no longer the current one: the object was changed after you read it.",
        "Read the object again, apply your change to the current version, and send the new ETag in If-Match.",
    ),
    ErrorCode(
        415, "unsupported_media_type", "The body is not JSON.",
        "The Content-Type header is missing or names another media type.",
        "Send `Content-Type: application/json`.",
    ),
    ErrorCode(
        429, "rate_limited", "Too many requests.",
        "The token, the user or the address sent more requests than its limit allows, or sent too many wrong "
        "tokens.",
        "Wait for the seconds in Retry-After. RateLimit and RateLimit-Policy show how many requests are left.",
    ),
    ErrorCode(
        500, "internal_error", "An internal error.",
        "CHM has a fault, or cannot reach the queue of ingestion tasks. The log has the error with the request id.",
        "Repeat the request later. If it persists, give an administrator the value of X-Request-ID.",
    ),
    ErrorCode(
        503, "unavailable", "CHM cannot do this at the moment.",
        "The database does not answer, other work holds a lock on the same rows, too many reports are being computed, "
        "or every thread is busy. Nothing was stored.",
        "Send the same request again after the seconds in Retry-After.",
    ),
    ErrorCode(
        504, "timeout", "The database took too long.",
        "The request reads more than the time limit allows: a wide window, or filters that match many rows.",
        "Request less: a shorter window, fewer rows, more filters.",
    ),
)  # fmt: skip
BY_STATUS = {entry.status: entry for entry in CODES}
BY_CODE = {entry.code: entry for entry in CODES}
