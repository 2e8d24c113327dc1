"""Failures that have the same cause and began at about the same time are one incident (decision 0028)."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from chm_project.db.reporting.files import expanded, fragments
from chm_project.tests.reporting_role import query_as_reporting_role
from inventory.models import Client, Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.reporting.parameters import validated
from runs.reporting.run_shapes import run_shape
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 6, 10, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
MIN_PURITY_AND_COMPLETENESS = 0.95
LABELLED_FAILURES_FILE = Path(__file__).parent / "labelled_failures.jsonl"


def labelled_failures() -> list[dict[str, Any]]:
    """Return failures with their real cause: recorded texts, synthetic outages and unrelated failures."""
    return [json.loads(line) for line in LABELLED_FAILURES_FILE.read_text(encoding="utf-8").splitlines()]


def store_failures(failures: list[dict[str, Any]]) -> dict[str, str]:
    """Store one failing pipeline for each failure. Map the key of each pipeline to the real cause of its failure."""
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
            started_at=MIDNIGHT + timedelta(minutes=failure["minute"]),
            finished_at=MIDNIGHT + timedelta(minutes=failure["minute"]),
        )
        for pipeline, failure in zip(pipelines, failures, strict=True)
    )  # fmt: skip
    return {str(pipeline.pk): failure["cause"] for pipeline, failure in zip(pipelines, failures, strict=True)}


def pipelines_by_incident() -> dict[tuple[str, int], set[str]]:
    """Map each incident (its fingerprint and its number) to the keys of its pipelines."""
    members: dict[tuple[str, int], set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        sql = expanded("SELECT pipeline_id, incident, number FROM {incident_pipelines} AS failure", fragments())
        cursor.execute(sql, validated({}, {}))
        for pipeline_id, incident, number in cursor.fetchall():
            members[incident, number].add(str(pipeline_id))
    return members


def test_incidents_of_the_labelled_failures_are_pure_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    """Purity: the share of failures that have the main cause of their incident.

    Completeness: the share of failures that are in the main incident of their cause.
    """
    failures = labelled_failures()
    causes = store_failures(failures)

    incidents = pipelines_by_incident()

    by_cause: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    with_main_cause = 0
    for key, members in incidents.items():
        cause_counts = Counter(causes[member] for member in members)
        with_main_cause += max(cause_counts.values())
        for cause, count in cause_counts.items():
            by_cause[cause][key] += count
    in_main_incident = sum(max(counts.values()) for counts in by_cause.values())
    purity, completeness = with_main_cause / len(failures), in_main_incident / len(failures)
    with capsys.disabled():
        print(  # noqa: T201 - the figures of decision 0028
            f"\n{len(failures)} failures of {len(by_cause)} causes in {len(incidents)} incidents: "
            f"purity {purity:.3f}, completeness {completeness:.3f}"
        )
    assert len(failures) >= 300
    assert purity >= MIN_PURITY_AND_COMPLETENESS
    assert completeness >= MIN_PURITY_AND_COMPLETENESS


def create_failing_pipeline(
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


def starts_and_sizes() -> list[tuple[int, int]]:
    """Return for each incident its start, in minutes after noon, and its number of pipelines."""
    rows = run_shape("incidents")
    return sorted((int((row["since"] - NOON).total_seconds() // 60), row["pipelines"]) for row in rows)


CONNECTION_REFUSED = "could not connect to wh.example: connection refused"


def test_one_outage_of_several_clients_is_one_row_with_its_first_and_latest_failure() -> None:
    first = create_failing_pipeline(
        0, "Task load_orders failed (try 1 of 2): ConnectionError: wh.example refused 10.0.0.7:5432"
    )
    create_failing_pipeline(
        30, "Task mart_prices failed (try 2 of 2): ConnectionError: wh.example refused 10.0.9.1:5432"
    )
    latest = create_failing_pipeline(
        80, "Task exports failed (try 1 of 1): ConnectionError: wh.example refused 10.1.0.2:5432"
    )

    [row] = run_shape("incidents")

    assert (row["pipelines"], row["clients"], row["platform"]) == (3, 3, "airflow")
    assert (row["since"], row["until"]) == (NOON, NOON + timedelta(minutes=80))
    assert row["first_run_id"] == Run.objects.get(pipeline=first).pk
    assert row["run_id"] == Run.objects.get(pipeline=latest).pk
    assert row["error_message"].startswith("Task exports failed")


@pytest.mark.parametrize(
    ("gap", "rows"), [(60, [(0, 2)]), (61, [(0, 1), (61, 1)])], ids=["an hour apart", "more than an hour apart"]
)
def test_failures_with_one_cause_are_one_incident_if_each_begins_within_an_hour_of_the_previous_one(
    gap: int, rows: list[tuple[int, int]]
) -> None:
    create_failing_pipeline(0, CONNECTION_REFUSED)
    create_failing_pipeline(gap, CONNECTION_REFUSED)

    assert starts_and_sizes() == rows


def test_different_platforms_hosts_and_http_statuses_are_different_incidents() -> None:
    for error in (
        "HTTP 502 from https://a.example/1",
        "HTTP 401 from https://a.example/2",
        "HTTP 502 from https://b.example/1",
    ):
        create_failing_pipeline(0, error)
    create_failing_pipeline(0, "HTTP 502 from https://a.example/1", platform="dbt")

    assert starts_and_sizes() == [(0, 1)] * 4


def test_failures_with_a_vague_cause_are_grouped_within_one_client_and_15_minutes() -> None:
    acme = create_failing_pipeline(0, "Task load failed (try 1 of 1): Task exited with return code 1").client
    create_failing_pipeline(15, "Task mart failed (try 2 of 3): Task exited with return code 137", client=acme)
    create_failing_pipeline(31, "Task copy failed (try 2 of 3): Task exited with return code 1", client=acme)
    create_failing_pipeline(0, "Task load failed (try 1 of 1): Task exited with return code 1")
    create_failing_pipeline(0, None)
    create_failing_pipeline(0, None)

    assert starts_and_sizes() == [(0, 1), (0, 1), (0, 1), (0, 2), (31, 1)]


def test_a_pipeline_joins_an_incident_when_it_first_fails_with_its_current_cause() -> None:
    """The pipeline failed before with another cause. So its streak began before the incident."""
    pipeline = create_failing_pipeline(0, "column 'amount' is missing")
    add_run(pipeline, 100, CONNECTION_REFUSED)
    add_run(pipeline, 110, CONNECTION_REFUSED)
    create_failing_pipeline(120, CONNECTION_REFUSED)

    assert starts_and_sizes() == [(100, 2)]
    assert run_shape("failing_now")[0]["failing_since"] == NOON


def test_a_cause_that_returns_after_another_one_is_a_new_incident() -> None:
    pipeline = create_failing_pipeline(0, CONNECTION_REFUSED)
    add_run(pipeline, 10, "column 'amount' is missing")
    add_run(pipeline, 20, CONNECTION_REFUSED)

    assert starts_and_sizes() == [(20, 1)]


def test_an_incident_keeps_its_fingerprint_after_one_of_its_pipelines_recovers() -> None:
    recovered = create_failing_pipeline(0, CONNECTION_REFUSED)
    create_failing_pipeline(10, CONNECTION_REFUSED)
    [before] = run_shape("incidents")

    add_run(recovered, 20, None, "success")

    [after] = run_shape("incidents")
    assert (after["pipelines"], after["incident"]) == (1, before["incident"])
    assert [row["incident"] for row in run_shape("failing_now")] == [before["incident"]]


def test_a_past_incident_is_computed_from_the_runs_that_are_stored_now() -> None:
    pipeline = create_failing_pipeline(0, CONNECTION_REFUSED)
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
def test_texts_that_differ_only_in_parts_that_vary_have_one_cause(first: str, second: str) -> None:
    create_failing_pipeline(0, first, name="load 1")
    create_failing_pipeline(0, second, name="load 2")

    assert starts_and_sizes() == [(0, 2)]


def test_texts_that_differ_only_in_names_of_client_and_pipeline_have_one_cause() -> None:
    northwind, fabrikam = (Client.objects.create(name=name) for name in ("Northwind", "Fabrikam"))
    create_failing_pipeline(0, "warehouse NORTHWIND of daily-load is suspended", client=northwind, name="Daily-load")
    create_failing_pipeline(
        0, "warehouse Fabrikam of prices_mart is suspended", client=fabrikam, external_id="prices_mart"
    )

    assert starts_and_sizes() == [(0, 2)]


def test_the_reporting_role_reads_incidents() -> None:
    create_failing_pipeline(0, CONNECTION_REFUSED)

    assert [row["pipelines"] for row in query_as_reporting_role("SELECT pipelines FROM reporting.incidents", {})] == [1]
