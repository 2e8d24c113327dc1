"""Errors as application/problem+json (RFC 9457), for clients that accept this media type."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer

from chm_project.api.error_codes import BY_CODE

MEDIA_TYPE = "application/problem+json"
# The list of codes in the API.
EXPLAINED_AT = "/api/v1/errors"


class ProblemRenderer(JSONRenderer):
    media_type = MEDIA_TYPE
    format = "problem"


def wants_problem(accept: str) -> bool:
    return MEDIA_TYPE in accept.lower()


def problem(envelope: Mapping[str, Any], *, status: int, instance: str) -> dict[str, Any]:
    """Return an error in the members of RFC 9457; other members keep their names."""
    error = envelope["error"]
    return {
        "type": f"{EXPLAINED_AT}#{error['code']}",
        "title": BY_CODE[error["code"]].title,
        "status": status,
        "detail": error["message"],
        "instance": instance,
        **{name: value for name, value in error.items() if name != "message"},
    }
