"""Write the columns of pipelines that belong to ingestion: watermarks, errors, and facts from source lists.

`updated_at` does not change, because it is the time of the last edit of the pipeline.
"""

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

# A pipeline is stale if it was not read within this many intervals (docs/connectors.md).
STALE_AFTER_INTERVALS = 3
# A walk writes a watermark only if the watermark moves by at least 0.9 intervals or a minute, whichever is shorter.
# Example: with an interval of 60 s, the watermark must move by at least 54 s. So every scheduled walk moves the
# watermark, even if the walk starts slightly early. If a user starts several walks within seconds, only the first one
# writes the rows.
MIN_STEP_LIMIT = timedelta(minutes=1)
WATERMARK_STEP_INTERVALS = 0.9


def mark_walked(
    targets: Sequence[Target], connection: Connection, connector: Connector, scope: IngestionScope, watermark: datetime
) -> None:
    """Move the watermarks of the targets forward to `watermark`, clear their errors, and store their links."""
    interval = timedelta(seconds=connection.interval_seconds)
    links = _links_by_external_id(connection, connector, targets)
    links_of_targets = [(links or {}).get(target.external_id, Links()) for target in targets]
    with database.cursor() as cursor:
        cursor.execute(
            _MARK_WALKED,
            {
                "watermark": watermark,
                "due_at": timezone.now() + interval * STALE_AFTER_INTERVALS,
                "min_step_seconds": min(interval * WATERMARK_STEP_INTERVALS, MIN_STEP_LIMIT).total_seconds(),
                "pipeline_id": [target.pipeline_id for target in targets],
                "client_id": [target.client_id for target in targets],
                "platform": [target.platform for target in targets],
                "external_id": [target.external_id for target in targets],
                "links_known": links is not None,
                "source_url": [link.pipeline_url for link in links_of_targets],
                "source_url_template": [link.run_url_template for link in links_of_targets],
                # A walk that starts after the watermark (--since) leaves a gap, so it must not move the watermark.
                "moves_watermark": [
                    scope.since is None or (target.watermark is not None and scope.since <= target.watermark)
                    for target in targets
                ],
            },
        )


def mark_listed(targets: Sequence[Target], listed: Mapping[str, SourcePipeline], listed_at: datetime) -> None:
    """Store what the source's list contains about these pipelines: whether they are paused, and when they start next.

    A pipeline that is not in the list is missing since `listed_at`. If it was missing before, the earlier time stays.
    """
    entries = [listed.get(target.external_id) for target in targets]
    with database.cursor() as cursor:
        cursor.execute(
            _MARK_LISTED,
            {
                "listed_at": listed_at,
                "pipeline_id": [target.pipeline_id for target in targets],
                "client_id": [target.client_id for target in targets],
                "platform": [target.platform for target in targets],
                "external_id": [target.external_id for target in targets],
                "is_listed": [entry is not None for entry in entries],
                "paused": [entry and entry.paused for entry in entries],
                "next_run_at": [entry and entry.next_run_at for entry in entries],
            },
        )


def _links_by_external_id(
    connection: Connection, connector: Connector, targets: Sequence[Target]
) -> Mapping[str, Links] | None:
    """Return the links by external id. Return None after an error, so that the stored links stay."""
    try:
        return connection.links(connector, {target.external_id for target in targets})
    except PartnerError as error:
        logger.warning("connection %s: no links: %s", connection.name, error)
        return None


def mark_failed(targets: Iterable[Target], error: Exception | None, scope: IngestionScope, report: Report) -> None:
    """Add the error to the report. Except in a dry run, also store it for each pipeline."""
    targets = list(targets)
    message = str(error)
    external_ids = {target.pipeline_id: target.external_id for target in targets}
    logger.warning("connection %s: %s (%d pipelines)", report.connection, message, len(external_ids))
    # If the error concerns several pipelines, the report names none of them.
    pipeline = next(iter(external_ids.values())) if len(external_ids) == 1 else None
    if external_ids:
        report.errors.append({"connection": report.connection, "pipeline": pipeline, "error": message})
    if external_ids and not scope.dry_run:
        with database.cursor() as cursor:
            cursor.execute(_MARK_FAILED, {"error": message, "pipeline_id": list(external_ids)})
