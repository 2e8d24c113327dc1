"""Announce removals from the API in the headers Deprecation (RFC 9745), Sunset (RFC 8594) and Link.

Nothing is removed earlier than twelve months after its deprecation; docs/api-changes.md lists both.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django.http.response import HttpResponseBase
from django.utils.http import http_date


@dataclass(frozen=True, slots=True)
class Deprecation:
    """`since` is the day of the announcement, `sunset` the day of the removal once it is decided."""

    since: date
    instead: str
    sunset: date | None = None


def announce(response: HttpResponseBase, deprecation: Deprecation, documentation: str) -> None:
    response.headers["Deprecation"] = f"@{_midnight(deprecation.since)}"
    if deprecation.sunset is not None:
        response.headers["Sunset"] = http_date(_midnight(deprecation.sunset))
    link = f'<{documentation}>; rel="deprecation"'
    existing = response.headers.get("Link")
    response.headers["Link"] = f"{existing}, {link}" if existing else link


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
