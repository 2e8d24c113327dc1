"""POST /api/v1/pipelines/{id}/dbt_run_results: files of dbt become runs."""

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from chm_project.api.tests.test_api_surface import DOCUMENT, as_json_schema
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error, field_errors, post_json
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run

pytestmark = pytest.mark.django_db

RECORDINGS = Path(__file__).parent / "recordings" / "dbt"
FAILED_BUILD, SUCCESSFUL_BUILD = "3-build-model-error-rest-skipped", "1-build-ok-with-warning"


@pytest.fixture
def pipeline() -> Pipeline:
    return PipelineFactory.create(platform="dbt", external_id=None)


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RECORDINGS / f"{name}.json").read_text())
    return document


def upload(pipeline: Pipeline, document: Any) -> Any:
    return post_json(api_with_scope("ingest"), f"{ROOT}/pipelines/{pipeline.pk}/dbt_run_results", document)


def uploaded_run(pipeline: Pipeline, document: Any) -> Run:
    assert upload(pipeline, document).status_code in {200, 201}
    return pipeline.runs.latest("created_at")


@pytest.mark.parametrize(
    ("name", "status", "counts", "rows"),
    [
        (SUCCESSFUL_BUILD, "success", {"success": 4, "pass": 4, "warn": 1}, 3),
        ("2-build-strict-test-fails-downstream-skipped", "failed",
         {"success": 2, "fail": 1, "pass": 2, "skipped": 4}, 3),
        (FAILED_BUILD, "failed", {"success": 1, "error": 1, "skipped": 7}, 3),
        ("4-retry-after-error", "failed", {"error": 1, "skipped": 7}, None),
        ("7-test-only", "success", {"pass": 4, "warn": 1}, None),
        ("9-seed", "success", {"success": 1}, 3),
        ("10-compile", "skipped", {"success": 8}, None),
    ],
)  # fmt: skip
def test_each_execution_of_dbt_is_stored_as_one_run(
    pipeline: Pipeline, name: str, status: str, counts: dict[str, int], rows: int | None
) -> None:
    document = recorded(name)
    answer = upload(pipeline, document)

    assert (answer.status_code, answer["CHM-Outcome"], answer.json()["status"]) == (201, "created", status)
    run = pipeline.runs.get()
    metadata = document["metadata"]
    assert run.external_run_id == metadata["invocation_id"]
    assert run.started_at == datetime.fromisoformat(metadata["invocation_started_at"])
    assert run.finished_at == run.source_updated_at == datetime.fromisoformat(metadata["generated_at"])
    assert run.rows_processed == rows
    assert run.payload is not None
    assert run.payload["node_counts"] == counts
    assert run.payload["nodes"] == sum(counts.values())


def test_a_failed_run_lists_its_failed_nodes_with_their_files_from_the_manifest(pipeline: Pipeline) -> None:
    node = "model.shop.stg_orders"
    manifest = {"metadata": {"project_name": "shop", "adapter_type": "duckdb"},
                "nodes": {node: {"original_file_path": "models/stg_orders.sql"}}}  # fmt: skip
    run = uploaded_run(pipeline, {"run_results": recorded(FAILED_BUILD), "manifest": manifest})

    assert run.error_message is not None
    assert run.error_message.startswith(f"{node}: Runtime Error in model stg_orders")
    assert run.payload is not None
    assert run.payload["failed_nodes"] == [{"unique_id": node, "status": "error", "file": "models/stg_orders.sql"}]
    assert (run.payload["project"], run.payload["command"]) == ("shop", "build")


def test_a_repeated_file_and_an_older_file_change_nothing(pipeline: Pipeline) -> None:
    document = recorded(FAILED_BUILD)
    run = uploaded_run(pipeline, document)
    older = document | {"metadata": document["metadata"] | {"generated_at": "2026-11-20T23:40:30Z"}, "results": []}

    for body, outcome in ((document, "unchanged"), (older, "stale")):
        answer = upload(pipeline, body)
        assert (answer.status_code, answer["CHM-Outcome"]) == (200, outcome)
    stored = pipeline.runs.get()
    assert (stored.status, stored.updated_at) == ("failed", run.updated_at)


def test_a_run_without_nodes_is_skipped_and_an_unknown_node_status_makes_a_run_fail(pipeline: Pipeline) -> None:
    document = recorded(SUCCESSFUL_BUILD)
    assert uploaded_run(pipeline, document | {"results": []}).status == "skipped"
    for node_status in ("exploded", None, 7, "partial success"):
        new_invocation = document | {"metadata": document["metadata"] | {"invocation_id": f"status {node_status}"}}
        assert uploaded_run(pipeline, new_invocation | {"results": [{"status": node_status}]}).status == "failed"


