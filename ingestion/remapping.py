"""Translate stored responses again after a change of a partner's description. Sends no requests."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ingestion.connections import Connection
from ingestion.connectors.base import GONE
from ingestion.connectors.declarative import event
from ingestion.connectors.source import Source
from ingestion.report import Report
from inventory.models import Pipeline
from runs.events import RunEvent
from runs.limits import CUT_KEY
from runs.models import Run
from runs.services import count, record_runs

BATCH = 500


def remap(connection: Connection, pipelines: Sequence[Pipeline], *, dry_run: bool = False) -> Report:
    """Record each stored run again, with its payload translated by the connection's current description.

    Runs that are gone at the source, and runs whose payload was cut or has another id, are not changed.
    """
    if connection.source is None:
        raise ValueError(f"{connection.name}: {connection.connector} is not described by a source")
    report = Report(connection.name, pipelines_processed=len(pipelines))
    runs = Run.objects.filter(pipeline__in=pipelines, payload__isnull=False).exclude(status_reason=GONE)
    last: UUID | None = None
    while batch := list((runs.filter(pk__gt=last) if last else runs).order_by("pk")[:BATCH]):
        last = batch[-1].pk
        again = {run: made for run in batch if (made := _translated(connection.source, run)) is not None}
        _record(again, report, dry_run=dry_run)
    return report


def _translated(source: Source, run: Run) -> RunEvent | None:
    if not isinstance(run.payload, dict) or CUT_KEY in run.payload:
        return None
    made = event(source, run.pipeline_id, run.payload, run.source_updated_at or timezone.now())
    return made if made is not None and str(made.external_run_id) == run.external_run_id else None


def _record(again: Mapping[Run, RunEvent], report: Report, *, dry_run: bool) -> None:
    with transaction.atomic():
        stored = Run.objects.filter(pk__in=[run.pk for run in again], source_updated_at__isnull=False)
        # With the stored version the new translation would be stale or unchanged; without one it is newer.
        stored.update(source_updated_at=None)
        results = record_runs(again.values())
        left = set(
            Run.objects.filter(pk__in=[run.pk for run in again], source_updated_at=None).values_list("pk", flat=True)
        )
        Run.objects.bulk_update([run for run in again if run.pk in left], ["source_updated_at"])
        if dry_run:
            transaction.set_rollback(True)
    report.pages_processed += 1
    report.count(count(results))
