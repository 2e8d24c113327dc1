"""Runs in the API: manual runs, the list of one pipeline's runs, and the list of all runs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from chm_project.tests.api import ROOT, UNKNOWN_ID, api_with_scope, assert_error, field_errors, items, post_json
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FULL_RUN = {
    "external_run_id": "manual/1",
    "status": "failed",
    "started_at": "2026-03-01T10:00:00Z",
    "finished_at": "2026-03-01T10:05:00Z",
    "duration_seconds": 290,
    "rows_processed": 9_223_372_036_854_775_807,
    "error_message": "disk full",
    "status_reason": "seen by hand",
    "payload": {"host": "etl-1", "tries": [1, 2.5, None, True, {"deep": "é"}]},
}


@pytest.fixture
def api(db: None) -> APIClient:
    return api_with_scope("write")


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    return PipelineFactory.create()


def runs_path(pipeline: Pipeline) -> str:
    return f"{ROOT}/pipelines/{pipeline.pk}/runs"


def at_hour(hour: int) -> datetime:
    return NOON.replace(hour=hour)


# Manual runs


@pytest.mark.proves("FR-004", "FR-019", "AC-001")
def test_creating_a_manual_run_returns_201_and_the_whole_run(api: APIClient, pipeline: Pipeline) -> None:
    response = api.post(runs_path(pipeline), FULL_RUN)

    assert response.status_code == 201
    body = response.json()
    assert FULL_RUN.items() <= body.items()
    assert set(body) - set(FULL_RUN) == {
        "id", "pipeline_id", "source_url", "source_updated_at", "ingested_at", "event_at", "created_at", "updated_at",
    }  # fmt: skip
    assert body["pipeline_id"] == str(pipeline.pk)
    assert body["event_at"] == FULL_RUN["finished_at"]
    assert body["source_updated_at"] is None
    assert api.get(f"{ROOT}/runs/{body['id']}").json() == body


@pytest.mark.proves("FR-019")
@pytest.mark.parametrize("body", [{"status": "running"}, {"status": "running", "external_run_id": None}])
def test_an_id_is_generated_if_the_request_contains_no_id(
    api: APIClient, pipeline: Pipeline, body: dict[str, Any]
) -> None:
    first, second = api.post(runs_path(pipeline), body).json(), api.post(runs_path(pipeline), body).json()

    assert first["external_run_id"]
    assert first["external_run_id"] != second["external_run_id"]


def test_an_existing_id_is_refused_and_the_stored_run_is_unchanged(api: APIClient, pipeline: Pipeline) -> None:
    stored = api.post(runs_path(pipeline), FULL_RUN).json()

    issues = field_errors(api.post(runs_path(pipeline), {"external_run_id": "manual/1", "status": "success"}))

    assert issues == {"external_run_id": ["This pipeline has a run with this external_run_id already."]}
    assert items(api.get(runs_path(pipeline))) == [stored]


def test_another_pipeline_may_use_the_same_id(api: APIClient, pipeline: Pipeline) -> None:
    api.post(runs_path(pipeline), FULL_RUN)

    assert api.post(runs_path(PipelineFactory.create()), FULL_RUN).status_code == 201


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
        ("2026-03-01T10:00:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00Z"),
        ("2026-03-01T10:00:00.123456789Z", "2026-03-01T10:00:00.123456Z"),
        ("2026-03-01 10:00", "2026-03-01T10:00:00Z"),
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_times_in_iso_8601_are_stored_in_utc(api: APIClient, pipeline: Pipeline, sent: str, stored: str) -> None:
    assert api.post(runs_path(pipeline), {"status": "running", "started_at": sent}).json()["started_at"] == stored


def nested(levels: int) -> dict[str, Any]:
    return {"x": nested(levels - 1)} if levels > 1 else {"x": "end"}


@pytest.mark.proves("AC-002", "SC-005")
@pytest.mark.parametrize(
    ("change", "fields"),
    [
        pytest.param({"status": None}, {"status"}, id="status null"),
        pytest.param({"status": "exploded"}, {"status"}, id="unknown status"),
        pytest.param({"status": "SUCCESS"}, {"status"}, id="status in capitals"),
        pytest.param({"external_run_id": ""}, {"external_run_id"}, id="id empty"),
        pytest.param({"external_run_id": " "}, {"external_run_id"}, id="id blank"),
        pytest.param({"external_run_id": "x" * 256}, {"external_run_id"}, id="id too long"),
        pytest.param({"external_run_id": 7}, {"external_run_id"}, id="id a number"),
        pytest.param({"external_run_id": "a\0"}, {"external_run_id"}, id="id with a null character"),
        pytest.param({"started_at": "yesterday"}, {"started_at"}, id="start a word"),
        pytest.param({"started_at": 1_700_000_000}, {"started_at"}, id="start a number"),
        pytest.param({"started_at": ""}, {"started_at"}, id="start empty"),
        pytest.param({"started_at": "2026-02-30T00:00:00Z"}, {"started_at"}, id="no such day"),
        pytest.param({"started_at": "0001-01-01T00:00:00+14:00"}, {"started_at"}, id="before year 1"),
        pytest.param({"finished_at": "9999-12-31T23:59:59-14:00"}, {"finished_at"}, id="after year 9999"),
        pytest.param({"finished_at": "2026-03-01T09:59:59Z"}, {"finished_at"}, id="end before start"),
        pytest.param({"duration_seconds": -1}, {"duration_seconds"}, id="negative duration"),
        pytest.param({"duration_seconds": 2**31}, {"duration_seconds"}, id="duration overflow"),
        pytest.param({"duration_seconds": 1.5}, {"duration_seconds"}, id="fractional duration"),
        pytest.param({"duration_seconds": "60"}, {"duration_seconds"}, id="duration as text"),
        pytest.param({"duration_seconds": True}, {"duration_seconds"}, id="duration a boolean"),
        pytest.param({"rows_processed": -1}, {"rows_processed"}, id="negative rows"),
        pytest.param({"rows_processed": 2**63}, {"rows_processed"}, id="rows overflow"),
        pytest.param({"error_message": {"text": "x"}}, {"error_message"}, id="error an object"),
        pytest.param({"error_message": "\0"}, {"error_message"}, id="error with a null character"),
        pytest.param({"status_reason": "\ud800"}, {"status_reason"}, id="reason with a lone surrogate"),
        pytest.param({"payload": []}, {"payload"}, id="payload a list"),
        pytest.param({"payload": "text"}, {"payload"}, id="payload text"),
        pytest.param({"payload": {"a": ["\0"]}}, {"payload"}, id="payload with a null character"),
        pytest.param({"payload": {"a\0": 1}}, {"payload"}, id="payload key with a null character"),
        pytest.param({"payload": {"a": {"b": "\udfff"}}}, {"payload"}, id="payload with a lone surrogate"),
        pytest.param({"payload": nested(65)}, {"payload"}, id="payload too deep"),
        pytest.param({"source_updated_at": "2026-03-01T10:00:00Z"}, {"source_updated_at"}, id="not for manual runs"),
        pytest.param({"event_at": "2026-03-01T10:00:00Z"}, {"event_at"}, id="generated"),
        pytest.param({"pipeline_id": UNKNOWN_ID}, {"pipeline_id"}, id="pipeline in the body"),
        pytest.param({"status": 1, "started_at": 2, "duration_seconds": "3", "payload": 4, "nope": 5},
                     {"status", "started_at", "duration_seconds", "payload", "nope"}, id="several fields"),
    ],
)  # fmt: skip
def test_the_error_names_every_invalid_field_and_nothing_is_stored(
    api: APIClient, pipeline: Pipeline, change: dict[str, Any], fields: set[str]
) -> None:
    issues = field_errors(post_json(api, runs_path(pipeline), FULL_RUN | change))

    assert set(issues) == fields
    assert not Run.objects.exists()


@pytest.mark.proves("SC-005")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"status": "success"}, id="only a status"),
        pytest.param({"status": "running", "finished_at": "2026-03-01T10:00:00Z"}, id="running with an end"),
        pytest.param(FULL_RUN | {"finished_at": FULL_RUN["started_at"]}, id="end equal to start"),
        pytest.param(FULL_RUN | {"duration_seconds": 0, "rows_processed": 0}, id="zeros"),
        pytest.param(FULL_RUN | {"duration_seconds": 2**31 - 1}, id="the longest duration"),
        pytest.param(FULL_RUN | {"external_run_id": "é" * 255}, id="the longest id"),
        pytest.param(FULL_RUN | {"payload": nested(64)}, id="the deepest payload"),
        pytest.param(FULL_RUN | {"payload": {}}, id="an empty payload"),
        pytest.param(dict.fromkeys(FULL_RUN) | {"status": "skipped"}, id="nulls"),
    ],
)
def test_a_valid_run_is_stored_as_sent(api: APIClient, pipeline: Pipeline, body: dict[str, Any]) -> None:
    response = api.post(runs_path(pipeline), body)

    assert response.status_code == 201, response.content
    sent = {key: value for key, value in body.items() if value is not None}
    assert sent.items() <= response.json().items()


def test_an_infinite_number_is_refused(api: APIClient, pipeline: Pipeline) -> None:
    body = b'{"status": "success", "payload": {"x": 1e999}}'

    assert set(field_errors(api.post(runs_path(pipeline), body, content_type="application/json"))) == {"payload"}


def test_the_duration_is_computed_if_it_is_omitted(api: APIClient, pipeline: Pipeline) -> None:
    body = {key: FULL_RUN[key] for key in ("status", "started_at", "finished_at")}

    assert api.post(runs_path(pipeline), body).json()["duration_seconds"] == 300


@pytest.mark.proves("SE-003")
def test_secrets_are_removed_before_the_run_is_stored(api: APIClient, pipeline: Pipeline) -> None:
    body = {"status": "failed", "payload": {"password": "hunter2"}, "error_message": "password=hunter2"}

    response = api.post(runs_path(pipeline), body)

    assert response.status_code == 201
    assert b"hunter2" not in response.content


@pytest.mark.parametrize("path", ["runs", "runs/latest"])
def test_an_unknown_pipeline_returns_404(api: APIClient, path: str) -> None:
    assert_error(api.get(f"{ROOT}/pipelines/{UNKNOWN_ID}/{path}"), 404, "not_found")


def test_creating_a_run_of_an_unknown_pipeline_returns_404(api: APIClient) -> None:
    assert_error(api.post(f"{ROOT}/pipelines/{UNKNOWN_ID}/runs", {"status": "success"}), 404, "not_found")


def test_an_unknown_run_returns_404(api: APIClient) -> None:
    assert_error(api.get(f"{ROOT}/runs/{UNKNOWN_ID}"), 404, "not_found")


@pytest.mark.django_db(transaction=True)
def test_only_one_of_several_concurrent_manual_runs_with_one_id_is_stored() -> None:
    path, api_clients = runs_path(PipelineFactory.create()), [api_with_scope("write") for _ in range(6)]
    barrier = Barrier(len(api_clients))

    def create(api: APIClient) -> Any:
        barrier.wait()
        try:
            return api.post(path, FULL_RUN)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(api_clients)) as pool:
        responses = list(pool.map(create, api_clients))

    refused = [response for response in responses if response.status_code != 201]
    assert len(refused) == len(api_clients) - 1
    assert {frozenset(field_errors(response)) for response in refused} == {frozenset({"external_run_id"})}


# The list of one pipeline's runs


@pytest.mark.proves("FR-018")
def test_the_runs_of_a_disabled_pipeline_are_still_listed(api: APIClient) -> None:
    run = RunFactory.create(pipeline__is_active=False, pipeline__client__is_active=False)

    assert [item["id"] for item in items(api.get(runs_path(run.pipeline)))] == [str(run.pk)]
    assert api.get(f"{runs_path(run.pipeline)}/latest").json()["id"] == str(run.pk)
    assert [item["id"] for item in items(api.get(f"{ROOT}/runs"))] == [str(run.pk)]


@pytest.mark.proves("FR-005", "AC-004")
def test_the_default_order_is_latest_first_and_asc_reverses_it(api: APIClient, pipeline: Pipeline) -> None:
    for started_at, finished_at in [
        (at_hour(9), None),
        (at_hour(9), at_hour(10)),
        (None, at_hour(23)),
        (at_hour(11), None),
        (None, None),
    ]:
        RunFactory.create(pipeline=pipeline, started_at=started_at, finished_at=finished_at)
    RunFactory.create(pipeline=pipeline, started_at=at_hour(9), finished_at=at_hour(10))

    default_ids, descending_ids, ascending_ids = (
        [run["id"] for run in items(api.get(runs_path(pipeline), parameters))]
        for parameters in ({}, {"order": "desc"}, {"order": "asc"})
    )

    assert default_ids == descending_ids == ascending_ids[::-1]
    assert default_ids == [str(key) for key in Run.objects.latest_first().values_list("pk", flat=True)]


@pytest.mark.proves("FR-005", "AC-004")
def test_the_list_of_a_pipeline_is_filtered_by_status(api: APIClient, pipeline: Pipeline) -> None:
    for status in ("running", "success", "failed", "canceled", "skipped"):
        RunFactory.create(pipeline=pipeline, status=status, external_run_id=status)

    for status in ("running", "success", "failed", "canceled", "skipped"):
        assert [run["external_run_id"] for run in items(api.get(runs_path(pipeline), {"status": status}))] == [status]


def test_the_list_of_a_pipeline_is_filtered_by_external_run_id(api: APIClient, pipeline: Pipeline) -> None:
    RunFactory.create(pipeline=pipeline, external_run_id=" exact ")
    RunFactory.create(pipeline=pipeline, external_run_id="exact")

    runs = items(api.get(runs_path(pipeline), {"external_run_id": " exact "}))

    assert [run["external_run_id"] for run in runs] == [" exact "]


@pytest.mark.proves("FR-005", "AC-004")
@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, {"start 10", "start 12", "start 14", "end 12", "stored now"}),
        (at_hour(12), None, {"start 12", "start 14", "end 12", "stored now"}),
        (at_hour(12) + timedelta(microseconds=1), None, {"start 14", "stored now"}),
        (None, at_hour(12), {"start 10"}),
        (None, at_hour(12) + timedelta(microseconds=1), {"start 10", "start 12", "end 12"}),
        (at_hour(10), at_hour(12), {"start 10"}),
        (at_hour(15), at_hour(16), set()),
    ],
)
def test_the_window_of_a_pipelines_list_applies_to_started_at_else_to_event_at(
    api: APIClient, pipeline: Pipeline, since: datetime | None, until: datetime | None, expected: set[str]
) -> None:
    for hour in (10, 12, 14):
        RunFactory.create(
            pipeline=pipeline, external_run_id=f"start {hour}", started_at=at_hour(hour), finished_at=at_hour(hour + 2)
        )
    RunFactory.create(pipeline=pipeline, external_run_id="end 12", started_at=None, finished_at=at_hour(12))
    RunFactory.create(pipeline=pipeline, external_run_id="stored now", started_at=None, finished_at=None)
    window = {name: time.isoformat() for name, time in (("since", since), ("until", until)) if time is not None}

    for order in ("asc", "desc"):
        runs = items(api.get(runs_path(pipeline), {**window, "order": order}))
        assert {run["external_run_id"] for run in runs} == expected


@pytest.mark.parametrize("until", [at_hour(12), at_hour(11)])
@pytest.mark.parametrize(("start", "end"), [("since", "until"), ("event_since", "event_until")])
def test_a_window_that_does_not_begin_before_its_end_is_refused(
    api: APIClient, pipeline: Pipeline, start: str, end: str, until: datetime
) -> None:
    window = {start: at_hour(12).isoformat(), end: until.isoformat()}
    paths = [runs_path(pipeline), f"{ROOT}/runs"] if start == "since" else [runs_path(pipeline)]

    for path in paths:
        assert field_errors(api.get(path, window)) == {start: [f"This must be before {end}."]}


def test_a_window_without_an_offset_is_utc(api: APIClient, pipeline: Pipeline) -> None:
    RunFactory.create(pipeline=pipeline, started_at=at_hour(12))

    assert len(items(api.get(runs_path(pipeline), {"since": "2026-03-01T12:00:00"}))) == 1
    assert len(items(api.get(runs_path(pipeline), {"since": "2026-03-01T14:00:00+02:00"}))) == 1
    assert len(items(api.get(runs_path(pipeline), {"since": "2026-03-01T12:00:00-01:00"}))) == 0


# The list of all runs


def test_the_list_of_all_runs_is_sorted_by_event_at_newest_first(api: APIClient) -> None:
    RunFactory.create(external_run_id="ended 14", started_at=at_hour(8), finished_at=at_hour(14))
    RunFactory.create(external_run_id="started 13", started_at=at_hour(13), finished_at=None)
    RunFactory.create(external_run_id="stored now", started_at=None, finished_at=None)
    RunFactory.create(external_run_id="ended 14, newer", started_at=at_hour(9), finished_at=at_hour(14))

    ids = [run["external_run_id"] for run in items(api.get(f"{ROOT}/runs"))]

    assert ids == ["stored now", "ended 14, newer", "ended 14", "started 13"]


def test_the_list_of_all_runs_is_filtered_by_client_pipeline_platform_environment_and_status(
    api: APIClient,
) -> None:
    RunFactory.create()
    matching = RunFactory.create(status="failed", pipeline__platform="dbt", pipeline__environment="dev")

    for parameters in (
        {"client_id": str(matching.pipeline.client_id)},
        {"pipeline_id": str(matching.pipeline_id)},
        {"platform": "dbt"},
        {"environment": "dev"},
        {"status": "failed"},
        {"client_id": str(matching.pipeline.client_id), "platform": "dbt", "environment": "dev", "status": "failed"},
    ):
        assert [run["id"] for run in items(api.get(f"{ROOT}/runs", parameters))] == [str(matching.pk)]
    assert items(api.get(f"{ROOT}/runs", {"client_id": UNKNOWN_ID})) == []


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"since": at_hour(14)}, {"ended 14"}),
        ({"until": at_hour(14)}, {"started 13"}),
        ({"since": at_hour(13), "until": at_hour(14)}, {"started 13"}),
        ({"since": at_hour(13), "until": at_hour(14) + timedelta(microseconds=1)}, {"started 13", "ended 14"}),
    ],
)
def test_the_window_of_the_list_of_all_runs_applies_to_event_at(
    api: APIClient, window: dict[str, datetime], expected: set[str]
) -> None:
    RunFactory.create(external_run_id="ended 14", started_at=at_hour(8), finished_at=at_hour(14))
    RunFactory.create(external_run_id="started 13", started_at=at_hour(13), finished_at=None)

    runs = items(api.get(f"{ROOT}/runs", {name: time.isoformat() for name, time in window.items()}))

    assert {run["external_run_id"] for run in runs} == expected


def test_every_column_of_a_run_has_its_own_filter_or_a_reason_why_it_has_none() -> None:
    from runs.api.filters import PipelineRunFilter, RunFilter

    without_own_filter = {
        "id": "GET /runs/{run_id} reads it",
        "started_at": "by since and until on a pipeline's list",
        "finished_at": "by since and until, through event_at",
        "event_at": "by since and until",
        "created_at": "set by CHM",
        "updated_at": "set by CHM",
        "ingested_at": "set by CHM",
        "source_updated_at": "the version, which CHM compares itself",
        "started_at_kept": "set by CHM",
        "error_message_fetched": "set by CHM",
        "duration_seconds": "reports show it",
        "rows_processed": "reports show it",
        "error_message": "by q on the list of all runs",
        "status_reason": "free text",
        "payload": "it differs from source to source",
        "given_source_url": "a link",
    }
    columns = {field.attname for field in Run._meta.concrete_fields}

    assert columns - set(without_own_filter) <= set(PipelineRunFilter.base_filters) | set(RunFilter.base_filters)
