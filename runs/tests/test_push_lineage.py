"""POST /api/v1/lineage: valid and invalid OpenLineage events."""

import gzip
import json
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from chm_project.access.models import ApiToken
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error, field_errors, post_json
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.push.unmatched_jobs import unmatched_jobs, unmatched_total

pytestmark = pytest.mark.django_db

LINEAGE_URL = f"{ROOT}/lineage"
RUN_ID = "01a1fb64-aaed-779b-9154-fa9685e04bb1"


@pytest.fixture
def pipeline() -> Pipeline:
    return PipelineFactory.create(external_id="warehouse://prod/daily_mart", platform="custom")


@pytest.fixture
def api(pipeline: Pipeline) -> APIClient:
    return api_with_scope("ingest", client_id=pipeline.client_id)


def event(kind: str | None = "START", minute: int = 0, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "eventTime": f"2026-03-01T10:{minute:02}:00.123456789+01:00",
        "run": {"runId": RUN_ID, "facets": {}},
        "job": {"namespace": "warehouse://prod", "name": "daily_mart", "facets": {}},
        "inputs": [],
        "outputs": [],
        "producer": "https://example.test/jobs",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }
    return body | ({"eventType": kind} if kind else {}) | fields


def outcomes(answer: Any) -> list[str]:
    assert answer.status_code == 201, answer.content
    return [item["outcome"] for item in answer.json()["items"]]


def test_a_start_a_running_and_a_complete_event_update_one_run(api: APIClient, pipeline: Pipeline) -> None:
    for kind, minute, expected in [("START", 0, "created"), ("RUNNING", 1, "updated"), ("COMPLETE", 5, "updated")]:
        assert outcomes(api.post(LINEAGE_URL, event(kind, minute))) == [expected]

    run = pipeline.runs.get()
    assert (run.external_run_id, run.status, run.duration_seconds) == (RUN_ID, "success", 300)
    assert str(run.started_at) == "2026-03-01 09:00:00.123456+00:00"
    assert outcomes(api.post(LINEAGE_URL, event("COMPLETE", 5))) == ["unchanged"]
    assert outcomes(api.post(LINEAGE_URL, event("RUNNING", 1))) == ["stale"]


@pytest.mark.parametrize(("kind", "status"), [("COMPLETE", "success"), ("FAIL", "failed"), ("ABORT", "canceled")])
def test_an_end_event_can_arrive_before_the_start_event(api: APIClient, kind: str, status: str) -> None:
    api.post(LINEAGE_URL, event(kind, 5))
    api.post(LINEAGE_URL, event("START", 0))

    run = Run.objects.get()
    assert (run.status, run.duration_seconds) == (status, 300)


@pytest.mark.parametrize("kind", ["OTHER", None])
def test_an_event_of_another_type_neither_opens_nor_ends_a_run(api: APIClient, kind: str | None) -> None:
    api.post(LINEAGE_URL, event("START", 0))
    assert outcomes(api.post(LINEAGE_URL, event(kind, 3))) == ["unchanged"]
    assert Run.objects.get().status == "running"

    api.post(LINEAGE_URL, event("COMPLETE", 5))
    assert outcomes(api.post(LINEAGE_URL, event(kind, 9))) == ["unchanged"]
    assert Run.objects.get().status == "success"


def test_values_of_the_facets_are_stored_and_scrubbed(api: APIClient) -> None:
    facets = {
        "errorMessage": {"message": "no route to postgres://chm:FAKE-pw@db/x", "programmingLanguage": "python",
                         "stackTrace": "Traceback: password=hunter2"},
        "nominalTime": {"nominalStartTime": "2026-03-01T00:00:00Z", "nominalEndTime": "2026-03-02T00:00:00Z"},
        "processing_engine": {"name": "spark", "version": "3.5.1"},
        "parent": {"run": {"runId": "p"}, "job": {"namespace": "n", "name": "m"}},
    }  # fmt: skip
    outputs = [{"outputFacets": {"outputStatistics": {"rowCount": number}}} for number in (3, 4, -1, "many", None)]
    api.post(LINEAGE_URL, event("FAIL", 5, run={"runId": RUN_ID, "facets": facets}, outputs=outputs))

    run = Run.objects.get()
    assert run.error_message == "no route to postgres://[filtered]@db/x"
    assert run.rows_processed == 7
    assert run.payload is not None
    assert run.payload["nominal_time"] == {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}
    assert run.payload["engine"] == {"name": "spark", "version": "3.5.1"}
    assert run.payload["parent"] == {"run_id": "p", "namespace": "n", "name": "m"}
    assert "hunter2" not in json.dumps(run.payload)


