"""Read Prefect's events: flow runs whose state changed since a moment, also manually.

Setting a state manually changes neither start_time nor end_time, and flow runs cannot be filtered by update time, but
the server records an event for each change. API: https://docs.prefect.io/v3/api-ref/rest-api
"""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ingestion.connectors.base import utc_text
from ingestion.errors import Refused, TokenRefused
from ingestion.http import PartnerSession
from ingestion.paging import PageCap

logger = logging.getLogger(__name__)

PREFIX = "prefect.flow-run."
PAGE_SIZE = 50  # the server's maximum
MAX_PAGES = 200  # after a longer pause, the daily reconciliation reads the rest
# Open runs are listed anyway and heartbeats change nothing, so about one event per run remains.
NOT_ASKED_FOR = [
    f"{PREFIX}{name}"
    for name in ("heartbeat", "Scheduled", "Late", "Pending", "Running", "Paused", "Cancelling", "AwaitingRetry")
]


def changed_runs(session: PartnerSession, since: datetime, *, seen: Collection[str]) -> Iterator[list[str]]:
    """Yield pages of ids of flow runs that changed state since then, without those in `seen`.

    Yield nothing if the server has no events or refuses access to them.
    """
    wanted = {"occurred": {"since": utc_text(since)}, "event": {"prefix": [PREFIX], "exclude_name": NOT_ASKED_FOR}}
    found, cap = set(seen), PageCap()
    try:
        body = session.post("/api/events/filter", {"filter": wanted, "limit": PAGE_SIZE})
        while True:
            events = body.get("events") if isinstance(body, dict) else None
            rows = events if isinstance(events, list) else []
            cap.count(len(rows))
            ids = list(dict.fromkeys(name for row in rows if (name := _flow_run(row)) and name not in found))
            found.update(ids)
            if ids:
                yield ids
            token = _page_token(body.get("next_page")) if isinstance(body, dict) else None
            if not rows or token is None:
                return
            if cap.pages >= MAX_PAGES:
                logger.warning("more than %d pages of Prefect events: reconciliation reads the rest", MAX_PAGES)
                return
            body = session.get("/api/events/filter/next", {"page-token": token})
    except TokenRefused:
        raise
    except Refused as error:
        logger.info("Prefect's events cannot be read: %s", error)


def _page_token(address: object) -> str | None:
    """Return only the token of the next page's URL: behind a proxy the server's own URL may be wrong."""
    found = parse_qs(urlsplit(address).query).get("page-token") if isinstance(address, str) else None
    return found[0] if found else None


def _flow_run(event: Any) -> str | None:
    resource = event.get("resource") if isinstance(event, dict) else None
    name = resource.get("prefect.resource.id") if isinstance(resource, dict) else None
    return name.removeprefix(PREFIX) if isinstance(name, str) and name.startswith(PREFIX) else None
