"""The work of a tick depends on the number of changed runs, and not on the number of pipelines or stored runs."""

from collections import Counter
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion.synthetic.airflow_with_many_dags import AirflowWithManyDags, dag_run
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Request
from ingestion.tests.support import (
    PASSWORD_ENV,
    airflow_connection,
    create_pipelines,
    generic_connection,
    ingest,
    outcomes,
    row_versions,
)
from inventory.models import Client, Pipeline
from runs.models import Run

CHANGED_RUNS, FAILED_RUNS = 200, 20


@pytest.mark.django_db
@pytest.mark.parametrize("pipeline_count", [CHANGED_RUNS, 10_000])
def test_the_cost_of_a_tick_does_not_depend_on_the_number_of_pipelines(
    pipeline_count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "secret")
    client = Client.objects.create(name="Northwind")
    walked_at = timezone.now() - timedelta(minutes=10)
    Pipeline.objects.bulk_create(
        Pipeline(
            client=client, name=f"p{number}", external_id=f"p{number}", platform="airflow", pipeline_type="transform",
            ingested_through=walked_at, last_ingest_at=walked_at, ingest_due_at=walked_at,
        )
        for number in range(pipeline_count)
    )  # fmt: skip
    with AirflowWithManyDags() as airflow:
        airflow.changes = [(timezone.now(), dag_run(f"p{number}", 1, timezone.now())) for number in range(CHANGED_RUNS)]
        airflow.changes += [
            (walked_at - timedelta(days=1), dag_run(f"p{number}", 0, walked_at)) for number in range(CHANGED_RUNS)
        ]
        with CaptureQueriesContext(database) as captured:
            report = ingest(airflow_connection(airflow, interval_seconds=60))
        listings = [request for request in airflow.requests if "dagRuns" in request.path]

    assert (report.errors, report.created, report.pipelines_processed) == ([], CHANGED_RUNS, pipeline_count)
    assert len(listings) == 3, "a page has 100 runs, and starts with the last run of the page before"
    statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    watermark_statements = [sql for sql in statements if "ingested_through = CASE" in sql]
    assert len(watermark_statements) == 1
    assert len(statements) <= 8, "the inventory, the open runs, three pages, one statement that moves all watermarks"
    assert Pipeline.objects.filter(ingested_through__gt=walked_at).count() == pipeline_count
    assert Run.objects.count() == CHANGED_RUNS


@pytest.mark.django_db
def test_a_tick_of_ten_thousand_pipelines_sends_the_expected_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "secret")
    cache.clear()
    client = Client.objects.create(name="Northwind")
    walked_at = timezone.now() - timedelta(minutes=10)
    names = [f"p{number:05}" for number in range(10_000)]
    Pipeline.objects.bulk_create(
        Pipeline(
            client=client, name=name, external_id=name, platform="airflow", pipeline_type="transform",
            ingested_through=walked_at, last_ingest_at=walked_at, ingest_due_at=walked_at,
        )
        for name in names
    )  # fmt: skip
    with AirflowWithManyDags() as airflow:
        airflow.dag_ids = names
        connection = airflow_connection(airflow, interval_seconds=60, inventory_seconds=300)
        ticks = []
        for changed_count in (0, CHANGED_RUNS, 0, 0):
            now = timezone.now()
            airflow.changes = [
                *((moment - timedelta(minutes=5), row) for moment, row in airflow.changes),
                *((now, dag_run(name, 1, now, "failed" if place < FAILED_RUNS else "success"))
                  for place, name in enumerate(names[:changed_count])),
            ]  # fmt: skip
            requests_before = len(airflow.requests)
            report = ingest(connection)
            assert report.errors == []
            ticks.append(Counter(resource_of_request(request) for request in airflow.requests[requests_before:]))
            Pipeline.objects.update(ingested_through=timezone.now())
    cache.clear()

    first_tick, tick_with_changes, next_tick, tick_without_changes = ticks
    assert first_tick["dags"] == 101, "a page has 100 DAGs, and starts with the last DAG of the page before"
    assert tick_with_changes == {"dagRuns": 3, "taskInstances": 1, "logs": 19}, "at most 20 requests for error texts"
    assert next_tick == {"dagRuns": 1, "taskInstances": 1, "logs": 1}, "the last error text"
    assert tick_without_changes == {"dagRuns": 1}
    assert Run.objects.filter(status="failed").exclude(error_message=None).count() == FAILED_RUNS
    assert Run.objects.count() == CHANGED_RUNS


def resource_of_request(request: Request) -> str:
    """Return the kind of resource that the request asks for, such as "dagRuns"."""
    resources = ("logs", "taskInstances", "dagRuns", "dags", "token", "version")
    return next(part for part in resources if f"/{part}" in request.path)


@pytest.mark.django_db
def test_ingesting_a_year_of_runs_again_writes_no_row(generic_partner: GenericPartner) -> None:
    names = [f"p{number}" for number in range(8)]
    create_pipelines("Northwind", *names)
    day = timezone.now() - timedelta(days=365)
    for name in names:
        generic_partner.runs[name] = [
            {
                "id": str(number),
                "status": "failed" if number % 7 == 0 else "success",
                "started_at": (day + timedelta(days=number)).isoformat(),
                "finished_at": (day + timedelta(days=number, minutes=9)).isoformat(),
                "config": {"number": number},
            }
            for number in range(365)
        ]
    first = ingest(generic_connection(generic_partner), full=True)
    before = row_versions()

    again = ingest(generic_connection(generic_partner), full=True)

    assert (outcomes(first), outcomes(again)) == ({"created": 8 * 365}, {"unchanged": 8 * 365})
    assert row_versions() == before
