"""Pages are limited, cursors are signed, each row appears once, and every page reads an index."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from chm_project.tests.api import ROOT, api_with_scope, field_errors, items, rows_of_all_pages
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def api() -> APIClient:
    return api_with_scope("read")


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1, 1, 1]), (2, [2, 1]), (3, [3]), (4, [3]), (1000, [3])])
def test_pages_have_the_requested_length_and_the_last_page_has_no_cursor(
    api: APIClient, limit: int, sizes: list[int]
) -> None:
    ClientFactory.create_batch(3)
    page_sizes: list[int] = []
    parameters: dict[str, Any] = {"limit": limit}

    while True:
        body = api.get(f"{ROOT}/clients", parameters).json()
        page_sizes.append(len(body["items"]))
        if body["next_cursor"] is None:
            break
        parameters["cursor"] = body["next_cursor"]

    assert page_sizes == sizes


def test_an_empty_list_has_one_empty_page(api: APIClient) -> None:
    assert api.get(f"{ROOT}/clients").json() == {"items": [], "next_cursor": None}


@pytest.mark.proves("FR-005", "AC-003")
def test_without_a_limit_a_page_has_100_rows(api: APIClient) -> None:
    ClientFactory.create_batch(101)

    assert len(items(api.get(f"{ROOT}/clients"))) == 100
    assert len(items(api.get(f"{ROOT}/clients", {"limit": 1000}))) == 101


def cursor_of(api: APIClient, path: str, **parameters: Any) -> str:
    cursor = api.get(f"{ROOT}{path}", parameters | {"limit": 1}).json()["next_cursor"]
    assert cursor
    return str(cursor)


@pytest.fixture
def pipeline() -> Pipeline:
    pipeline = PipelineFactory.create()
    RunFactory.create_batch(3, pipeline=pipeline)
    return pipeline


def test_a_cursor_is_valid_only_for_its_list_and_filters(api: APIClient, pipeline: Pipeline) -> None:
    runs_path = f"/pipelines/{pipeline.pk}/runs"
    cursor = cursor_of(api, runs_path, status="success")
    other_pipeline = PipelineFactory.create()

    assert api.get(f"{ROOT}{runs_path}", {"status": "success", "cursor": cursor}).status_code == 200
    assert api.get(f"{ROOT}{runs_path}", {"cursor": cursor, "limit": "7", "status": "success"}).status_code == 200
    assert api.get(f"{ROOT}{runs_path}/", {"cursor": cursor, "status": "success"}).status_code == 200
    other_requests: list[tuple[str, dict[str, str]]] = [
        (runs_path, {}),
        (runs_path, {"status": "failed"}),
        (runs_path, {"status": "success", "order": "asc"}),
        (f"/pipelines/{other_pipeline.pk}/runs", {"status": "success"}),
        ("/runs", {"status": "success"}),
    ]
    for path, parameters in other_requests:
        assert set(field_errors(api.get(f"{ROOT}{path}", {**parameters, "cursor": cursor}))) == {"cursor"}


def test_a_changed_or_forged_cursor_is_refused(api: APIClient, pipeline: Pipeline) -> None:
    cursor = cursor_of(api, "/runs")
    forged = signing.dumps([str(NOON), str(pipeline.pk)], salt="chm.cursor:/api/v1/runs?", key="another key")

    for invalid_cursor in (cursor[:-1], cursor + "x", "x" + cursor, cursor[::-1], "::", "null", forged):
        assert set(field_errors(api.get(f"{ROOT}/runs", {"cursor": invalid_cursor}))) == {"cursor"}


@pytest.mark.proves("AC-003")
def test_paging_returns_each_unchanged_row_once_while_rows_are_added_and_deleted(api: APIClient) -> None:
    clients = ClientFactory.create_batch(9)
    parameters: dict[str, Any] = {"limit": 3}
    names = []

    for step in range(10):
        body = api.get(f"{ROOT}/clients", parameters).json()
        names += [client["name"] for client in body["items"]]
        ClientFactory.create(name=f"a new first {step}")
        type(clients[0]).objects.filter(name=clients[0].name).delete()
        if body["next_cursor"] is None:
            break
        parameters["cursor"] = body["next_cursor"]

    assert names == [client.name for client in clients]


def create_mixed_history(pipeline: Pipeline) -> None:
    """Create runs whose two sort keys contain nulls, ties in one key, and ties in both keys."""
    times = [None, NOON, NOON, NOON + timedelta(microseconds=1), NOON - timedelta(days=400)]
    for started_at in times:
        for finished_at in times:
            RunFactory.create(pipeline=pipeline, started_at=started_at, finished_at=finished_at)


@pytest.mark.proves("FR-005", "AC-003")
@pytest.mark.parametrize("limit", [1, 2, 7, 24, 25])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_paging_over_nulls_and_ties_returns_every_run_once_in_order(api: APIClient, limit: int, order: str) -> None:
    pipeline = PipelineFactory.create()
    create_mixed_history(pipeline)
    latest_first = [str(key) for key in Run.objects.latest_first().values_list("pk", flat=True)]

    ids = [
        run["id"] for run in rows_of_all_pages(api, f"{ROOT}/pipelines/{pipeline.pk}/runs", limit=limit, order=order)
    ]

    assert ids == (latest_first if order == "desc" else latest_first[::-1])


@pytest.mark.parametrize("limit", [1, 3, 25])
def test_paging_over_all_runs_returns_the_newest_event_first(api: APIClient, limit: int) -> None:
    create_mixed_history(PipelineFactory.create())
    create_mixed_history(PipelineFactory.create())

    runs = rows_of_all_pages(api, f"{ROOT}/runs", limit=limit)
    order = [(datetime.fromisoformat(run["event_at"]), run["id"]) for run in runs]

    assert len(order) == 50
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize("limit", [1, 3, 25, 100])
def test_paging_over_one_clients_pipelines_returns_each_run_once_in_order(limit: int) -> None:
    pipeline = PipelineFactory.create()
    for each in (pipeline, PipelineFactory.create(client=pipeline.client), PipelineFactory.create()):
        create_mixed_history(each)
    client = str(pipeline.client_id)
    client_runs = Run.objects.filter(pipeline__client=pipeline.client).order_by("-event_at", "-id")
    expected = [str(key) for key in client_runs.values_list("pk", flat=True)]

    filtered = rows_of_all_pages(api_with_scope("read"), f"{ROOT}/runs", limit=limit, client_id=client)
    bound = rows_of_all_pages(api_with_scope("read", client_id=client), f"{ROOT}/runs", limit=limit)
    before_noon = rows_of_all_pages(
        api_with_scope("read"), f"{ROOT}/runs", limit=limit, client_id=client, until=NOON.isoformat()
    )

    assert [run["id"] for run in filtered] == [run["id"] for run in bound] == expected
    assert [run["id"] for run in before_noon] == [str(run.pk) for run in client_runs if run.event_at < NOON]


def count_read_blocks(sql: str) -> int:
    """Return how many blocks a query reads. Unlike its duration, this does not depend on the load of the machine."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql)
        [(plans,)] = cursor.fetchall()
    return int(plans[0]["Plan"]["Shared Hit Blocks"] + plans[0]["Plan"]["Shared Read Blocks"])


