"""Errors as application/problem+json (RFC 9457), for clients that accept this media type."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer

from chm_project.api.error_codes import BY_CODE

MEDIA_TYPE = "application/problem+json"
# The path where the API lists all error codes.
ERROR_CODES_PATH = "/api/v1/errors"


class ProblemRenderer(JSONRenderer):
    media_type = MEDIA_TYPE
    format = "problem"


def wants_problem(accept: str) -> bool:
    return MEDIA_TYPE in accept.lower()


def problem(envelope: Mapping[str, Any], *, status: int, instance: str) -> dict[str, Any]:
    """Return the error with the members of RFC 9457. Members that the RFC does not define keep their names."""
    error = envelope["error"]
    return {
        "type": f"{ERROR_CODES_PATH}#{error['code']}",
        "title": BY_CODE[error["code"]].title,
        "status": status,
        "detail": error["message"],
        "instance": instance,
        **{name: value for name, value in error.items() if name != "message"},
    }
