"""Failures with one cause that began together are one incident; others are not (decision 0028)."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from chm_project.db.reporting.files import expanded, fragments
from chm_project.tests.reader import query_as_reader
from inventory.models import Client, Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.reporting.adapter import run_shape
from runs.reporting.parameters import validated
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

BEGIN = datetime(2026, 6, 10, tzinfo=UTC)
NOON = BEGIN + timedelta(hours=12)
MIN_SHARE = 0.95
LABELLED = Path(__file__).parent / "labelled_failures.jsonl"


def labelled() -> list[dict[str, Any]]:
    """Return failures with their true cause: recorded texts, synthetic outages and unrelated failures."""
    return [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]


def store_failures(failures: list[dict[str, Any]]) -> dict[str, str]:
    """Store one failing pipeline per failure; return the true cause by the pipeline's key."""
    names = sorted({failure["client"] for failure in failures})
    clients = {client.name: client for client in Client.objects.bulk_create(Client(name=name) for name in names)}
    pipelines = Pipeline.objects.bulk_create(
        Pipeline(
            client=clients[failure["client"]], name=failure["pipeline"], platform=failure["platform"],
            external_id=failure["external_id"], pipeline_type="ingestion",
        )
        for failure in failures
    )  # fmt: skip
    Run.objects.bulk_create(
        Run(
            pipeline=pipeline, external_run_id="1", status="failed", error_message=failure["error"],
            started_at=BEGIN + timedelta(minutes=failure["minute"]),
            finished_at=BEGIN + timedelta(minutes=failure["minute"]),
        )
        for pipeline, failure in zip(pipelines, failures, strict=True)
    )  # fmt: skip
    return {str(pipeline.pk): failure["cause"] for pipeline, failure in zip(pipelines, failures, strict=True)}


