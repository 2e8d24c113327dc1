"""Short ways to say what a source said, for tests of the write path. Times are HH:MM on one day."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from runs.events import Clock, Kind, RunEvent
from runs.models import Run
from runs.services import record_runs


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-20T{clock}").replace(tzinfo=UTC)


def _event(pipeline_id: UUID, status: object, version: str | None, kind: Kind, **fields: Any) -> RunEvent:
    for name in ("started_at", "finished_at"):
        if isinstance(value := fields.get(name), str) and len(value) == 5:
            fields[name] = at(value)
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=fields.pop("external_run_id", "run-1"),
        status=status,
        at=at(version) if version else None,
        kind=kind,
        **fields,
    )


class Source:
    """Writes of one pipeline: `source.snapshot("running", "10:00")`."""

    def __init__(self, pipeline_id: UUID) -> None:
        self.pipeline_id = pipeline_id

    def snapshot(self, status: object, version: str | None = None, **fields: Any) -> RunEvent:
        return _event(self.pipeline_id, status, version, Kind.SNAPSHOT, **fields)

    def asked(self, status: object, version: str, **fields: Any) -> RunEvent:
        return self.snapshot(status, version, clock=Clock.ASKED, **fields)

    def event(self, status: object, version: str | None = None, **fields: Any) -> RunEvent:
        return _event(self.pipeline_id, status, version, Kind.EVENT, **fields)

    def start(self, clock: str) -> RunEvent:
        return self.event("running", clock, started_at=clock)

    def end(self, status: str, clock: str) -> RunEvent:
        return self.event(status, clock, finished_at=clock)

    def other(self) -> RunEvent:
        return _event(self.pipeline_id, "running", None, Kind.IF_ABSENT)


def write(*events: RunEvent) -> list[str]:
    """One call per event; the outcomes."""
    return [str(record_runs([event])[0].outcome) for event in events]


def stored(pipeline_id: UUID, external_run_id: str = "run-1") -> Run:
    return Run.objects.get(pipeline_id=pipeline_id, external_run_id=external_run_id)


def row_version(pipeline_id: UUID) -> tuple[object, ...]:
    """What a write that changes nothing must leave alone: the physical row, its lock mark and its times."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ctid::text, xmin::text, xmax::text, updated_at, ingested_at, source_updated_at"
            " FROM runs WHERE pipeline_id = %s ORDER BY external_run_id",
            [pipeline_id],
        )
        return tuple(cursor.fetchall())
