"""Read a source's list of pipelines and compare it with the inventory.

The list is read rarely. Facts about pipelines become columns: paused, next start, missing. Ids that only the source has
are kept in the cache; losing it costs one more request.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from chm_project.db import best_effort_cache
from chm_project.scrubbing import scrub_text
from ingestion.bookkeeping import mark_listed
from ingestion.connections import Connection
from ingestion.connectors.base import Connector, SourcePipeline, Target
from ingestion.errors import PartnerError, Refused
from ingestion.report import Report
from ingestion.scope import StopCondition

logger = logging.getLogger(__name__)

MAX_KEPT = 20_000
KEPT_SECONDS = 7 * 86_400
# After a refusal the list is requested again after this time.
REFUSED_SECONDS = 3_600
# A tolerance for walks that start slightly early.
EARLY_WALK = 0.9


@dataclass(frozen=True, slots=True)
class SourceList:
    """The last reading of a source's list.

    `unmatched` maps external ids that no pipeline of the connection had to their names and whether they are paused.
    `error` is the reason if the list could not be read; the rest is then from `read_at`.
    """

    tried_at: datetime
    read_at: datetime | None = None
    refused: bool = False
    error: str = ""
    listed: int = 0
    unmatched: Mapping[str, tuple[str, bool | None]] = field(default_factory=dict)
    import_errors: tuple[str, ...] = ()


def last_list(connection: str) -> SourceList | None:
    """Return the last reading, or None if there was none, or the cache is down."""
    match best_effort_cache.read(_key(connection)):
        case {"tried_at": datetime()} as found:
            return SourceList(**found)
    return None


def read_source_list(
    connection: Connection,
    connector: Connector,
    targets: Sequence[Target],
    known: Collection[str | None],
    stop: StopCondition,
    report: Report,
) -> None:
    """Read the list if it is due. Errors are logged and kept, and do not fail the walk."""
    former, now = last_list(connection.name), timezone.now()
    if not connector.lists_pipelines:
        if report.unknown:
            _keep(connection.name, _with_unknown(former, report.unknown, now))
        return
    if not connection.inventory_seconds or not _is_due(former, connection, now):
        return
    try:
        listed = {each.external_id: each for each in connector.pipelines()}
    except PartnerError as error:
        logger.info("connection %s: no list of pipelines: %s", connection.name, error)
        kept = former or SourceList(now)
        _keep(connection.name, replace(kept, tried_at=now, error=str(error), refused=isinstance(error, Refused)))
    except stop.interrupts:
        raise
    except Exception:
        logger.exception("connection %s: unexpected error in the list of pipelines", connection.name)
        message = "CHM could not read the source's list of pipelines; see the log"
        _keep(connection.name, replace(former or SourceList(now), tried_at=now, error=message))
    else:
        mark_listed(targets, listed, now)
        _keep(connection.name, _made(listed, known, now))


def _is_due(former: SourceList | None, connection: Connection, now: datetime) -> bool:
    if former is None:
        return True
    seconds = float(connection.inventory_seconds)
    if former.refused:
        seconds = max(seconds, REFUSED_SECONDS)
    return now >= former.tried_at + timedelta(seconds=seconds * EARLY_WALK)


def _made(listed: Mapping[str, SourcePipeline], known: Collection[str | None], now: datetime) -> SourceList:
    unmatched = [each for each in listed.values() if each.offered and each.external_id not in known]
    return SourceList(
        tried_at=now,
        read_at=now,
        listed=len(listed),
        unmatched={each.external_id: (scrub_text(each.name), each.paused) for each in unmatched[:MAX_KEPT]},
        import_errors=tuple(each.external_id for each in listed.values() if each.has_import_errors)[:MAX_KEPT],
    )


def _with_unknown(former: SourceList | None, unknown: Collection[str], now: datetime) -> SourceList:
    """Add unknown ids from walks, for sources without a list."""
    met = {external_id: (external_id, None) for external_id in unknown}
    kept = {**(former.unmatched if former else {}), **met}
    return SourceList(tried_at=now, read_at=now, unmatched=dict(list(kept.items())[-MAX_KEPT:]))


def _keep(connection: str, found: SourceList) -> None:
    value: dict[str, Any] = {name: getattr(found, name) for name in SourceList.__dataclass_fields__}
    best_effort_cache.write(_key(connection), value, KEPT_SECONDS)


def _key(connection: str) -> str:
    return f"source-list:{connection}"
