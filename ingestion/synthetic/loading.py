"""Load a synthetic data set into CHM. record_runs stores the runs. A second load changes nothing."""

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

from ingestion.locks import named_lock
from ingestion.synthetic.dataset import Dataset, Fault, Row, read_time
from ingestion.synthetic.validate import validate
from inventory.models import Client, Pipeline
from runs.events import RunEvent
from runs.models import Run, Status
from runs.services import Outcome, count_outcomes, record_runs

RUNS_PER_PAGE = 500  # a page is stored in one transaction
# An earlier load has moved all times by the same duration, its shift. To find this shift, the load compares the starts
# of some runs with the stored runs: the runs of the oldest page, and about this many others. One run is not enough,
# because the start of a stored run can change.
SAMPLE_SIZE = 500

ZERO = timedelta(0)


class CannotLoad(Exception):
    """Nothing was stored. The message says what to do."""


class FaultyDataset(CannotLoad):
    """The data set has faults, listed in `faults`."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = faults
        super().__init__("The data set is faulty. The report of chm-synthetic-orchestrator lists every fault.")


@dataclass(slots=True)
class LoadResult:
    """The result of a load.

    The times were moved by `shift`. `is_repeated` is true if an earlier load has stored runs of this data set.
    `created` counts new clients, pipelines and rules. `runs` counts runs by outcome.
    """

    shift: timedelta
    ends_at: datetime
    is_repeated: bool
    created: Counter[str] = field(default_factory=Counter)
    runs: Counter[Outcome] = field(default_factory=Counter)


def load(data: Dataset, *, end: datetime | None, end_is_fixed: bool, on_runs: Callable[[int, int], None]) -> LoadResult:
    """Load the data set, with its times moved so that it ends at `end` (None: not moved), and return the result.

    1. Refuse a data set with a fault as a whole.
    2. If an earlier load has stored runs, move the times by the shift of that load. If `end_is_fixed` is true and `end`
       requires another shift, store nothing.
    3. Create clients, pipelines and rules in one transaction. Existing ones with the same id or name do not change.
    4. Store the runs, oldest first, with a transaction per page. The next load completes an interrupted load.

    `on_runs` is called with the number of runs loaded so far and the number of all runs. Raise CannotLoad if
    nothing can be stored.
    """
    if faults := validate(data, ids_must_be_registered=False):
        raise FaultyDataset(faults)
    # Two loads at the same time could compute different shifts.
    with named_lock(f"load_synthetic {data.root.name}") as acquired:
        if not acquired:
            raise CannotLoad("Another load of this data set is running. Wait until it ends.")
        run_rows = [row for path in data.runs_files() for _, row in data.read(path, "runs").rows]
        run_rows.sort(key=lambda row: (row["started_at"], row["pipeline_id"], row["external_run_id"]))
        unmoved_end = _end_of_last_day(run_rows)
        clients = _stored_clients(data)
        pipelines = _stored_pipelines(data, clients)
        stored_shift = _shift_of_stored_runs(run_rows, pipelines)
        requested_shift = ZERO if end is None else end - unmoved_end
        if stored_shift is not None and end_is_fixed and stored_shift != requested_shift:
            raise CannotLoad(
                f"This data set is loaded already, and ends at {(unmoved_end + stored_shift).isoformat()}. "
                "Without the option --end, the command keeps this end. For another end, use an empty database."
            )
        shift = requested_shift if stored_shift is None else stored_shift
        load_result = LoadResult(shift, unmoved_end + shift, is_repeated=stored_shift is not None)
        with transaction.atomic():
            _create_clients(data, clients, load_result)
            _create_pipelines(data, clients, pipelines, load_result)
            _create_rules(data, clients, pipelines, load_result)
        done = 0
        for page in _pages(run_rows):
            load_result.runs += count_outcomes(record_runs(_event(row, pipelines, shift) for row in page))
            done += len(page)
            on_runs(done, len(run_rows))
        return load_result


def _end_of_last_day(rows: Sequence[Row]) -> datetime:
    """Return the midnight at the end of the data set's last day."""
    last = max(read_time(row["updated_at"]) for row in rows) if rows else datetime(1970, 1, 1, tzinfo=UTC)
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == last else midnight + timedelta(days=1)


def _stored_clients(data: Dataset) -> dict[str, Client]:
    """Return the existing clients of the data set. The keys are the data set's client ids.

    A client matches by its id, else by its name.
    """
    rows = [row for _, row in data.read(data.base_file("clients"), "clients").rows]
    matches = Q(pk__in=[row["client_id"] for row in rows]) | Q(name__in=[row["name"] for row in rows])
    stored = list(Client.objects.filter(matches))
    by_id, by_name = {str(client.pk): client for client in stored}, {client.name: client for client in stored}
    clients = {row["client_id"]: by_id.get(row["client_id"]) or by_name.get(row["name"]) for row in rows}
    return {key: client for key, client in clients.items() if client is not None}