def test_a_secret_at_the_cut_is_removed_completely(api: APIClient) -> None:
    long_text = "x" * 9_985 + " AKIA" + "Z" * 16 + "y" * 10_000
    body = {"errorMessage": {"message": long_text, "stackTrace": long_text}}
    api.post(LINEAGE_URL, event("FAIL", 5, run={"runId": RUN_ID, "facets": body}))

    run = Run.objects.get()
    assert run.error_message is not None
    assert run.error_message.startswith("xxx")
    assert "AKIA" not in run.error_message + json.dumps(run.payload)


def test_each_event_of_a_list_has_its_own_outcome(api: APIClient) -> None:
    job = event("START")["job"]
    answer = api.post(
        LINEAGE_URL,
        [
            event("COMPLETE", 5),
            event("EXPLODED"),
            {"eventTime": "2026-03-01T10:00:00Z", "job": job, "producer": "x"},
            {"eventTime": "2026-03-01T10:00:00Z", "dataset": {}, "producer": "x"},
            event("START", 0),
            event("START", job={"namespace": "warehouse://prod", "name": "no such job"}),
            "nonsense",
            event("START", run={"runId": ""}),
            event("START", 0),
        ],
    )

    assert outcomes(answer) == [
        "updated", "rejected", "ignored", "ignored", "created", "unmatched", "rejected", "rejected", "unchanged",
    ], "events of one run are applied by their time"  # fmt: skip
    items = answer.json()["items"]
    assert [item["index"] for item in items] == list(range(9))
    assert "eventType: " in items[1]["error"]
    assert "run.runId: " in items[7]["error"]
    assert items[0]["id"] == items[4]["id"] == str(Run.objects.get().pk)


def test_a_list_of_events_needs_a_constant_number_of_queries(
    api: APIClient, django_assert_max_num_queries: Any
) -> None:
    events = [event("START", run={"runId": f"run {number}"}) for number in range(1_000)]

    with django_assert_max_num_queries(6):  # the token, its last use, the pipelines, and one write within a savepoint
        answer = api.post(LINEAGE_URL, events)

    assert set(outcomes(answer)) == {"created"}


def test_compressed_events_are_accepted(api: APIClient) -> None:
    for coding in ("gzip", "x-gzip", "GZIP"):
        body = gzip.compress(json.dumps(event("START")).encode())
        answer = api.post(LINEAGE_URL, body, content_type="application/json", headers={"content-encoding": coding})
        assert outcomes(answer)[0] in {"created", "unchanged"}


def post_bytes(api: APIClient, body: bytes, coding: str = "") -> Any:
    return api.post(LINEAGE_URL, body, content_type="application/json", headers={"content-encoding": coding})


def test_a_body_has_a_size_limit_before_and_after_decompression(api: APIClient, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    compressed_large_body = gzip.compress(b"[" + b" " * 200_000_000 + b"]")
    for answer in (
        post_bytes(api, compressed_large_body[:90_000] + compressed_large_body[-8:], "gzip"),
        post_bytes(api, compressed_large_body, "gzip"),
        post_bytes(api, b" " * 100_001),
    ):
        assert "larger than 100000 bytes" in str(field_errors(answer)["body"])


@pytest.mark.parametrize(
    ("body", "coding"),
    [(b"{}", "gzip"), (gzip.compress(b"{}", mtime=0)[:-3], "gzip"), (b"\x1f\x8b\x08" + b"\xff" * 40, "gzip"),
     (b"{}", "br"), (b"\xff\xfe", ""), (b"", ""), (b"[" * 200_000, ""), (b'{"a":' * 90_000, ""), (b"[NaN]", ""),
     (b"{", "")],
)  # fmt: skip
def test_an_unreadable_body_is_refused_with_a_message(api: APIClient, body: bytes, coding: str) -> None:
    assert field_errors(post_bytes(api, body, coding))


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"run.runId", "job.namespace", "job.name", "eventTime"}),
        (None, {"body"}),
        ("START", {"body"}),
        (event("EXPLODED"), {"eventType"}),
        (event("START", eventType=7), {"eventType"}),
        (event("START", eventTime=1772359200), {"eventTime"}),
        (event("START", eventTime="9999-12-31T23:59:59-12:00"), {"eventTime"}),
        (event("START", run=[]), {"run.runId"}),
        (event("START", run={"runId": 7}), {"run.runId"}),
        (event("START", run={"runId": "x" * 256}), {"run.runId"}),
        (event("START", job={"namespace": "", "name": None}), {"job.namespace", "job.name"}),
        ([], {"body"}),
        ([{}] * 1_001, {"body"}),
    ],
)
def test_the_error_of_a_single_invalid_event_names_every_invalid_field(
    api: APIClient, body: Any, fields: set[str]
) -> None:
    assert set(field_errors(post_json(api, LINEAGE_URL, body))) == fields
    assert not Run.objects.exists()