def test_without_invocation_started_at_the_run_starts_with_its_first_node(pipeline: Pipeline) -> None:
    document = recorded(SUCCESSFUL_BUILD)
    del document["metadata"]["invocation_started_at"]
    first = min(step["started_at"] for node in document["results"] for step in node["timing"])
    assert uploaded_run(pipeline, document).started_at == datetime.fromisoformat(first)


def test_compressed_files_are_accepted(pipeline: Pipeline) -> None:
    body = gzip.compress((RECORDINGS / f"{SUCCESSFUL_BUILD}.json").read_bytes())
    path = f"{ROOT}/pipelines/{pipeline.pk}/dbt_run_results"
    api = api_with_scope("ingest", pipeline_id=pipeline.pk)
    answer = api.post(path, body, content_type="application/json", headers={"content-encoding": "gzip"})
    assert answer.status_code == 201


def contract_of_the_upload() -> Any:
    path = "/api/v1/pipelines/{pipeline_id}/dbt_run_results"
    operation = yaml.safe_load(DOCUMENT.read_text())["paths"][path]["post"]
    return operation["requestBody"]["content"]["application/json"]


@pytest.mark.parametrize("manifest", [None, {}, {"manifest": {"nodes": {}}}, {"manifest": None}])
def test_the_contract_allows_the_file_of_dbt_with_and_without_the_manifest(
    pipeline: Pipeline, manifest: dict[str, Any] | None
) -> None:
    schema = contract_of_the_upload()["schema"]
    document = recorded(SUCCESSFUL_BUILD)
    body = document if manifest is None else {"run_results": document} | manifest

    jsonschema.validate(body, as_json_schema(schema))

    assert upload(pipeline, body).status_code == 201


def test_the_example_of_the_contract_is_accepted(pipeline: Pipeline) -> None:
    assert upload(pipeline, contract_of_the_upload()["example"]).status_code == 201


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        (None, {"body"}),
        ([], {"body"}),
        ({}, {"metadata.invocation_id", "metadata.generated_at", "results"}),
        ({"metadata": {"invocation_id": "x" * 256, "generated_at": 7}, "results": {}},
         {"metadata.invocation_id", "metadata.generated_at", "results"}),
        ({"metadata": {"invocation_id": "1", "generated_at": "2026-03-01"}, "results": [1]}, {"results"}),
        ({"run_results": {}, "catalog": {}}, {"catalog"}),
        ({"run_results": []}, {"body"}),
        ({"run_results": recorded(SUCCESSFUL_BUILD), "manifest": "text"}, {"manifest"}),
        ({"nodes": {}, "metadata": {"generated_at": "2026-03-01", "invocation_id": "1"}}, {"results"}),
    ],
)  # fmt: skip
def test_the_error_of_an_invalid_file_names_every_invalid_field(
    pipeline: Pipeline, document: Any, fields: set[str]
) -> None:
    assert set(field_errors(upload(pipeline, document))) == fields
    assert not Run.objects.exists()


@pytest.mark.parametrize("wrong", [None, 7, "text", [], {}, [[]], {"which": {}}, True, -1.5, 1e308, "\0\ud800"])
def test_fields_of_a_wrong_type_are_left_out_and_the_run_is_stored(pipeline: Pipeline, wrong: Any) -> None:
    names = ("status", "timing", "message", "adapter_response", "unique_id", "failures")
    document = recorded(SUCCESSFUL_BUILD) | {
        "args": wrong,
        "elapsed_time": wrong,
        "results": [dict.fromkeys(names, wrong)],
    }
    document["metadata"] |= dict.fromkeys(("dbt_version", "invocation_started_at", "env"), wrong)
    manifest = {"metadata": wrong, "nodes": wrong}
    assert upload(pipeline, {"run_results": document, "manifest": manifest}).status_code == 201


def test_pushing_requires_the_scope_ingest_or_a_role_that_may_add_runs(pipeline: Pipeline) -> None:
    path, document = f"{ROOT}/pipelines/{pipeline.pk}/dbt_run_results", recorded(SUCCESSFUL_BUILD)
    assert_error(api_with_scope("read").post(path, document), 403, "forbidden")
    assert_error(api_as_role("viewer").post(path, document), 403, "forbidden")
    assert_error(
        api_with_scope("ingest", pipeline_id=PipelineFactory.create().pk).post(path, document), 404, "not_found"
    )
    assert api_as_role("analyst").post(path, document).status_code == 201