def pipelines_by_incident() -> dict[tuple[str, int], set[str]]:
    """Return the failing pipelines by incident."""
    members: dict[tuple[str, int], set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        sql = expanded("SELECT pipeline_id, incident, number FROM {incident_pipelines} AS failure", fragments())
        cursor.execute(sql, validated({}, {}))
        for pipeline_id, incident, number in cursor.fetchall():
            members[incident, number].add(str(pipeline_id))
    return members


def test_on_the_labelled_set_incidents_are_pure_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    failures = labelled()
    causes = store_failures(failures)

    incidents = pipelines_by_incident()

    by_cause: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    pure = 0
    for key, members in incidents.items():
        inside = Counter(causes[member] for member in members)
        pure += max(inside.values())
        for cause, count in inside.items():
            by_cause[cause][key] += count
    complete = sum(max(spread.values()) for spread in by_cause.values())
    purity, completeness = pure / len(failures), complete / len(failures)
    with capsys.disabled():
        print(  # noqa: T201 - the figures of decision 0028
            f"\n{len(failures)} failures of {len(by_cause)} causes in {len(incidents)} incidents: "
            f"purity {purity:.3f}, completeness {completeness:.3f}"
        )
    assert len(failures) >= 300
    assert purity >= MIN_SHARE
    assert completeness >= MIN_SHARE


def fail(
    minute: int, error: str | None, *, client: Client | None = None, platform: str = "airflow", **fields: Any
) -> Pipeline:
    """Create a pipeline whose only run failed this many minutes after noon."""
    owner = {"client": client} if client else {}
    pipeline = PipelineFactory.create(platform=platform, **owner, **fields)
    add_run(pipeline, minute, error)
    return pipeline


def add_run(pipeline: Pipeline, minute: int, error: str | None, status: str = "failed") -> None:
    moment = NOON + timedelta(minutes=minute)
    RunFactory.create(pipeline=pipeline, status=status, started_at=moment, finished_at=moment, error_message=error)


def incidents() -> list[tuple[int, int]]:
    """Return the start in minutes after noon and the number of pipelines of each incident."""
    rows = run_shape("incidents")
    return sorted((int((row["since"] - NOON).total_seconds() // 60), row["pipelines"]) for row in rows)


REFUSED = "could not connect to wh.example: connection refused"


def test_one_outage_of_several_clients_is_one_row_with_its_first_and_latest_failure() -> None:
    first = fail(0, "Task load_orders failed (try 1 of 2): ConnectionError: wh.example refused 10.0.0.7:5432")
    fail(30, "Task mart_prices failed (try 2 of 2): ConnectionError: wh.example refused 10.0.9.1:5432")
    latest = fail(80, "Task exports failed (try 1 of 1): ConnectionError: wh.example refused 10.1.0.2:5432")

    [row] = run_shape("incidents")

    assert (row["pipelines"], row["clients"], row["platform"]) == (3, 3, "airflow")
    assert (row["since"], row["until"]) == (NOON, NOON + timedelta(minutes=80))
    assert row["first_run_id"] == Run.objects.get(pipeline=first).pk
    assert row["run_id"] == Run.objects.get(pipeline=latest).pk
    assert row["error_message"].startswith("Task exports failed")


@pytest.mark.parametrize(
    ("gap", "rows"), [(60, [(0, 2)]), (61, [(0, 1), (61, 1)])], ids=["an hour apart", "more than an hour apart"]
)
def test_failures_with_one_cause_are_one_incident_if_each_begins_within_an_hour_of_the_former(
    gap: int, rows: list[tuple[int, int]]
) -> None:
    fail(0, REFUSED)
    fail(gap, REFUSED)

    assert incidents() == rows


def test_different_platforms_hosts_and_http_statuses_are_different_incidents() -> None:
    for error in (
        "HTTP 502 from https://a.example/1",
        "HTTP 401 from https://a.example/2",
        "HTTP 502 from https://b.example/1",
    ):
        fail(0, error)
    fail(0, "HTTP 502 from https://a.example/1", platform="dbt")

    assert incidents() == [(0, 1)] * 4


def test_texts_without_a_cause_are_grouped_within_one_client_and_15_minutes() -> None:
    acme = fail(0, "Task load failed (try 1 of 1): Task exited with return code 1").client
    fail(15, "Task mart failed (try 2 of 3): Task exited with return code 137", client=acme)
    fail(31, "Task copy failed (try 2 of 3): Task exited with return code 1", client=acme)
    fail(0, "Task load failed (try 1 of 1): Task exited with return code 1")
    fail(0, None)
    fail(0, None)

    assert incidents() == [(0, 1), (0, 1), (0, 1), (0, 2), (31, 1)]


def test_a_pipeline_counts_from_the_first_failure_with_its_current_cause() -> None:
    """Its streak is older than the incident, because it failed for another cause before."""
    pipeline = fail(0, "column 'amount' is missing")
    add_run(pipeline, 100, REFUSED)
    add_run(pipeline, 110, REFUSED)
    fail(120, REFUSED)

    assert incidents() == [(100, 2)]
    assert run_shape("failing_now")[0]["failing_since"] == NOON


def test_a_cause_that_returns_after_another_one_is_a_new_incident() -> None:
    pipeline = fail(0, REFUSED)
    add_run(pipeline, 10, "column 'amount' is missing")
    add_run(pipeline, 20, REFUSED)

    assert incidents() == [(20, 1)]


def test_a_pipeline_that_succeeds_leaves_its_incident_which_keeps_its_fingerprint() -> None:
    recovered = fail(0, REFUSED)
    fail(10, REFUSED)
    [before] = run_shape("incidents")

    add_run(recovered, 20, None, "success")

    [after] = run_shape("incidents")
    assert (after["pipelines"], after["incident"]) == (1, before["incident"])
    assert [row["incident"] for row in run_shape("failing_now")] == [before["incident"]]


def test_a_past_incident_is_computed_from_the_rows_as_stored_now() -> None:
    pipeline = fail(0, REFUSED)
    add_run(pipeline, 60, None, "success")

    assert run_shape("incidents") == []
    [row] = run_shape("incidents", as_of=NOON + timedelta(minutes=30))
    assert row["pipelines"] == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Timeout after 30 s on 10.0.0.7:5432", "timeout after 31 s on 10.0.0.9:5432\nDETAIL:  row (7, x)"),
        ("relation acme.orders does not exist", "relation borealis_x.prices does not exist"),
        ("KeyError: 'amount' in file /data/a.csv", "KeyError: 'price' in file /srv/b/c.csv"),
        (
            "lease 0xdeadbeef1 held by ops@acme.example at 2026-01-02T03:04:05Z",
            "lease 0xfff2 held by a.b@x.example at 2027-10-02 13:04:05",
        ),
        ("GET https://api.example/v1/a?x=1 timed out", "GET https://api.example/v2/b/c timed out"),
        (
            'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in a\n    x()\nOSError: disk full',
            'Traceback (most recent call last):\n  File "/b.py", line 9, in b\n    y()\n  File "c"\nOSError: disk full',
        ),
        (
            "Task a failed: HTTP 503 from x.example\nTask b failed: HTTP 503 from x.example",
            "Task c failed: HTTP 503 from x.example",
        ),
    ],
)  # fmt: skip
def test_texts_that_differ_only_in_masked_parts_have_one_cause(first: str, second: str) -> None:
    fail(0, first, name="load 1")
    fail(0, second, name="load 2")

    assert incidents() == [(0, 2)]


def test_the_names_of_client_and_pipeline_are_masked() -> None:
    fail(0, "warehouse NORTHWIND of daily-load is suspended", client=Client.objects.create(name="Northwind"),
         name="Daily-load")  # fmt: skip
    fail(0, "warehouse Fabrikam of prices_mart is suspended", client=Client.objects.create(name="Fabrikam"),
         external_id="prices_mart")  # fmt: skip

    assert incidents() == [(0, 2)]


def test_the_reporting_role_reads_incidents() -> None:
    fail(0, REFUSED)

    assert [row["pipelines"] for row in query_as_reader("SELECT pipelines FROM reporting.incidents", {})] == [1]