@pytest.fixture
def quiet_pipeline(db: None) -> Pipeline:
    """Return a pipeline with one run that is older than 30,000 runs of 30 pipelines of other clients."""
    busy = [PipelineFactory.create() for _ in range(30)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runs (id, pipeline_id, external_run_id, status, started_at)"
            " SELECT gen_random_uuid(), (%(pipelines)s::uuid[])[1 + n %% 30], n::text, 'success',"
            " %(noon)s::timestamptz + n * interval '1 minute' FROM generate_series(1, 30000) AS n",
            {"pipelines": [pipeline.pk for pipeline in busy], "noon": NOON},
        )
        quiet = RunFactory.create(started_at=NOON - timedelta(days=400)).pipeline
        cursor.execute("ANALYZE runs, pipelines, clients")
    return quiet


def count_page_blocks(api: APIClient, path: str, **parameters: str) -> int:
    """Return how many blocks the query for a page reads. It is the last query of the request."""
    with CaptureQueriesContext(connection) as queries:
        assert api.get(path, parameters).status_code == 200
    return count_read_blocks(queries.captured_queries[-1]["sql"])


@pytest.mark.parametrize("runs_of", ["all clients", "one client", "one pipeline"])
def test_a_late_page_of_runs_reads_about_as_few_blocks_as_the_first(
    api: APIClient, quiet_pipeline: Pipeline, runs_of: str
) -> None:
    busy = Pipeline.objects.exclude(pk=quiet_pipeline.pk).earliest("name")
    client_or_pipeline = {
        "one client": {"client_id": str(busy.client_id)},
        "one pipeline": {"pipeline_id": str(busy.pk)},
    }
    filters = client_or_pipeline.get(runs_of, {})
    parameters: dict[str, str] = {"limit": "100"} | filters
    first_page_blocks = count_page_blocks(api, f"{ROOT}/runs", **parameters)
    cursor = ""
    for _ in range(5 if filters else 25):
        cursor_parameter = {"cursor": cursor} if cursor else {}
        cursor = api.get(
            f"{ROOT}/runs", parameters | cursor_parameter | {"limit": "100" if filters else "1000"}
        ).json()["next_cursor"]

    # A page needs a few blocks more if it crosses the end of an index page. Reading from the start would need hundreds.
    assert count_page_blocks(api, f"{ROOT}/runs", cursor=cursor, **parameters) <= 2 * first_page_blocks + 8


def test_a_page_of_a_quiet_client_reads_no_runs_of_other_clients(quiet_pipeline: Pipeline) -> None:
    client_id = str(quiet_pipeline.client_id)

    for api, parameters in (
        (api_with_scope("read"), {"client_id": client_id}),
        (api_with_scope("read", client_id=client_id), {}),
    ):
        assert len(items(api.get(f"{ROOT}/runs", parameters))) == 1
        assert count_page_blocks(api, f"{ROOT}/runs", **parameters) < 50


def plan_of(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        cursor.execute("EXPLAIN " + sql)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize(
    ("path", "index"),
    [
        ("/pipelines/{pipeline}/runs?order=desc&limit=2", "runs_latest"),
        ("/pipelines/{pipeline}/runs?order=asc&limit=2", "runs_latest"),
        ("/runs?limit=2", "runs_by_event"),
        ("/pipelines?limit=2", "pipelines_by_name"),
    ],
)
def test_every_page_finds_its_first_row_with_an_index(api: APIClient, path: str, index: str) -> None:
    """The row comparison must be a condition on the index, not a filter on rows that were already read."""
    pipeline = PipelineFactory.create()
    PipelineFactory.create_batch(3)
    create_mixed_history(pipeline)
    path = ROOT + path.format(pipeline=pipeline.pk)
    cursor = api.get(path).json()["next_cursor"]

    with CaptureQueriesContext(connection) as queries:
        items(api.get(f"{path}&cursor={cursor}"))

    [page] = [query["sql"] for query in queries if "ROW(" in query["sql"]]
    plan = plan_of(page)
    assert f"using {index} " in plan, plan
    assert "Sort" not in plan
    [condition] = [line for line in plan.splitlines() if "Index Cond" in line and "ROW(" in line]
    assert " < ROW(" in condition or " > ROW(" in condition
