"""Walks that take longer than a task: they stop at the end of a page and continue in the next task."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from ingestion.connections import Connection
from ingestion.report import Report
from ingestion.scope import IngestionScope, StopCondition
from ingestion.services import ingest_connection
from ingestion.synthetic.airflow_replay import ALL_RUNS_ENDED, AirflowReplay
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer, PartnerServer
from ingestion.tasks import ingest as ingest_task
from ingestion.tests import test_dagster_ingestion as dagster_tests
from ingestion.tests import test_prefect_ingestion as prefect_tests
from ingestion.tests.scripted_partner import DESCRIPTION_TOML, ScriptedPartner, WriteConnection, make_row
from ingestion.tests.support import (
    AIRFLOW_DAGS,
    PASSWORD_ENV,
    airflow_connection,
    create_pipelines,
    generic_connection,
    ingest,
    outcomes,
)
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def ingest_until(connection: Connection, stop: StopCondition | None = None) -> Report:
    """Ingest all pipelines until the stop condition is true."""
    pipelines = list(Pipeline.objects.ingestible().select_related("client").order_by("id"))
    return ingest_connection(connection, pipelines, stop=stop)


def stored_runs() -> list[tuple[Any, ...]]:
    fields = ("pipeline__name", "external_run_id", "status", "started_at", "finished_at", "payload")
    return list(Run.objects.order_by("pipeline__name", "external_run_id").values_list(*fields))


def stop_after(partner: PartnerServer, request_count: int) -> StopCondition:
    """Return a condition that stops after this number of further requests."""
    last = len(partner.requests) + request_count
    return StopCondition(must_stop=lambda: len(partner.requests) >= last)


def ingest_page_by_page(partner: PartnerServer, connection: Connection, *, limit: int = 200) -> int:
    """Ingest until the walk is complete, and stop after every page. Return the number of ingestions."""
    for number in range(1, limit):
        report = ingest_until(connection, stop_after(partner, 1))
        assert report.errors == []
        if not report.unfinished:
            return number
    raise AssertionError("the walk does not end")


@contextmanager
def generic_source(_: WriteConnection) -> Iterator[tuple[PartnerServer, Connection]]:
    with GenericPartner(token="partner-token-1", page_size=4) as partner:
        partner.runs["orders"] = [{"id": str(number), "status": "success"} for number in range(30)]
        create_pipelines("Northwind", "orders")
        yield partner, generic_connection(partner)


@contextmanager
def airflow_source(_: WriteConnection, **options: Any) -> Iterator[tuple[PartnerServer, Connection]]:
    with AirflowReplay(moment=ALL_RUNS_ENDED, maximum_page_limit=7, **options) as partner:
        create_pipelines("Northwind", *AIRFLOW_DAGS)
        # With these old watermarks, one listing returns all runs of all pipelines.
        Pipeline.objects.update(ingested_through=timezone.now() - timedelta(days=9000))
        yield partner, airflow_connection(partner)


@contextmanager
def airflow_by_offset_source(write_connection: WriteConnection) -> Iterator[tuple[PartnerServer, Connection]]:
    with airflow_source(write_connection, offers_cursors=False) as partner_and_connection:
        yield partner_and_connection


@contextmanager
def prefect_source(_: WriteConnection) -> Iterator[tuple[PartnerServer, Connection]]:
    row = next(row for row in prefect_tests.recorded_rows("A-early") if row["state_type"] == "COMPLETED")
    with prefect_tests.PrefectPartner() as partner:
        partner.rows = [row | {"id": f"00000000-0000-4000-8000-{number:012}"} for number in range(450)]
        create_pipelines("Northwind", row["flow_id"], platform="vendor_api")
        yield partner, prefect_tests.connection(partner)


@contextmanager
def dagster_source(_: WriteConnection) -> Iterator[tuple[PartnerServer, Connection]]:
    row = dagster_tests.recorded_rows("B-settled")[0]
    with dagster_tests.DagsterPartner() as partner:
        partner.rows = [row | {"runId": f"00000000-0000-4000-8000-{number:012}"} for number in range(350)]
        create_pipelines("Northwind", row["jobName"], platform="vendor_api")
        yield partner, dagster_tests.connection(partner)


@contextmanager
def declarative_source(
    write_connection: WriteConnection, paging: str, parameter: str
) -> Iterator[tuple[PartnerServer, Connection]]:
    rows = [make_row(number) for number in range(20)]

    def answer(request: Any) -> Answer:
        requested = int(request.query_value(parameter) or 0)
        first = {"page": (requested - 1) * 4}.get(parameter, requested)
        next_position = first + 4 if first + 4 < len(rows) else None
        return Answer(
            body={"runs": rows[first : first + 4], "total": len(rows), "next": next_position and f"?at={next_position}",
                  "cursor": next_position},
            headers={"Link": f'<{request.path}?at={next_position}>; rel="next"'} if next_position else {},
        )  # fmt: skip

    create_pipelines("Northwind", "orders", platform="custom")
    with ScriptedPartner() as partner:
        partner.script = answer
        yield partner, write_connection(partner, DESCRIPTION_TOML + f"[paging]\n{paging}\n")


DECLARATIVE_PAGING = {
    "by cursor": ('kind = "cursor"\nparam = "c"\nnext = "cursor"', "c"),
    "by offset": ('kind = "offset"\nparam = "o"\ntotal = "total"', "o"),
    "by page": ('kind = "page"\nparam = "page"\ntotal = "total"', "page"),
    "by next address": ('kind = "next_url"\nnext = "next"', "at"),
    "by link": ('kind = "link"', "at"),
}
SOURCES: dict[str, Callable[[WriteConnection], AbstractContextManager[tuple[PartnerServer, Connection]]]] = {
    "generic": generic_source,
    "airflow": airflow_source,
    "airflow by offset": airflow_by_offset_source,
    "prefect": prefect_source,
    "dagster": dagster_source,
    **{
        name: partial(declarative_source, paging=paging, parameter=parameter)
        for name, (paging, parameter) in DECLARATIVE_PAGING.items()
    },
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_walk_stopped_after_every_page_stores_the_same_rows_as_an_uninterrupted_walk(
    source: str,
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED" if "airflow" in source else "partner-token-1")
    with SOURCES[source](write_connection) as (partner, connection):
        began = timezone.now()
        ingestions = ingest_page_by_page(partner, connection)
        request_count, interrupted_rows = len(partner.requests), stored_runs()
        [watermark] = set(Pipeline.objects.values_list("ingested_through", flat=True))
        Run.objects.all().delete()
        Pipeline.objects.update(ingested_through=began - timedelta(days=9000) if "airflow" in source else None)
        partner.requests.clear()
        ingest(connection)

    assert interrupted_rows == stored_runs()
    assert ingestions > 2
    assert request_count <= 2 * len(partner.requests) + ingestions, (
        "each page is requested at most twice, and each ingestion may request a token"
    )
    assert watermark is not None
    assert began <= watermark <= began + timedelta(seconds=2), "the watermark is the time before the first request"


def test_a_task_whose_time_is_up_enqueues_itself_and_the_last_one_moves_the_watermark(
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    tmp_path: Any,
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    enqueued: list[Any] = []
    monkeypatch.setattr(ingest_task, "apply_async", lambda **options: enqueued.append(options))
    settings.CELERY_TASK_SOFT_TIME_LIMIT = 0.3
    with generic_source(write_connection) as (partner, _):
        partner.faults = [lambda _: time.sleep(0.1)] * 100
        path = tmp_path / "connections.toml"
        path.write_text(
            f'[connections.one]\nconnector = "generic"\nbase_url = "{partner.base_url}"\n'
            f'auth = {{ kind = "bearer", secret_env = "{PASSWORD_ENV}" }}\n'
        )
        settings.CHM_CONNECTIONS_FILE = str(path)
        tasks = 0
        while not tasks or enqueued:
            tasks += 1
            first_task: dict[str, Any] = {"kwargs": {"connection": "one"}, "task_id": "first"}
            next_task = enqueued.pop() if enqueued else first_task
            result = ingest_task.apply(kwargs=next_task["kwargs"], task_id=next_task["task_id"])
            assert [(options["task_id"], options["expires"]) for options in enqueued] in ([], [("first", 54.0)])
            assert (Pipeline.objects.get().ingested_through is None) is bool(enqueued)

    assert tasks > 1
    assert Run.objects.count() == 30
    assert result.get()["created"] == 30, "the counts of all tasks of the walk together"
    assert Pipeline.objects.get().ingested_through is not None


def test_a_walk_starts_again_if_the_partner_no_longer_accepts_its_position(
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with dagster_source(write_connection) as (partner, connection):
        assert isinstance(partner, dagster_tests.DagsterPartner)
        for _ in range(2):
            assert ingest_until(connection, stop_after(partner, 1)).unfinished
        del partner.rows[99]  # the run whose id is the cursor
        report = ingest_until(connection)
        assert "starts again" in str(report.errors)
        assert Pipeline.objects.get().ingested_through is None

        assert ingest_until(connection).errors == []

    assert Run.objects.count() == 350


def test_a_walk_starts_again_and_loses_no_run_if_the_cache_is_empty(
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    with generic_source(write_connection) as (partner, connection):
        for _ in range(3):
            ingest_until(connection, stop_after(partner, 1))
        cache.clear()
        partner.requests.clear()
        report = ingest_until(connection)

    assert partner.requests[0].query_value("cursor") is None
    # Three interrupted ingestions stored three pages of four runs.
    assert (outcomes(report)["created"] + 12, Run.objects.count()) == (30, 30)


def test_known_pipelines_are_walked_before_the_backfill_of_a_new_one(
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    with generic_source(write_connection) as (partner, connection):
        assert isinstance(partner, GenericPartner)
        partner.runs["stock"] = [{"id": "1", "status": "success"}]
        create_pipelines("Northwind", "stock")
        long_ago = timezone.now() - timedelta(days=1)
        Pipeline.objects.filter(name="stock").update(ingested_through=long_ago)
        report = ingest_until(connection, stop_after(partner, 4))

    assert report.unfinished
    stock_watermark, orders_watermark = (
        Pipeline.objects.get(name=name).ingested_through for name in ("stock", "orders")
    )
    assert stock_watermark is not None
    assert stock_watermark > long_ago
    assert orders_watermark is None
    assert [request.path.split("/")[2] for request in partner.requests][:2] == ["stock", "orders"]


def test_the_next_ingestion_starts_with_the_pipelines_that_were_not_reached(
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    with GenericPartner(token="partner-token-1") as partner:
        names = [f"p{number}" for number in range(6)]
        partner.runs = {name: [] for name in names}
        create_pipelines("Northwind", *names)
        Pipeline.objects.update(ingested_through=timezone.now() - timedelta(days=1))
        connection = generic_connection(partner)
        for _ in range(6):
            assert ingest_until(connection, stop_after(partner, 2)).unfinished

    assert {request.path.split("/")[2] for request in partner.requests} == set(names)


def test_a_manual_full_ingestion_ignores_the_saved_position(
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    with generic_source(write_connection) as (partner, connection):
        for _ in range(3):
            ingest_until(connection, stop_after(partner, 1))
        partner.requests.clear()
        pipelines = list(Pipeline.objects.ingestible())
        ingest_connection(connection, pipelines, IngestionScope(full=True))

    assert [request.query_value("cursor") for request in partner.requests][:2] == [None, "4"]
    assert len(partner.requests) == 8


def test_a_short_walk_writes_nothing_to_the_cache(
    write_connection: WriteConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    with generic_source(write_connection) as (_, connection):
        saved: list[str] = []
        monkeypatch.setattr("chm_project.db.best_effort_cache.write", lambda key, value, seconds: saved.append(key))
        ingest_until(connection)

    assert saved == []