def _stored_pipelines(data: Dataset, clients: dict[str, Client]) -> dict[str, UUID]:
    """Return the ids of the data set's existing pipelines. The keys are the data set's pipeline ids.

    A pipeline matches by its id, else by its client and name.
    """
    rows = [row for _, row in data.read(data.base_file("pipelines"), "pipelines").rows]
    matches = Q(pk__in=[row["pipeline_id"] for row in rows]) | Q(client__in=clients.values())
    stored = list(Pipeline.objects.filter(matches).values_list("pk", "client_id", "name"))
    by_id = {str(key): key for key, _, _ in stored}
    by_name = {(client_id, name): key for key, client_id, name in stored}
    stored_ids = {}
    for row in rows:
        key = by_id.get(row["pipeline_id"])
        if key is None and (client := clients.get(row["client_id"])) is not None:
            key = by_name.get((client.pk, row["name"]))
        stored_ids[row["pipeline_id"]] = key
    return {key: stored_id for key, stored_id in stored_ids.items() if stored_id is not None}


def _shift_of_stored_runs(rows: Sequence[Row], pipelines: dict[str, UUID]) -> timedelta | None:
    """Return the shift of most stored runs of the data set, or None if no run of it is stored."""
    terminal = [row for row in rows if row["status"] != Status.RUNNING and row["pipeline_id"] in pipelines]
    # The sample contains the oldest page, because an interrupted load has stored only the oldest runs.
    sample = [*terminal[:RUNS_PER_PAGE], *terminal[:: max(1, len(terminal) // SAMPLE_SIZE)]]
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


def _create_clients(data: Dataset, clients: dict[str, Client], load_result: LoadResult) -> None:
    for _, row in data.read(data.base_file("clients"), "clients").rows:
        if row["client_id"] not in clients:
            clients[row["client_id"]], created = Client.objects.get_or_create(
                name=row["name"], defaults={"pk": row["client_id"], "is_active": row["is_active"] == "true"}
            )
            load_result.created["clients"] += created


def _create_pipelines(
    data: Dataset, clients: dict[str, Client], pipelines: dict[str, UUID], load_result: LoadResult
) -> None:
    for _, row in data.read(data.base_file("pipelines"), "pipelines").rows:
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
            load_result.created["pipelines"] += created


def _create_rules(
    data: Dataset, clients: dict[str, Client], pipelines: dict[str, UUID], load_result: LoadResult
) -> None:
    """Create the missing rules.

    A rule exists if a stored rule has the same id, or the same scope, type, channel, destination and is_enabled. The
    database allows only one enabled rule with the same scope, type, channel and destination.
    """
    model: Any = apps.get_model("alerting", "AlertRule")  # by name, because ingestion may not import alerting
    for _, row in data.read(data.base_file("alert_rules"), "alert_rules").rows:
        is_enabled = row["is_enabled"] == "true"
        client = clients[row["client_id"]].pk if row["client_id"] else None
        pipeline = pipelines[row["pipeline_id"]] if row["pipeline_id"] else None
        scope = {"pipeline_id": pipeline} if pipeline else {"pipeline_id": None, "client_id": client}
        fields = {name: row[name] for name in ("rule_type", "channel", "destination")}
        same_rule = Q(pk=row["rule_id"]) | Q(**scope, **fields, is_enabled=is_enabled)
        if model.objects.filter(same_rule).exists():
            continue
        model.objects.create(
            pk=row["rule_id"],
            client_id=client,
            pipeline_id=pipeline,
            **fields,
            is_enabled=is_enabled,
            threshold=int(row["threshold"]) if row["threshold"] else None,
            window_minutes=int(row["window_minutes"]) if row["window_minutes"] else None,
        )
        load_result.created["alert rules"] += 1


def _pages(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    rest = iter(rows)
    while page := tuple(itertools.islice(rest, RUNS_PER_PAGE)):
        yield page


def _event(row: Row, pipelines: dict[str, UUID], shift: timedelta) -> RunEvent:
    return RunEvent(
        pipeline_id=pipelines[row["pipeline_id"]],
        external_run_id=row["external_run_id"],
        status=row["status"],
        started_at=_moved_time(row["started_at"], shift),
        finished_at=_moved_time(row["finished_at"], shift),
        duration_seconds=row["duration_seconds"],
        rows_processed=row["rows_processed"],
        error_message=row["error_message"],
        status_reason=row["status_reason"],
        payload=json.loads(row["payload"]) if row["payload"] else None,
        source_updated_at=_moved_time(row["updated_at"], shift),
    )


def _moved_time(text: str, shift: timedelta) -> datetime | None:
    return read_time(text) + shift if text else None
