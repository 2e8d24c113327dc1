"""Pushed snapshots, one by one and in batches, and lists in CSV."""

import csv
import io
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings

from chm_project.tests.api import ROOT, UNKNOWN_ID, api_as_role, api_with_scope, assert_error, field_errors
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

BATCH_URL = f"{ROOT}/runs/batch"


@pytest.fixture
def pipeline() -> Pipeline:
    return PipelineFactory.create()


def run_path(pipeline: Pipeline, external_run_id: str) -> str:
    return f"{ROOT}/pipelines/{pipeline.pk}/runs/{external_run_id}"


def test_a_pushed_run_is_created_then_updated_then_unchanged_then_stale(pipeline: Pipeline) -> None:
    api, path = api_with_scope("ingest"), run_path(pipeline, "2026-03-01")
    running = {"status": "running", "started_at": "2026-03-01T10:00:00Z", "source_updated_at": "2026-03-01T10:00:00Z"}
    done = running | {
        "status": "success",
        "finished_at": "2026-03-01T11:00:00Z",
        "source_updated_at": "2026-03-01T11:00:00Z",
        "rows_processed": 7,
    }
    answers = [api.put(path, body) for body in (running, done, done, running)]

    assert [(answer.status_code, answer["CHM-Outcome"]) for answer in answers] == [
        (201, "created"), (200, "updated"), (200, "unchanged"), (200, "stale"),
    ]  # fmt: skip
    stored = Run.objects.get()
    assert (stored.status, stored.duration_seconds, stored.rows_processed) == ("success", 3600, 7)
    assert answers[3].json()["status"] == "success"
    assert answers[3].json()["id"] == str(stored.pk)


def test_fields_that_a_snapshot_omits_become_null(pipeline: Pipeline) -> None:
    api, path = api_with_scope(), run_path(pipeline, "x")
    api.put(path, {"status": "failed", "error_message": "boom", "rows_processed": 3})
    assert api.put(path, {"status": "success"}).json()["error_message"] is None
    assert Run.objects.get().rows_processed is None


@pytest.mark.parametrize(
    "external_run_id",
    ["a/b/c", "latest", "latest/", "batch", "scheduled__2026-03-01T00:00:00+00:00", "ü ß", "a\nb", "x" * 255, "a//b/"],
)
def test_the_external_run_id_is_the_rest_of_the_path_with_its_slashes(pipeline: Pipeline, external_run_id: str) -> None:
    answer = api_with_scope("ingest").put(run_path(pipeline, quote(external_run_id)), {"status": "success"})
    assert answer.status_code == 201
    assert Run.objects.get().external_run_id == external_run_id


def test_put_stores_a_run_with_the_id_latest_and_get_returns_the_latest_run(pipeline: Pipeline) -> None:
    api, path = api_with_scope(), run_path(pipeline, "latest")
    RunFactory.create(pipeline=pipeline, external_run_id="newer")
    assert api.put(path, {"status": "success", "started_at": "2020-01-01T00:00:00Z"}).status_code == 201
    assert api.get(path).json()["external_run_id"] == "newer"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"status"}),
        ({"status": "exploded"}, {"status"}),
        ({"status": "success", "external_run_id": "other"}, {"external_run_id"}),
        ({"status": "success", "pipeline_id": UNKNOWN_ID}, {"pipeline_id"}),
        (
            {"status": "success", "duration_seconds": -1, "rows_processed": "many"},
            {"duration_seconds", "rows_processed"},
        ),
        ({"status": "success", "source_updated_at": "yesterday"}, {"source_updated_at"}),
        ({"status": "success", "started_at": "2026-01-02", "finished_at": "2026-01-01"}, {"finished_at"}),
        ({"status": "success", "colour": "red"}, {"colour"}),
        ([], {"body"}),
    ],
)
def test_a_push_with_invalid_fields_is_refused_by_field(pipeline: Pipeline, body: Any, fields: set[str]) -> None:
    assert set(field_errors(api_with_scope().put(run_path(pipeline, "x"), body))) == fields
    assert not Run.objects.exists()


def test_an_id_that_is_too_long_or_blank_is_refused(pipeline: Pipeline) -> None:
    for external_run_id in ("x" * 256, "%20", "a%00b"):
        field_errors(api_with_scope().put(run_path(pipeline, external_run_id), {"status": "success"}))
    assert not Run.objects.exists()


def test_pushing_requires_a_scope_or_role_that_may_add_runs(pipeline: Pipeline) -> None:
    assert_error(api_with_scope("read").put(run_path(pipeline, "x"), {"status": "success"}), 403, "forbidden")
    assert_error(api_as_role("viewer").put(run_path(pipeline, "x"), {"status": "success"}), 403, "forbidden")
    assert api_as_role("analyst").put(run_path(pipeline, "x"), {"status": "success"}).status_code == 201
    assert api_with_scope("write").put(run_path(pipeline, "y"), {"status": "success"}).status_code == 201
    assert_error(api_with_scope("ingest").get(run_path(pipeline, "latest")), 403, "forbidden")


