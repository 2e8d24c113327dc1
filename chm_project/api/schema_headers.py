"""Add the headers of requests and responses to the OpenAPI document."""

from typing import Any

from chm_project.api.error_codes import BY_STATUS

# The ids of operations that accept an Idempotency-Key; see chm_project.api.idempotency.
IDEMPOTENT_OPERATIONS = ("clients_create", "clients_pipelines_create", "pipelines_runs_create", "alert_rules_create",
             "ingestion_sync_start")  # fmt: skip
# Resources with a version; see chm_project.api.conditional.
VERSIONED_RESOURCES = ("clients", "pipelines", "alert_rules")

_EXAMPLE_ETAG = '"1772359200000000.5f0c2a9e7b1d4c3a8e6f0b12"'
PARAMETERS: dict[str, dict[str, Any]] = {
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an earlier response. If nothing has changed, the response is 304 without a body.",
        "schema": {"type": "string"},
        "example": _EXAMPLE_ETAG,
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag that you received with the object. If the object has changed since then, the response "
        "is 412 and nothing changes.",
        "schema": {"type": "string"},
        "example": _EXAMPLE_ETAG,
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A text that you choose, different for each new object. For 24 hours, a repeated request with "
        "the same key returns the first response and creates no second object. If CHM has lost its cache, a repeated "
        "request is executed again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        "example": "0d4f6b9c-order-1187",
    },
}
HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "Identifies the content of this response. Send it in If-None-Match or If-Match.",
        "schema": {"type": "string"},
        "example": _EXAMPLE_ETAG,
    },
    "Link": {
        "description": 'The address of the next page, with rel="next"; absent on the last page.',
        "schema": {"type": "string"},
        "example": '<https://chm.example.com/api/v1/clients?cursor=eyJ>; rel="next"',
    },
    "Location": {
        "description": "The address of the new object.",
        "schema": {"type": "string", "format": "uri"},
        "example": "https://chm.example.com/api/v1/clients/019b2f6e-7d1c-7c3a-9f00-3c5e8a1b2d4f",
    },
    "RateLimit": {
        "description": "`r` is the number of requests left in the current window, `t` the seconds until the next.",
        "schema": {"type": "string"},
        "example": '"requests";r=5998;t=42',
    },
    "RateLimitPolicy": {
        "description": "`q` is the number of requests per window, and `w` the length of a window in seconds.",
        "schema": {"type": "string"},
        "example": '"requests";q=6000;w=60',
    },
    "RequestId": {
        "description": "The X-Request-ID of the request, or a new one. The server's log also contains it.",
        "schema": {"type": "string"},
        "example": "6f1d8a52c0e94b7f8a3e5d1c2b4a6978",
    },
    "RetryAfter": {
        "description": "How many seconds to wait before the next request.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 12,
    },
}
_HEADER_NAMES = {"RateLimitPolicy": "RateLimit-Policy", "RequestId": "X-Request-ID", "RetryAfter": "Retry-After"}


def document_headers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    components = result["components"]
    components["parameters"], components["headers"] = PARAMETERS, HEADERS
    components["responses"]["NotModified"] = {
        "description": "Nothing has changed: the ETag that was sent is still current.",
        "headers": _header_references("ETag", "RequestId"),
    }
    for status, entry in BY_STATUS.items():
        name = "".join(word.title() for word in entry.code.split("_"))
        names = ["RequestId", "RetryAfter"] if status in {429, 503} else ["RequestId"]
        if status == 408:  # the web server answers before CHM gives the request an id
            names = ["RetryAfter"]
        components["responses"][name]["headers"] = _header_references(*names)
    for path, operations in result["paths"].items():
        if path.startswith("/api/v1"):
            for method, operation in operations.items():
                _add_headers(path, method, operation)
    return result


def _add_headers(path: str, method: str, operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            names = ["RateLimit", "RateLimitPolicy", "RequestId"]
            names += ["ETag"] if method == "get" or (_is_versioned(path) and status != "204") else []
            names += ["Location"] if status in {"201", "202"} and operation["operationId"] != "lineage" else []
            parameters = {parameter.get("name") for parameter in operation.get("parameters", [])}
            names += ["Link"] if "cursor" in parameters else []
            response["headers"] = response.get("headers", {}) | _header_references(*names)
    if method == "get":
        _add_parameter(operation, "IfNoneMatch", 304, "NotModified")
    if method in {"patch", "delete"} and _is_versioned(path):
        _add_parameter(operation, "IfMatch", 412, "PreconditionFailed")
    if operation["operationId"] in IDEMPOTENT_OPERATIONS:
        _add_parameter(operation, "IdempotencyKey", 409, "Conflict")


def _is_versioned(path: str) -> bool:
    """Return whether the path is of an object with a version, or of a list to which POST adds such an object."""
    *_, resource = (segment for segment in path.split("/") if not segment.startswith("{"))
    return resource in VERSIONED_RESOURCES


def _add_parameter(operation: dict[str, Any], parameter: str, status: int, response: str) -> None:
    operation.setdefault("parameters", []).append({"$ref": f"#/components/parameters/{parameter}"})
    operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/{response}"})


def _header_references(*names: str) -> dict[str, Any]:
    return {_HEADER_NAMES.get(name, name): {"$ref": f"#/components/headers/{name}"} for name in names}
