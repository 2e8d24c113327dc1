"""Helpers that build the writes of a source, and record them.

A time is a text such as "10:00", which means 10:00 UTC on 2026-11-20.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from runs.events import RunEvent, VersionSource, WriteKind
from runs.models import Run
from runs.services import record_runs


def at_time(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-20T{time}").replace(tzinfo=UTC)


def _event(pipeline_id: UUID, status: object, version: str | None, kind: WriteKind, **fields: Any) -> RunEvent:
    for name in ("started_at", "finished_at"):
        if isinstance(value := fields.get(name), str) and len(value) == len("HH:MM"):
            fields[name] = at_time(value)
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=fields.pop("external_run_id", "run-1"),
        status=status,
        source_updated_at=at_time(version) if version else None,
        kind=kind,
        **fields,
    )


class Source:
    """Builds the writes of a source about one pipeline, such as `source.snapshot("running", "10:00")`."""

    def __init__(self, pipeline_id: UUID) -> None:
        self.pipeline_id = pipeline_id

    def snapshot(self, status: object, version: str | None = None, **fields: Any) -> RunEvent:
        return _event(self.pipeline_id, status, version, WriteKind.SNAPSHOT, **fields)

    def snapshot_versioned_by_request(self, status: object, version: str, **fields: Any) -> RunEvent:
        """Return a snapshot whose version is the time of CHM's request, because the source reports no versions.

        `snapshot` returns one with the version of the source.
        """
        return self.snapshot(status, version, version_source=VersionSource.REQUEST_TIME, **fields)

    def event(self, status: object, version: str | None = None, **fields: Any) -> RunEvent:
        return _event(self.pipeline_id, status, version, WriteKind.EVENT, **fields)

    def start(self, time: str) -> RunEvent:
        return self.event("running", time, started_at=time)

    def end(self, status: str, time: str) -> RunEvent:
        return self.event(status, time, finished_at=time)

    def other(self) -> RunEvent:
        """Return an OpenLineage event of the type OTHER, which only shows that the run exists."""
        return _event(self.pipeline_id, "running", None, WriteKind.IF_ABSENT)


def write(*events: RunEvent) -> list[str]:
    """Record each event in a separate call. Return the outcomes."""
    return [str(record_runs([event])[0].outcome) for event in events]


def stored_run(pipeline_id: UUID, external_run_id: str = "run-1") -> Run:
    return Run.objects.get(pipeline_id=pipeline_id, external_run_id=external_run_id)


def physical_rows(pipeline_id: UUID) -> tuple[object, ...]:
    """Return the place of each row on the disk, its lock and its times.

    A write without changes leaves them as they are.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ctid::text, xmin::text, xmax::text, updated_at, ingested_at, source_updated_at"
            " FROM runs WHERE pipeline_id = %s ORDER BY external_run_id",
            [pipeline_id],
        )
        return tuple(cursor.fetchall())
