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
        "The body is not JSON. Or a field or parameter is unknown, missing or has a wrong value. Or another object "
        "already has this name or id.",
        "Correct the fields in `details`, which lists all wrong fields at once. The same request would fail again.",
    ),
    ErrorCode(
        401, "unauthorized", "No valid token or session.",
        "The Authorization header is missing, or its token is malformed, unknown, expired or revoked.",
        "Send `Authorization: Bearer TOKEN` with a valid token. `manage.py create_api_token` creates a token.",
    ),
    ErrorCode(
        403, "forbidden", "The token's scope or the user's roles do not allow this.",
        "The scope of the token does not allow the request. Or the token or user is bound, and the request is about "
        "all clients, for example to create a client. Or the request needs a bound token, as POST /lineage does. Or "
        "the user lacks a role.",
        "Use a token with the scope or the binding that the message names, or ask an administrator for the role.",
    ),
    ErrorCode(
        404, "not_found", "Nothing is at this URL.",
        "No object has this id, or the URL does not exist. Or the object belongs to a client that the token may not "
        "see.",
        "Check the URL and the id. To read an object of another client, use a token that may see this client.",
    ),
    ErrorCode(
        405, "method_not_allowed", "This URL does not allow this method.",
        "The request has a method that is not possible here, for example PUT on a list or DELETE on a run.",
        "Use one of the methods in the Allow header.",
    ),
    ErrorCode(
        406, "not_acceptable", "The response is not available in the requested form.",
        "The Accept header names only media types that this URL does not offer.",
        "Accept `application/json`, or leave the header out. Lists and reports also offer `text/csv`.",
    ),
    ErrorCode(
        408, "request_timeout", "The body of the request arrives too slowly.",
        "After 10 s, the body has arrived with fewer than 1,000 bytes per second on average. Or the body is not "
        "complete after 300 s. Nothing was stored.",
        "Wait for the number of seconds in Retry-After. Then send the request again, over a faster connection or with "
        "a smaller body.",
    ),
    ErrorCode(
        409, "conflict", "A request with the same Idempotency-Key is still being answered.",
        "Two requests with the same key run at the same time. Often a program did not wait for the response to the "
        "first request, and sent the request again.",
        "Wait a second and send the request again with the same key and body. CHM then returns the first response.",
    ),
    ErrorCode(
        412, "precondition_failed", "The object has changed since you read it.",
        "The version in If-Match is no longer the current version of the object.",
        "Read the object again and apply your change to the current version. Send the new ETag in If-Match.",
    ),
    ErrorCode(
        415, "unsupported_media_type", "The Content-Type is not JSON.",
        "The Content-Type header is missing or names another media type.",
        "Send `Content-Type: application/json`.",
    ),
    ErrorCode(
        429, "rate_limited", "Too many requests.",
        "The token, the user or the IP address sent more requests than its limit allows. Or the IP address sent too "
        "many requests with a wrong token.",
        "Wait for the number of seconds in Retry-After. The header RateLimit shows how many requests are left in the "
        "current period, and RateLimit-Policy how many are allowed.",
    ),
    ErrorCode(
        500, "internal_error", "An internal error.",
        "CHM has a fault, or cannot reach the queue of ingestion tasks. The log has the error with the request id.",
        "Repeat the request later. If it persists, give an administrator the value of X-Request-ID.",
    ),
    ErrorCode(
        503, "unavailable", "CHM cannot do this at the moment.",
        "The database does not answer, or other work holds a lock on the same rows. Or too many reports are being "
        "computed at the same time, or every thread is busy. Nothing was stored.",
        "Send the same request again after the seconds in Retry-After.",
    ),
    ErrorCode(
        504, "timeout", "The database did not answer in time.",
        "The request reads too many rows, because its window is wide or its filters match many rows.",
        "Request less: a shorter window, fewer rows, or more filters.",
    ),
)  # fmt: skip
BY_STATUS = {entry.status: entry for entry in CODES}
BY_CODE = {entry.code: entry for entry in CODES}
