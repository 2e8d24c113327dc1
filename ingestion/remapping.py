"""Translate stored payloads again, after a user has changed the description of a partner's API. Sends no requests."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ingestion.connections import Connection
from ingestion.connectors.base import GONE_AT_SOURCE
from ingestion.connectors.declarative import to_run_event
from ingestion.connectors.source_description import SourceDescription
from ingestion.report import Report
from inventory.models import Pipeline
from runs.events import RunEvent
from runs.models import Run
from runs.services import count_outcomes, record_runs
from runs.size_limits import CUT_KEY

RUNS_PER_TRANSACTION = 500


def remap(connection: Connection, pipelines: Sequence[Pipeline], *, dry_run: bool = False) -> Report:
    """Record each stored run again, with its payload translated by the connection's current description.

    Runs do not change if they are gone at the source, if their payload was cut, or if their payload would now give
    another run id. Raise ValueError for a connection without a description.
    """
    if connection.source_description is None:
        raise ValueError(f"{connection.name}: the connector {connection.connector} has no description")
    report = Report(connection.name, pipelines_processed=len(pipelines))
    runs = Run.objects.filter(pipeline__in=pipelines, payload__isnull=False).exclude(status_reason=GONE_AT_SOURCE)
    last_id: UUID | None = None
    # By id and not by offset, because the loop changes the rows that the query selects.
    while batch := list((runs.filter(pk__gt=last_id) if last_id else runs).order_by("pk")[:RUNS_PER_TRANSACTION]):
        last_id = batch[-1].pk
        events_by_run = {
            run: new_event for run in batch if (new_event := _translate(connection.source_description, run)) is not None
        }
        _record(events_by_run, report, dry_run=dry_run)
    return report


def _translate(description: SourceDescription, run: Run) -> RunEvent | None:
    if not isinstance(run.payload, dict) or CUT_KEY in run.payload:
        return None
    translated = to_run_event(description, run.pipeline_id, run.payload, run.source_updated_at or timezone.now())
    # With another id the event would create a second run beside the stored one.
    is_same_run = translated is not None and str(translated.external_run_id) == run.external_run_id
    return translated if is_same_run else None


def _record(events_by_run: Mapping[Run, RunEvent], report: Report, *, dry_run: bool) -> None:
    with transaction.atomic():
        runs = Run.objects.filter(pk__in=[run.pk for run in events_by_run])
        # record_runs writes an event only if it is newer than the stored version, so the versions are removed first.
        runs.filter(source_updated_at__isnull=False).update(source_updated_at=None)
        results = record_runs(events_by_run.values())
        # Runs without a version get back the version that they had before: record_runs did not write them, or their
        # event has no version.
        without_version = set(runs.filter(source_updated_at=None).values_list("pk", flat=True))
        Run.objects.bulk_update([run for run in events_by_run if run.pk in without_version], ["source_updated_at"])
        if dry_run:
            transaction.set_rollback(True)
    report.pages_processed += 1
    report.add_outcomes(count_outcomes(results))