def test_a_bound_token_pushes_only_to_its_own_pipelines(pipeline: Pipeline) -> None:
    other_pipeline = PipelineFactory.create()
    for binding in ({"client_id": pipeline.client_id}, {"pipeline_id": pipeline.pk}):
        api = api_with_scope("ingest", **binding)
        assert api.put(run_path(pipeline, "x"), {"status": "success"}).status_code in {200, 201}
        assert_error(api.put(run_path(other_pipeline, "x"), {"status": "success"}), 404, "not_found")
        [answer] = api.post(BATCH_URL, {"items": [batch_item(other_pipeline, "x")]}).json()["items"]
        [unknown] = api.post(BATCH_URL, {"items": [batch_item(other_pipeline, "x", pipeline_id=UNKNOWN_ID)]}).json()[
            "items"
        ]
        assert answer == unknown
        assert answer["outcome"] == "rejected"
    assert not other_pipeline.runs.exists()


def batch_item(pipeline: Pipeline, external_run_id: Any, **fields: Any) -> dict[str, Any]:
    return {"pipeline_id": str(pipeline.pk), "external_run_id": external_run_id, "status": "success"} | fields


def test_an_invalid_item_does_not_affect_the_others(pipeline: Pipeline) -> None:
    api = api_with_scope("ingest")
    answer = api.post(
        BATCH_URL,
        {
            "items": [
                batch_item(pipeline, "one"),
                batch_item(pipeline, "two", status="exploded", rows_processed=-1),
                "nonsense",
                batch_item(pipeline, "three", pipeline_id="7"),
                batch_item(pipeline, None),
                batch_item(pipeline, "one"),
                batch_item(pipeline, "a/b latest\x7f"),
            ]
        },
    )
    assert answer.status_code == 200
    items = answer.json()["items"]
    outcomes = ["created", "rejected", "rejected", "rejected", "rejected", "unchanged", "created"]
    assert [row["outcome"] for row in items] == outcomes
    assert [row["index"] for row in items] == list(range(7))
    assert "status: " in items[1]["error"]
    assert "rows_processed: " in items[1]["error"]
    assert all(("id" in row) != ("error" in row) for row in items)
    assert items[0]["id"] == items[5]["id"]
    assert Run.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [([], "items"), ({}, "items"), ({"items": {}}, "items"), ({"items": []}, "items"),
     ({"items": [{}] * 1001}, "items"), ({"items": [{}], "mode": "fast"}, "mode")],
)  # fmt: skip
def test_an_invalid_batch_is_refused_as_a_whole(body: Any, field: str) -> None:
    assert set(field_errors(api_with_scope().post(BATCH_URL, body))) == {field}


def test_a_full_batch_needs_a_constant_number_of_queries(
    pipeline: Pipeline, django_assert_max_num_queries: Any
) -> None:
    api = api_with_scope("ingest")
    payload = {"log": "x" * 4_000}  # 4 MB in total; Django accepts 2.5 MB by default
    items = [batch_item(pipeline, f"run {number}", payload=payload) for number in range(1_000)]
    with django_assert_max_num_queries(7):
        answer = api.post(BATCH_URL, {"items": items})
    assert {row["outcome"] for row in answer.json()["items"]} == {"created"}


def test_runs_are_listed_in_csv_page_by_page(pipeline: Pipeline) -> None:
    RunFactory.create_batch(3, pipeline=pipeline, error_message="=cmd()", payload={"a": [1]})
    for path in (f"{ROOT}/runs", f"{ROOT}/pipelines/{pipeline.pk}/runs"):
        api = api_with_scope("read")
        first = api.get(f"{path}?limit=2", headers={"accept": "text/csv"})
        assert first["Content-Type"] == "text/csv; charset=utf-8"
        header, *first_rows = csv.reader(io.StringIO(first.getvalue().decode()))
        cursor = first["CHM-Next-Cursor"]
        second = api.get(f"{path}?limit=2&cursor={cursor}", headers={"accept": "text/csv"})
        _, *second_rows = csv.reader(io.StringIO(second.getvalue().decode()))
        assert "CHM-Next-Cursor" not in second
        by_name = [dict(zip(header, row, strict=True)) for row in first_rows + second_rows]
        assert {row["id"] for row in by_name} == {str(run.pk) for run in Run.objects.all()}
        assert by_name[0]["error_message"] == "'=cmd()"
        assert by_name[0]["payload"] == '{"a": [1]}'
        assert by_name[0]["started_at"] == "2026-03-01T10:00:00Z"
        assert_error(api.get(f"{path}?limit=0", headers={"accept": "text/csv"}), 400, "validation_error")


def test_a_body_over_the_size_limit_is_refused_and_the_error_names_the_limit(
    pipeline: Pipeline, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000
    answer = api_with_scope().post(BATCH_URL, {"items": [batch_item(pipeline, "x", payload={"log": "x" * 10_000})]})
    assert "10000 bytes" in str(field_errors(answer)["body"])
