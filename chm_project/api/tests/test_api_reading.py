"""Filters, orders, searches, chosen fields and CSV return the right rows, and never rows of another client."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from alerting.models import AlertRule
from chm_project.tests.api import (
    ROOT,
    UNKNOWN_ID,
    api_with_scope,
    create_bound_user,
    field_errors,
    items,
    rows_of_all_pages,
)
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def api() -> APIClient:
    return api_with_scope("read")


def column_values(api: APIClient, path: str, name: str, query: str = "") -> list[Any]:
    return [item[name] for item in items(api.get(f"{ROOT}/{path}?{query}"))]


# Several values


@pytest.mark.parametrize(
    "query", ["status=failed,running", "status=failed&status=running", "status=running,failed,failed"]
)
def test_several_values_are_separated_by_commas_or_repeated(api: APIClient, query: str) -> None:
    runs = {status: RunFactory.create(status=status) for status in ("failed", "running", "success")}
    pipeline = runs["failed"].pipeline
    RunFactory.create(pipeline=pipeline, status="success")

    assert sorted(column_values(api, "runs", "status", query)) == ["failed", "running"]
    assert column_values(api, f"pipelines/{pipeline.pk}/runs", "status", query) == ["failed"]


def test_filters_of_pipelines_and_rules_accept_several_values(api: APIClient) -> None:
    client = ClientFactory.create()
    for platform in ("airflow", "dbt", "cron"):
        pipeline = PipelineFactory.create(client=client, platform=platform)
        AlertRule.objects.create(pipeline=pipeline, rule_type="on_failure", channel="slack", destination=f"#{platform}")
    other = PipelineFactory.create(platform="custom")

    assert sorted(column_values(api, "pipelines", "platform", "platform=airflow,dbt")) == ["airflow", "dbt"]
    two_clients = f"client_id={client.pk},{other.client_id}"
    assert sorted(column_values(api, "pipelines", "platform", two_clients)) == ["airflow", "cron", "custom", "dbt"]
    assert len(column_values(api, "alert_rules", "id", "channel=slack,email&rule_type=on_failure")) == 3
    assert len(column_values(api, "alert_rules", "id", "channel=email")) == 0


def test_runs_of_several_pipelines_or_clients_are_sorted_together(api: APIClient) -> None:
    pipelines = [PipelineFactory.create() for _ in range(3)]
    for hours in range(6):
        moment = NOON + timedelta(hours=hours)
        RunFactory.create(pipeline=pipelines[hours % 3], started_at=moment, finished_at=moment)
    first, second, _ = pipelines

    for query in (f"pipeline_id={first.pk},{second.pk}", f"client_id={first.client_id},{second.client_id}"):
        for ordering, expected in (("-event_at", [4, 3, 1, 0]), ("event_at", [0, 1, 3, 4])):
            name, _, value = query.partition("=")
            runs = rows_of_all_pages(api, f"{ROOT}/runs", limit=1, ordering=ordering, **{name: value})
            assert [datetime.fromisoformat(run["event_at"]).hour - 12 for run in runs] == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=failed,wrong", "status"),
        ("status=failed,", "status"),
        ("status=failed&status=", "status"),
        ("client_id=1,2", "client_id"),
        ("pipeline_id=" + ",".join([UNKNOWN_ID] * 101), "pipeline_id"),
        ("since=2026-03-01&since=2026-03-02", "since"),
        ("search=%00", "search"),
        ("ordering=started_at", "ordering"),
        ("ordering=name", "ordering"),
        ("fields=id,secret", "fields"),
        ("fields=id,,status", "fields"),
        ("started_since=2026-03-01", "started_since"),
        ("q=x", "q"),
    ],
)
def test_an_invalid_parameter_is_named_in_the_error(api: APIClient, query: str, field: str) -> None:
    assert set(field_errors(api.get(f"{ROOT}/runs?{query}"))) == {field}


# Order


@pytest.mark.parametrize("name", ["name", "created_at", "updated_at"])
def test_the_inventory_can_be_paged_in_every_offered_order(api: APIClient, name: str) -> None:
    client = ClientFactory.create()
    for letter in "bdac":
        PipelineFactory.create(client=client, name=letter)
    client.save()

    for path in ("pipelines", f"clients/{client.pk}/pipelines"):
        ascending = [item[name] for item in rows_of_all_pages(api, f"{ROOT}/{path}", ordering=name, limit=1)]
        descending = [item[name] for item in rows_of_all_pages(api, f"{ROOT}/{path}", ordering=f"-{name}", limit=3)]
        assert ascending == sorted(ascending) == descending[::-1]
        assert len(ascending) == 4


def test_runs_can_be_paged_in_every_offered_order(api: APIClient) -> None:
    pipeline = PipelineFactory.create()
    for started, finished in [(0, 5), (1, 2), (2, None), (None, 4), (None, None), (2, 2)]:
        times = [NOON + timedelta(hours=hours) if hours is not None else None for hours in (started, finished)]
        RunFactory.create(pipeline=pipeline, started_at=times[0], finished_at=times[1])
    path = f"{ROOT}/pipelines/{pipeline.pk}/runs"

    latest_first = rows_of_all_pages(api, path, limit=1)
    assert (
        rows_of_all_pages(api, path, ordering="-started_at", limit=2)
        == latest_first
        == rows_of_all_pages(api, path, order="desc")
    )
    assert (
        rows_of_all_pages(api, path, ordering="started_at", limit=1)
        == latest_first[::-1]
        == rows_of_all_pages(api, path, order="asc")
    )
    by_event = rows_of_all_pages(api, path, ordering="event_at", limit=1)
    assert [run["event_at"] for run in by_event] == sorted(run["event_at"] for run in latest_first)
    assert (
        rows_of_all_pages(api, path, ordering="-event_at", limit=4)
        == by_event[::-1]
        == rows_of_all_pages(api, f"{ROOT}/runs", limit=5)
    )
    assert set(field_errors(api.get(path, {"order": "asc", "ordering": "event_at"}))) == {"order"}


@pytest.mark.parametrize("ordering", ["event_at", "-event_at", "started_at", "-started_at"])
def test_every_order_of_a_pipelines_runs_uses_an_index(api: APIClient, ordering: str) -> None:
    pipeline = PipelineFactory.create()
    RunFactory.create_batch(3, pipeline=pipeline)
    parameters = {"limit": "1", "ordering": ordering}
    cursor = api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs", parameters).json()["next_cursor"]

    with CaptureQueriesContext(connection) as queries:
        api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs", parameters | {"cursor": cursor})
    with connection.cursor() as db:
        db.execute("SET LOCAL enable_seqscan = off")
        db.execute("SET LOCAL enable_sort = off")
        db.execute(f"EXPLAIN {queries[-1]['sql']}")
        plan = "\n".join(row[0] for row in db.fetchall())

    assert "Sort" not in plan, plan
    assert ("runs_latest" if "started" in ordering else "runs_by_pipeline_event") in plan


def test_a_cursor_is_valid_only_with_the_same_ordering_filters_and_fields(api: APIClient) -> None:
    ClientFactory.create_batch(3)

    for valid in ({"ordering": "-name"}, {"search": "e"}, {"fields": "id"}):
        cursor = api.get(f"{ROOT}/clients", {"limit": "1", **valid}).json()["next_cursor"]
        assert cursor
        assert api.get(f"{ROOT}/clients", {"cursor": cursor, **valid}).status_code == 200
        for other in ({}, {"ordering": "name"}, {"ordering": "created_at"}, {"search": "i"}, {"fields": "name"}):
            assert set(field_errors(api.get(f"{ROOT}/clients", {"cursor": cursor, **other}))) == {"cursor"}


def test_a_cursor_for_two_values_of_a_filter_is_not_valid_for_one_of_them(api: APIClient) -> None:
    RunFactory.create_batch(3, status="success")
    cursor = api.get(f"{ROOT}/runs?status=failed&status=success&limit=1").json()["next_cursor"]

    assert api.get(f"{ROOT}/runs?status=failed&status=success&cursor={cursor}").status_code == 200
    assert set(field_errors(api.get(f"{ROOT}/runs?status=success&cursor={cursor}"))) == {"cursor"}


def test_the_next_page_is_linked_in_a_header(api: APIClient) -> None:
    ClientFactory.create_batch(3)

    first = api.get(f"{ROOT}/clients?limit=2&ordering=-name")
    link, _, relation = first["Link"].partition("; ")
    second = api.get(link.strip("<>"))

    assert relation == 'rel="next"'
    assert [len(items(first)), len(items(second))] == [2, 1]
    assert "Link" not in second


# Search


def test_a_search_ignores_upper_and_lower_case_of_names_and_external_ids(api: APIClient) -> None:
    northwind = ClientFactory.create(name="Northwind 100%")
    ClientFactory.create(name="Contoso 1000")
    PipelineFactory.create(client=northwind, name="Daily sales", external_id="sales_dag")
    PipelineFactory.create(client=northwind, name="Orders", external_id="ORDERS_SALES")
    PipelineFactory.create(client=northwind, name="Stock", external_id=None)
    AlertRule.objects.create(client=northwind, rule_type="on_failure", channel="slack", destination="#Data-Alerts")

    assert column_values(api, "clients", "name", "search=NORTH") == ["Northwind 100%"]
    assert column_values(api, "clients", "name", "search=100%25") == ["Northwind 100%"]
    assert column_values(api, "pipelines", "name", "search=sales") == ["Daily sales", "Orders"]
    assert column_values(api, f"clients/{northwind.pk}/pipelines", "name", "search=tock") == ["Stock"]
    assert column_values(api, "alert_rules", "destination", "search=data") == ["#Data-Alerts"]


def test_a_search_of_error_texts_covers_at_most_31_days(api: APIClient) -> None:
    now = timezone.now()

    def create_run(days: int, text: str, status: str = "failed") -> None:
        moment = now - timedelta(days=days)
        RunFactory.create(status=status, started_at=moment, finished_at=moment, error_message=text)

    create_run(1, "Disk FULL on node 7")
    create_run(20, "disk full again")
    create_run(40, "disk full long ago")
    create_run(2, "timeout")
    create_run(3, "disk full", status="success")

    assert len(column_values(api, "runs", "id", "q=disk%20full")) == 2
    assert column_values(api, "runs", "error_message", "q=DISK&ordering=event_at&limit=1") == ["disk full again"]
    until = (now - timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(column_values(api, "runs", "id", f"q=disk&until={until}")) == 2
    since = (now - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(column_values(api, "runs", "id", f"q=disk&since={since}&status=failed,running")) == 2
    early = (now - timedelta(days=45)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert set(field_errors(api.get(f"{ROOT}/runs?q=disk&since={early}"))) == {"since"}
    assert set(field_errors(api.get(f"{ROOT}/runs?q=disk&status=success"))) == {"status"}
    assert set(field_errors(api.get(f"{ROOT}/runs?q=disk&until=0001-01-02"))) == {"until"}


def test_a_search_of_error_texts_reads_an_index(api: APIClient) -> None:
    with CaptureQueriesContext(connection) as queries:
        api.get(f"{ROOT}/runs?q=disk")
    with connection.cursor() as db:
        db.execute("SET LOCAL enable_seqscan = off")
        db.execute(f"EXPLAIN {queries[-1]['sql']}")
        plan = "\n".join(row[0] for row in db.fetchall())

    assert "runs_failed" in plan or "runs_by_event" in plan, plan
    assert "Seq Scan on runs" not in plan


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("clients", "search=secret"),
        ("pipelines", "search=secret"),
        ("alert_rules", "search=secret"),
        ("runs", "search=secret"),
        ("runs", "q=secret"),
        ("runs", "external_run_id=secret_1"),
        ("runs", "status=failed,success&ordering=event_at"),
        ("runs", "fields=id,external_run_id,error_message"),
        ("pipelines", "ordering=-updated_at&fields=name"),
        ("runs", "client_id={client},{other}"),
        ("runs", "pipeline_id={pipeline},{other_pipeline}"),
        ("pipelines", "client_id={client},{other}"),
        ("alert_rules", "pipeline_id={pipeline},{other_pipeline}"),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_parameters_show_a_bound_caller_nothing_of_another_client(path: str, query: str, accept: str) -> None:
    foreign_pipeline = PipelineFactory.create(client__name="secret", name="secret pipeline", external_id="secret_dag")
    now = timezone.now()
    RunFactory.create(
        pipeline=foreign_pipeline,
        status="failed",
        external_run_id="secret_1",
        error_message="secret text",
        finished_at=now,
    )
    AlertRule.objects.create(pipeline=foreign_pipeline, rule_type="on_failure", channel="slack", destination="#secret")
    own_pipeline = PipelineFactory.create()
    query = query.format(
        client=foreign_pipeline.client_id, other=UNKNOWN_ID, pipeline=foreign_pipeline.pk, other_pipeline=UNKNOWN_ID
    )

    bound_user = APIClient()
    bound_user.force_login(create_bound_user("person of two clients", own_pipeline.client_id))
    for caller in (
        api_with_scope("admin", client_id=own_pipeline.client_id),
        api_with_scope("admin", pipeline_id=own_pipeline.pk),
        bound_user,
    ):
        response = caller.get(f"{ROOT}/{path}?{query}", HTTP_ACCEPT=accept)
        content = b"".join(response) if response.streaming else response.content
        assert response.status_code == 200
        assert b"secret" not in content
        assert str(foreign_pipeline.pk).encode() not in content
    unbound = api_with_scope("admin").get(f"{ROOT}/{path}?{query}", HTTP_ACCEPT=accept)
    content = b"".join(unbound) if unbound.streaming else unbound.content
    assert b"secret" in content or str(foreign_pipeline.pk).encode() in content


# Chosen fields, and CSV


def test_a_response_contains_only_the_chosen_fields(api: APIClient) -> None:
    run = RunFactory.create(payload={"large": "x" * 1000})
    paths = {
        f"runs/{run.pk}": ["id", "status"],
        f"pipelines/{run.pipeline_id}/runs/latest": ["event_at"],
        f"pipelines/{run.pipeline_id}/runs/{run.external_run_id}": ["id"],
        f"clients/{run.pipeline.client_id}": ["name"],
        f"pipelines/{run.pipeline_id}": ["name", "stale_since"],
    }
    for path, names in paths.items():
        assert set(api.get(f"{ROOT}/{path}?fields={','.join(names)}").json()) == set(names)
        assert set(field_errors(api.get(f"{ROOT}/{path}?fields=id,wrong"))) == {"fields"}
    [item] = items(api.get(f"{ROOT}/runs?fields=id&fields=status"))
    assert item == {"id": str(run.pk), "status": run.status}


def test_a_write_does_not_accept_the_parameter_fields() -> None:
    assert set(field_errors(api_with_scope().post(f"{ROOT}/clients?fields=id", {"name": "x"}))) == {"fields"}


@pytest.mark.parametrize("path", ["clients", "pipelines", "alert_rules", "alert_rules/firing", "runs"])
def test_every_list_is_available_as_csv_page_by_page(path: str, api: APIClient) -> None:
    for _ in range(3):
        run = RunFactory.create(status="failed", started_at=timezone.now())
        AlertRule.objects.create(pipeline=run.pipeline, rule_type="on_failure", channel="slack", destination="@ops")
    expected = [item["id"] for item in items(api.get(f"{ROOT}/{path}"))]

    first = api.get(f"{ROOT}/{path}?limit=2", HTTP_ACCEPT="text/csv")
    rest = api.get(f"{ROOT}/{path}?limit=2&cursor={first['CHM-Next-Cursor']}", HTTP_ACCEPT="text/csv")

    rows = [row for page in (first, rest) for row in csv.DictReader(io.StringIO(b"".join(page).decode()))]
    assert [row["id"] for row in rows] == expected
    assert "CHM-Next-Cursor" not in rest
    if path.startswith("alert_rules"):
        assert {row["destination"] for row in rows} == {"'@ops"}


def test_csv_has_the_chosen_fields_as_columns(api: APIClient) -> None:
    ClientFactory.create(name="Northwind")

    response = api.get(f"{ROOT}/clients?fields=name,is_active", HTTP_ACCEPT="text/csv")

    assert b"".join(response).decode().splitlines() == ["name,is_active", "Northwind,true"]


# Windows


def test_a_pipelines_runs_can_be_filtered_by_start_and_by_event_time(api: APIClient) -> None:
    pipeline = PipelineFactory.create()
    for hours in (0, 1):
        started = NOON + timedelta(hours=hours)
        RunFactory.create(pipeline=pipeline, started_at=started, finished_at=started + timedelta(hours=10))

    def count(**window: str) -> int:
        return len(items(api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs", window)))

    assert count(since="2026-03-01T13:00:00Z") == 1
    assert count(event_since="2026-03-01T13:00:00Z") == 2
    assert count(event_since="2026-03-01T23:00:00Z") == 1
    assert count(event_until="2026-03-01T23:00:00Z", until="2026-03-01T13:00:00Z") == 1
