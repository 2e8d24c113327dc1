"""Announce removals from the API in the headers Deprecation (RFC 9745), Sunset (RFC 8594) and Link.

Parts of the API are removed at least twelve months after their deprecation; docs/api-changes.md lists both dates.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.http.response import HttpResponseBase
from django.utils.http import http_date


@dataclass(frozen=True, slots=True)
class Deprecation:
    """The deprecation of a part of the API.

    `since` is the day of the announcement. `sunset` is the day of the removal; None until it is decided. `replacement`
    is the parameter to use instead; it is only for readers of the code.
    """

    since: date
    replacement: str
    sunset: date | None = None


def add_deprecation_headers(response: HttpResponseBase, deprecation: Deprecation, documentation_url: str) -> None:
    response.headers["Deprecation"] = f"@{_midnight(deprecation.since)}"
    if deprecation.sunset is not None:
        response.headers["Sunset"] = http_date(_midnight(deprecation.sunset))
    link = f'<{documentation_url}>; rel="deprecation"'
    existing = response.headers.get("Link")
    response.headers["Link"] = f"{existing}, {link}" if existing else link


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