@pytest.mark.parametrize("wrong", [None, 7, "text", [], {}, [[]], {"message": {"message": []}}, True, -1.5, "\0\ud800"])
def test_facets_of_a_wrong_type_are_left_out_and_the_run_is_stored(api: APIClient, wrong: Any) -> None:
    names = ("errorMessage", "nominalTime", "processing_engine", "parent", "airflowDagRun")
    for facets in (wrong, dict.fromkeys(names, wrong), {"errorMessage": {"message": wrong, "stackTrace": wrong}}):
        body = event("FAIL", 5, run={"runId": RUN_ID, "facets": facets}, outputs=wrong, producer=wrong)
        assert outcomes(post_json(api, LINEAGE_URL, body))[0] in {"created", "updated", "unchanged", "stale"}
    assert Run.objects.get().status == "failed"


@pytest.mark.parametrize("name", ["no such job", "a\0b", "half \ud800", "x" * 300, "DAILY_MART", "daily_mart "])
def test_a_job_that_matches_no_pipeline_is_counted_and_reported(api: APIClient, name: str) -> None:
    before = unmatched_total()
    answer = post_json(api, LINEAGE_URL, event("START", job={"namespace": "warehouse://prod", "name": name}))

    assert outcomes(answer) == ["unmatched"]
    assert unmatched_total() == before + 1
    assert not Run.objects.exists()


def test_the_producers_platform_decides_between_two_pipelines_with_one_external_id(
    pipeline: Pipeline, api: APIClient
) -> None:
    airflow_pipeline = PipelineFactory.create(
        client=pipeline.client, external_id=pipeline.external_id, platform="airflow"
    )
    provider = "https://github.com/apache/airflow/tree/providers-openlineage/2.20.3"
    api.post(LINEAGE_URL, event("START", producer=provider))
    api.post(LINEAGE_URL, event("START"))

    assert airflow_pipeline.runs.count() == pipeline.runs.count() == 1


def test_a_job_of_another_client_is_unmatched_for_the_token(pipeline: Pipeline) -> None:
    api_of_another_client = api_with_scope("ingest", client_id=ClientFactory.create().pk)
    sibling = PipelineFactory.create(client=pipeline.client)

    answers = [
        api_of_another_client.post(LINEAGE_URL, event("START")).json(),
        api_with_scope("ingest", pipeline_id=sibling.pk).post(LINEAGE_URL, event("START")).json(),
        api_of_another_client.post(LINEAGE_URL, event("START", job={"namespace": "nothing", "name": "at all"})).json(),
    ]

    assert answers[0] == answers[1] == answers[2]
    assert not Run.objects.exists()
    bound = api_with_scope("ingest", pipeline_id=pipeline.pk)
    assert outcomes(bound.post(LINEAGE_URL, event("START"))) == ["created"]


def test_pushing_requires_a_bound_token_with_the_scope_ingest(pipeline: Pipeline) -> None:
    assert_error(APIClient().post(LINEAGE_URL, event()), 401, "unauthorized")
    assert_error(APIClient(headers={"authorization": "Bearer wrong"}).post(LINEAGE_URL, event()), 401, "unauthorized")
    assert_error(api_with_scope("read", client_id=pipeline.client_id).post(LINEAGE_URL, event()), 403, "forbidden")
    assert_error(api_with_scope("admin").post(LINEAGE_URL, event()), 403, "forbidden")
    assert_error(api_as_role("analyst").post(LINEAGE_URL, event()), 403, "forbidden")
    assert not Run.objects.exists()


def test_too_many_events_get_429_and_retry_after(api: APIClient, settings: Settings) -> None:
    settings.CHM_THROTTLE_LINEAGE = "150/day"
    events = [event("START", run={"runId": f"run {number}"}) for number in range(100)]

    assert set(outcomes(api.post(LINEAGE_URL, events))) == {"created"}
    refused = api.post(LINEAGE_URL, events)

    assert_error(refused, 429, "rate_limited")
    assert int(refused["Retry-After"]) >= 1
    assert Run.objects.count() == 100


def test_the_name_of_an_unmatched_job_is_stored_without_its_secret(api: APIClient) -> None:
    body = event("START", job={"namespace": "postgres://etl:hunter2@db", "name": "load password=hunter2"})
    api.post(LINEAGE_URL, body)

    [job] = unmatched_jobs(ApiToken.objects.get())
    assert "hunter2" not in job
    assert job.startswith("postgres://[filtered]@db/load")


def test_run_ids_are_stored_without_their_secrets_and_stay_different(api: APIClient) -> None:
    for run_id in ("x?token=FAKE-tok-77", "x?token=FAKE-tok-77", "x?token=FAKE-tok-78"):
        api.post(LINEAGE_URL, event("START", run={"runId": run_id}))

    ids = list(Run.objects.values_list("external_run_id", flat=True))
    assert len(ids) == 2
    assert all(run_id.startswith("x?token=[filtered]-") for run_id in ids)
