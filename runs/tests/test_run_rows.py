"""The API reads runs as dictionaries, which equal the output of RunSerializer. PostgreSQL plans each query once."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.http import HttpResponse
from pytest_django import Settings
from rest_framework.renderers import JSONRenderer
from rest_framework.test import APIClient

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import _token_query_with, create_token, find_token, revoke_token
from chm_project.access.visibility import UNBOUND
from chm_project.db.hot_queries import HotQuery
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error, field_errors, items
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.api import run_rows
from runs.api.serializers import RunSerializer
from runs.models import Run, Status
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAYLOAD = {"text": 'é \u2028 "quoted" \\ \t', "large": 12345678901234567890123, "deep": [{"a": None}, 1.5, True, []]}


@pytest.fixture
def pipeline() -> Pipeline:
    pipeline = PipelineFactory.create(source_url_template="https://airflow.example/{run_id}")
    RunFactory.create(pipeline=pipeline, started_at=None, finished_at=None, external_run_id="a b/ç", payload=PAYLOAD)
    RunFactory.create(
        pipeline=pipeline,
        status=Status.FAILED,
        started_at=NOON - timedelta(microseconds=1),
        finished_at=NOON,
        rows_processed=2**63 - 1,
        error_message="disk full",
        status_reason="exit status 1",
        given_source_url="https://source.example/1",
        payload={},
    )
    RunFactory.create(pipeline=pipeline, started_at=NOON, finished_at=None, duration_seconds=None, payload=None)
    return pipeline


def serialized_runs(pipeline: Pipeline) -> dict[str, Any]:
    """Return the output of RunSerializer for each run, by id."""
    runs = Run.objects.filter(pipeline=pipeline).with_source_url()
    return {run["id"]: run for run in json.loads(JSONRenderer().render(RunSerializer(runs, many=True).data))}


def body(answer: HttpResponse) -> Any:
    return json.loads(answer.content)


def test_responses_equal_the_output_of_the_serializer(pipeline: Pipeline) -> None:
    api, expected = api_with_scope("read"), serialized_runs(pipeline)
    path = f"{ROOT}/pipelines/{pipeline.pk}/runs"

    list_paths = [path, f"{path}?limit=7", f"{path}?status=failed,success,running", f"{ROOT}/runs"]
    run_paths = [f"{ROOT}/runs/{run_id}" for run_id in expected] + [f"{path}/a%20b/%C3%A7", f"{path}/latest"]

    for list_path in list_paths:
        runs = items(api.get(list_path))
        assert {run["id"]: run for run in runs} == expected
        assert [list(run) for run in runs] == [list(RunSerializer.Meta.fields)] * len(expected)
    for run_path in run_paths:
        run = body(api.get(run_path))
        assert run == expected[run["id"]]


@pytest.mark.parametrize("accept", ["application/json; indent=4", "text/html"])
def test_users_can_read_the_rows_as_indented_json_and_html(pipeline: Pipeline, accept: str) -> None:
    answer = api_as_role("viewer").get(f"{ROOT}/pipelines/{pipeline.pk}/runs/latest", headers={"accept": accept})
    assert answer.status_code == 200
    assert str(pipeline.pk) in answer.content.decode()


def test_chosen_fields_come_in_the_order_of_the_contract(pipeline: Pipeline) -> None:
    api, path = api_with_scope("read"), f"{ROOT}/pipelines/{pipeline.pk}/runs"
    assert [list(run) for run in items(api.get(f"{path}?fields=status,id&limit=2"))] == [["id", "status"]] * 2
    assert list(body(api.get(f"{path}/latest?fields=payload,status"))) == ["status", "payload"]
    assert set(field_errors(api.get(f"{path}?fields=stored_bytes"))) == {"fields"}
    assert set(field_errors(api.get(f"{path}/latest?fields=stored_bytes"))) == {"fields"}


def test_csv_contains_the_same_values_as_json(pipeline: Pipeline) -> None:
    path = f"{ROOT}/pipelines/{pipeline.pk}/runs?fields=status,started_at,payload&ordering=started_at"
    answer: Any = api_with_scope("read").get(path, headers={"accept": "text/csv"})
    lines = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert lines[1] == {"status": "failed", "started_at": "2026-03-01T11:59:59.999999Z", "payload": "{}"}
    assert json.loads(lines[0]["payload"]) == PAYLOAD


@pytest.mark.parametrize(
    "path", ["runs", "pipelines/{pipeline}/runs", "pipelines/{pipeline}/runs/latest", "runs/{run}"]
)
def test_a_bound_token_sees_only_its_own_runs(pipeline: Pipeline, path: str) -> None:
    run = Run.objects.filter(pipeline=pipeline).latest_first()[0]
    path = f"{ROOT}/{path.format(pipeline=pipeline.pk, run=run.pk)}"
    other_pipeline = PipelineFactory.create()
    for own_binding in ({"client_id": pipeline.client_id}, {"pipeline_id": pipeline.pk}):
        assert str(pipeline.pk) in api_with_scope("read", **own_binding).get(path).content.decode()
    for other_binding in ({"client_id": other_pipeline.client_id}, {"pipeline_id": other_pipeline.pk}):
        answer = api_with_scope("read", **other_binding).get(path)
        assert str(run.pk) not in answer.content.decode() or answer.status_code == 404
        assert answer.status_code == (200 if path.endswith("/api/v1/runs") else 404)


def test_a_revoked_or_expired_token_is_refused_at_once(pipeline: Pipeline) -> None:
    api, path = api_with_scope("read"), f"{ROOT}/pipelines/{pipeline.pk}/runs/latest"
    assert api.get(path).status_code == 200
    revoke_token(token=ApiToken.objects.get())
    assert_error(api.get(path), 401, "unauthorized")
    ApiToken.objects.update(revoked_at=None)
    assert api.get(path).status_code == 200
    ApiToken.objects.update(expires_at=NOON - timedelta(days=4000))
    assert_error(api.get(path), 401, "unauthorized")


def count_prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        [[number]] = cursor.fetchall()
    return int(number)


def create_run(pipeline: Pipeline) -> HttpResponse:
    return api_with_scope("write").post(f"{ROOT}/pipelines/{pipeline.pk}/runs", {"status": "success"})


def test_a_session_prepares_a_query_once(pipeline: Pipeline) -> None:
    api, before = api_with_scope("read"), count_prepared()
    for _ in range(3):
        api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs/latest")
    first = count_prepared()
    api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs/latest")
    assert before <= first == count_prepared() > 0


def test_a_prepared_query_survives_a_rollback_and_an_error(pipeline: Pipeline) -> None:
    api, path = api_with_scope("read"), f"{ROOT}/pipelines/{pipeline.pk}/runs/latest"
    assert api.get(path).status_code == 200
    prepared = count_prepared()
    with pytest.raises(DataError), transaction.atomic():
        run_rows.row_by_id(UNBOUND, "no uuid")
    assert api.get(path).status_code == 200
    assert count_prepared() >= prepared


def test_nothing_is_prepared_if_the_settings_forbid_it(pipeline: Pipeline, settings: Settings) -> None:
    settings.CHM_DATABASE_PREPARE = False
    before = count_prepared()
    api: APIClient = api_with_scope("read", pipeline_id=pipeline.pk)
    expected = serialized_runs(pipeline)
    runs = items(api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs"))
    assert {run["id"]: run for run in runs} == expected
    assert create_run(pipeline).status_code == 201
    assert count_prepared() == before


def generic_plan(query: HotQuery, **values: Any) -> str:
    """Return the generic plan of the query, which PostgreSQL uses for all values."""
    names = {name: f"${place}" for place, name in enumerate(values, 1)}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        connection.connection.execute(("PREPARE checked AS " + query.text % names).encode())
        cursor.execute(f"EXPLAIN EXECUTE checked({', '.join(['%s'] * len(values))})", list(values.values()))
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DEALLOCATE checked")
    return plan


INDEXES = {"started_at": "runs_latest", "event_at": "runs_by_pipeline_event"}


@pytest.mark.parametrize(("ordering", "continued"), list(product(run_rows.ORDERINGS, (False, True))))
def test_the_generic_plan_of_a_page_uses_its_index(pipeline: Pipeline, ordering: str, continued: bool) -> None:
    values: dict[str, Any] = {"pipeline_id": pipeline.pk}
    if continued:
        keys = run_rows.ORDERINGS[ordering].keys
        position = {f"after_{n}": pipeline.pk if key.attribute == "id" else NOON for n, key in enumerate(keys)}
        values |= position
    plan = generic_plan(run_rows._page_query(ordering, False, False, True, continued, 101), **values)
    assert "Sort" not in plan
    assert f"using {INDEXES[ordering.removeprefix('-')]} " in plan
    # An InitPlan runs once, a SubPlan once for each run.
    assert "InitPlan" in plan
    assert "SubPlan" not in plan
    assert not continued or any("Index Cond" in line and "ROW(" in line for line in plan.splitlines()), plan


@pytest.mark.parametrize(("one_client", "one_pipeline"), [(False, False), (True, False), (False, True)])
def test_the_generic_plan_of_the_latest_run_uses_its_index_and_does_not_sort(
    pipeline: Pipeline, one_client: bool, one_pipeline: bool
) -> None:
    values = {"pipeline_id": pipeline.pk}
    values |= {"bound_client": pipeline.client_id} if one_client else {}
    values |= {"bound_pipeline": pipeline.pk} if one_pipeline else {}
    plan = generic_plan(run_rows._latest_query(one_client, one_pipeline), **values)
    assert "using runs_latest " in plan
    assert "Sort" not in plan


def test_the_query_for_the_token_also_reads_the_run_only_if_the_token_is_not_bound(pipeline: Pipeline) -> None:
    query = _token_query_with(run_rows._latest_query(False, False), 1)
    plan = generic_plan(query, digest_0="digest", pipeline_id=pipeline.pk)
    _, _, plan_of_the_run = plan.partition("One-Time Filter")
    assert "using runs_latest " in plan_of_the_run
    assert "Sort" not in plan_of_the_run

    bindings: list[dict[str, Any]] = [{}, {"client_id": pipeline.client_id}, {"pipeline_id": pipeline.pk}]
    for binding in bindings:
        _, plaintext = create_token(name="a token", scope=Scope.READ, **binding)
        early_row = run_rows.early_latest_row(pipeline.pk)
        assert find_token(plaintext, early_row) is not None
        assert (early_row.row is None) == bool(binding)
