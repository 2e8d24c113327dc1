"""Read Prefect's events, to find the flow runs whose state a user has changed.

Such a change updates neither start_time nor end_time, and flow runs cannot be filtered by their update time. But the
server records an event for each change of a state. API: https://docs.prefect.io/v3/api-ref/rest-api
"""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from ingestion.connectors.base import utc_text
from ingestion.errors import Refused, TokenRefused
from ingestion.http import PartnerSession
from ingestion.paging import PageLimit

logger = logging.getLogger(__name__)

EVENT_PREFIX = "prefect.flow-run."
PAGE_SIZE = 50  # the server's maximum
MAX_PAGES = 200  # if there are more, for example after a long outage, the daily reconciliation finds the other runs
# CHM does not request these events, because it lists open runs anyway and a heartbeat changes nothing. About one event
# per run remains.
EXCLUDED_EVENTS = [
    f"{EVENT_PREFIX}{name}"
    for name in ("heartbeat", "Scheduled", "Late", "Pending", "Running", "Paused", "Cancelling", "AwaitingRetry")
]


def changed_runs(session: PartnerSession, since: datetime, *, seen: Collection[str]) -> Iterator[list[str]]:
    """Yield lists of ids of flow runs whose state changed since this time, without the ids in `seen`.

    Yield nothing if the server has no events or refuses access to them.
    """
    event_filter = {
        "occurred": {"since": utc_text(since)}, "event": {"prefix": [EVENT_PREFIX], "exclude_name": EXCLUDED_EVENTS}
    }  # fmt: skip
    yielded, page_limit = set(seen), PageLimit()
    try:
        body = session.post("/api/events/filter", {"filter": event_filter, "limit": PAGE_SIZE})
        while True:
            events = body.get("events") if isinstance(body, dict) else None
            rows = events if isinstance(events, list) else []
            page_limit.count_page(len(rows))
            ids = list(dict.fromkeys(run_id for row in rows if (run_id := _flow_run_id(row)) and run_id not in yielded))
            yielded.update(ids)
            if ids:
                yield ids
            token = _page_token(body.get("next_page")) if isinstance(body, dict) else None
            if not rows or token is None:
                return
            if page_limit.pages >= MAX_PAGES:
                logger.warning("more than %d pages of Prefect events: reconciliation reads the rest", MAX_PAGES)
                return
            body = session.get("/api/events/filter/next", {"page-token": token})
    except TokenRefused:
        # Not handled like other refusals, because every further request would fail too.
        raise
    except Refused as error:
        logger.info("Prefect's events cannot be read: %s", error)


def _page_token(next_url: object) -> str | None:
    """Return the token in the URL of the next page, or None.

    The rest of the URL is not used: the server builds it from its own host name, which differs behind a proxy.
    """
    if not isinstance(next_url, str):
        return None
    # urlsplit would raise ValueError for a malformed host.
    query = next_url.partition("?")[2].partition("#")[0]
    tokens = parse_qs(query).get("page-token")
    return tokens[0] if tokens else None


def _flow_run_id(event: Any) -> str | None:
    """Return the id of the event's flow run, or None for another resource."""
    resource = event.get("resource") if isinstance(event, dict) else None
    name = resource.get("prefect.resource.id") if isinstance(resource, dict) else None
    return name.removeprefix(EVENT_PREFIX) if isinstance(name, str) and name.startswith(EVENT_PREFIX) else None
