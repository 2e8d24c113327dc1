"""A synthetic data set into CHM, through the product's own write path; loaded again, it changes nothing."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.db.models import Q

from ingestion.locks import connection_lock
from ingestion.synthetic.dataset import Dataset, Problem, Row, read_time
from ingestion.synthetic.validate import validate
from inventory.models import Client, Pipeline
from runs.events import RunEvent
from runs.models import Run, Status
from runs.services import Outcome, count, record_runs

PAGE = 500
# Enough stored runs to tell by how much they were moved, also where some have changed since.
SAMPLE = 500

ZERO = timedelta(0)


class CannotLoad(Exception):
    """Nothing was stored; the text says what to do."""


class Faulty(CannotLoad):
    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        super().__init__("The data set is faulty; its orchestrator's report lists every fault.")


@dataclass(slots=True)
class Loaded:
    """`shift` is by how much the times were moved; `created` counts inventory and rules."""

    shift: timedelta
    ends_at: datetime
    found: bool
    created: Counter[str] = field(default_factory=Counter)
    runs: Counter[Outcome] = field(default_factory=Counter)


def load(data: Dataset, *, end: datetime | None, fixed: bool, on_runs: Callable[[int, int], None]) -> Loaded:
    """Moves the times so that history ends at `end` (None: not at all), unless an earlier load has moved them already.

    1. A data set with a fault is refused whole.
    2. A shift found in stored runs is used again; where `fixed` asks for another, nothing is stored.
    3. Inventory and rules come in one transaction; what is there by id or by name stays as it is.
    4. Runs follow oldest first, a page per transaction, so that an interrupted load is completed by the next.

    `on_runs` is called with the numbers of loaded and of all runs. Raise CannotLoad on failure.
    """
    if problems := validate(data, registry=False):
        raise Faulty(problems)
    with connection_lock(f"load_synthetic {data.root.name}") as free:
        if not free:
            raise CannotLoad("Another load of this data set is under way; wait for it.")
        rows = [row for path in data.batches() for _, row in data.read(path, "runs").rows]
        rows.sort(key=lambda row: (row["started_at"], row["pipeline_id"], row["external_run_id"]))
        natural_end = _end(rows)
        clients = _stored_clients(data)
        pipelines = _stored_pipelines(data, clients)
        found = _shift_of_stored(rows, pipelines)
        wanted = ZERO if end is None else end - natural_end
        if found is not None and fixed and found != wanted:
            raise CannotLoad(
                f"This data set is loaded already, and ends at {(natural_end + found).isoformat()}. Load it with "
                "--end now to keep that, or into an empty database."
            )
        loaded = Loaded(shift := wanted if found is None else found, natural_end + shift, found is not None)
        with transaction.atomic():
            _create_clients(data, clients, loaded)
            _create_pipelines(data, clients, pipelines, loaded)
            _create_rules(data, clients, pipelines, loaded)
        done = 0
        for page in _pages(rows):
            loaded.runs += count(record_runs(_event(row, pipelines, shift) for row in page))
            done += len(page)
            on_runs(done, len(rows))
        return loaded


def _end(rows: Sequence[Row]) -> datetime:
    """The midnight that ends the data set's last day."""
    last = max(read_time(row["updated_at"]) for row in rows) if rows else datetime(1970, 1, 1, tzinfo=UTC)
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == last else midnight + timedelta(days=1)


def _stored_clients(data: Dataset) -> dict[str, Client]:
    """By the data set's id: the client of that id, else of that name, where there is one."""
    rows = [row for _, row in data.read(data.base("clients"), "clients").rows]
    wanted = Q(pk__in=[row["client_id"] for row in rows]) | Q(name__in=[row["name"] for row in rows])
    stored = list(Client.objects.filter(wanted))
    by_id, by_name = {str(client.pk): client for client in stored}, {client.name: client for client in stored}
    found = {row["client_id"]: by_id.get(row["client_id"]) or by_name.get(row["name"]) for row in rows}
    return {key: client for key, client in found.items() if client is not None}


def _stored_pipelines(data: Dataset, clients: dict[str, Client]) -> dict[str, UUID]:
    """By the data set's id, likewise."""
    rows = [row for _, row in data.read(data.base("pipelines"), "pipelines").rows]
    wanted = Q(pk__in=[row["pipeline_id"] for row in rows]) | Q(client__in=clients.values())
    stored = list(Pipeline.objects.filter(wanted).values_list("pk", "client_id", "name"))
    by_id = {str(key): key for key, _, _ in stored}
    by_name = {(client_id, name): key for key, client_id, name in stored}
    found = {}
    for row in rows:
        key = by_id.get(row["pipeline_id"])
        if key is None and (client := clients.get(row["client_id"])) is not None:
            key = by_name.get((client.pk, row["name"]))
        found[row["pipeline_id"]] = key
    return {key: stored_key for key, stored_key in found.items() if stored_key is not None}


