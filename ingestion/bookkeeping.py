"""Write ingestion's columns of pipelines: watermarks, due times and errors. `updated_at` does not change."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection as database
from django.utils import timezone

from ingestion.connections import Connection
from ingestion.connectors.base import Connector, SourcePipeline, Target
from ingestion.errors import PartnerError
from ingestion.links import Links
from ingestion.report import Report
from ingestion.scope import IngestionScope

logger = logging.getLogger(__name__)

_SQL = Path(__file__).parent / "sql"
_MARK_WALKED = (_SQL / "mark_walked.sql").read_text()
_MARK_FAILED = (_SQL / "mark_failed.sql").read_text()
_MARK_LISTED = (_SQL / "mark_listed.sql").read_text()

DUE_INTERVALS = 3
# A watermark moves at most once a minute, or with every tick of shorter intervals (with a tolerance).
MAX_BOOKKEEPING_STEP = timedelta(minutes=1)
EARLY_TICK = 0.9


def mark_walked(
    targets: Sequence[Target], connection: Connection, connector: Connector, scope: IngestionScope, through: datetime
) -> None:
    interval = timedelta(seconds=connection.interval_seconds)
    links = _links(connection, connector, targets)
    found = [(links or {}).get(target.external_id, Links()) for target in targets]
    with database.cursor() as cursor:
        cursor.execute(
            _MARK_WALKED,
            {
                "through": through,
                "due": timezone.now() + interval * DUE_INTERVALS,
                "step": min(interval * EARLY_TICK, MAX_BOOKKEEPING_STEP).total_seconds(),
                "pipeline_id": [target.pipeline_id for target in targets],
                "client_id": [target.client_id for target in targets],
                "platform": [target.platform for target in targets],
                "external_id": [target.external_id for target in targets],
                "links_known": links is not None,
                "source_url": [link.pipeline for link in found],
                "source_url_template": [link.runs for link in found],
                # A walk from --since does not cover the time between the watermark and its start.
                "moves": [
                    scope.since is None or (target.through is not None and scope.since <= target.through)
                    for target in targets
                ],
            },
        )


def mark_listed(targets: Sequence[Target], listed: Mapping[str, SourcePipeline], listed_at: datetime) -> None:
    """Store the source's list for these pipelines; pipelines that are not in it are missing since `listed_at`."""
    found = [listed.get(target.external_id) for target in targets]
    with database.cursor() as cursor:
        cursor.execute(
            _MARK_LISTED,
            {
                "listed_at": listed_at,
                "pipeline_id": [target.pipeline_id for target in targets],
                "client_id": [target.client_id for target in targets],
                "platform": [target.platform for target in targets],
                "external_id": [target.external_id for target in targets],
                "found": [each is not None for each in found],
                "paused": [each and each.paused for each in found],
                "next_run_at": [each and each.next_run_at for each in found],
            },
        )


def _links(connection: Connection, connector: Connector, targets: Sequence[Target]) -> Mapping[str, Links] | None:
    """Return the links by external id, or None on errors to keep the stored ones: a link must not fail a walk."""
    try:
        return connection.links(connector, {target.external_id for target in targets})
    except PartnerError as error:
        logger.warning("connection %s: no links: %s", connection.name, error)
        return None


def mark_failed(targets: Iterable[Target], error: Exception | None, scope: IngestionScope, report: Report) -> None:
    """Add the error to the report and to the pipelines that could not be walked."""
    targets = list(targets)
    message = str(error)
    names = {target.pipeline_id: target.external_id for target in targets}
    logger.warning("connection %s: %s (%d pipelines)", report.connection, message, len(names))
    pipeline = next(iter(names.values())) if len(names) == 1 else None
    if names:
        report.errors.append({"connection": report.connection, "pipeline": pipeline, "error": message})
    if names and not scope.dry_run:
        with database.cursor() as cursor:
            cursor.execute(_MARK_FAILED, {"error": message, "pipeline_id": list(names)})