def _shift_of_stored(rows: Sequence[Row], pipelines: dict[str, UUID]) -> timedelta | None:
    """What most stored runs of the data set say; None where there are none. The oldest are always among those asked."""
    terminal = [row for row in rows if row["status"] != Status.RUNNING and row["pipeline_id"] in pipelines]
    sample = [*terminal[:PAGE], *terminal[:: max(1, len(terminal) // SAMPLE)]]
    starts = {
        (pipelines[row["pipeline_id"]], row["external_run_id"]): read_time(row["started_at"])
        for row in sample
        if row["started_at"]
    }
    stored = Run.objects.filter(
        pipeline_id__in={pipeline_id for pipeline_id, _ in starts},
        external_run_id__in={run_id for _, run_id in starts},
        started_at__isnull=False,
    ).values_list("pipeline_id", "external_run_id", "started_at")
    shifts = Counter(
        started_at - starts[pipeline_id, run_id]
        for pipeline_id, run_id, started_at in stored
        if started_at is not None and (pipeline_id, run_id) in starts
    )
    return shifts.most_common(1)[0][0] if shifts else None


def _create_clients(data: Dataset, clients: dict[str, Client], loaded: Loaded) -> None:
    for _, row in data.read(data.base("clients"), "clients").rows:
        if row["client_id"] not in clients:
            clients[row["client_id"]], created = Client.objects.get_or_create(
                name=row["name"], defaults={"pk": row["client_id"], "is_active": row["is_active"] == "true"}
            )
            loaded.created["clients"] += created


def _create_pipelines(data: Dataset, clients: dict[str, Client], pipelines: dict[str, UUID], loaded: Loaded) -> None:
    for _, row in data.read(data.base("pipelines"), "pipelines").rows:
        if row["pipeline_id"] not in pipelines:
            pipeline, created = Pipeline.objects.get_or_create(
                client=clients[row["client_id"]],
                name=row["name"],
                defaults={
                    "pk": row["pipeline_id"],
                    "platform": row["platform"],
                    "external_id": row["external_id"] or None,
                    "pipeline_type": row["pipeline_type"],
                    "description": row["description"] or None,
                    "environment": row["environment"],
                    "is_active": row["is_active"] == "true",
                },
            )
            pipelines[row["pipeline_id"]] = pipeline.pk
            loaded.created["pipelines"] += created


def _create_rules(data: Dataset, clients: dict[str, Client], pipelines: dict[str, UUID], loaded: Loaded) -> None:
    """One enabled rule per effective scope, type, channel and destination, as the database requires."""
    model: Any = apps.get_model("alerting", "AlertRule")  # by name: ingestion does not import alerting
    for _, row in data.read(data.base("alert_rules"), "alert_rules").rows:
        enabled = row["is_enabled"] == "true"
        client = clients[row["client_id"]].pk if row["client_id"] else None
        pipeline = pipelines[row["pipeline_id"]] if row["pipeline_id"] else None
        scope = {"pipeline_id": pipeline} if pipeline else {"pipeline_id": None, "client_id": client}
        fields = {name: row[name] for name in ("rule_type", "channel", "destination")}
        if model.objects.filter(pk=row["rule_id"]).exists():
            continue
        _, created = model.objects.get_or_create(
            **scope,
            **fields,
            is_enabled=enabled,
            defaults={
                "pk": row["rule_id"],
                "client_id": client,
                "threshold": int(row["threshold"]) if row["threshold"] else None,
                "window_minutes": int(row["window_minutes"]) if row["window_minutes"] else None,
            },
        )
        loaded.created["alert rules"] += created


def _pages(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    rest = iter(rows)
    while page := tuple(itertools.islice(rest, PAGE)):
        yield page


def _event(row: Row, pipelines: dict[str, UUID], shift: timedelta) -> RunEvent:
    return RunEvent(
        pipeline_id=pipelines[row["pipeline_id"]],
        external_run_id=row["external_run_id"],
        status=row["status"],
        started_at=_moved(row["started_at"], shift),
        finished_at=_moved(row["finished_at"], shift),
        duration_seconds=row["duration_seconds"],
        rows_processed=row["rows_processed"],
        error_message=row["error_message"],
        status_reason=row["status_reason"],
        payload=json.loads(row["payload"]) if row["payload"] else None,
        at=_moved(row["updated_at"], shift),
    )


def _moved(text: str, shift: timedelta) -> datetime | None:
    return read_time(text) + shift if text else None
