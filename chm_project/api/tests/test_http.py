"""Repeated posts, limits, request ids, compression, HEAD, CORS, deprecations, error formats."""

import gzip
import json
import logging
import re
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import override_settings
from rest_framework.test import APIClient

from alerting.models import AlertRule
from chm_project.api import idempotency
from chm_project.telemetry.context import ContextFilter
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error, field_errors, items
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> APIClient:
    return api_with_scope("write")


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


# Idempotency-Key


def bodies_by_path() -> dict[str, dict[str, Any]]:
    pipeline = PipelineFactory.create()
    return {
        f"{ROOT}/clients": {"name": "Northwind"},
        f"{ROOT}/clients/{pipeline.client_id}/pipelines": {
            "name": "new", "platform": "cron", "pipeline_type": "export",
        },
        f"{ROOT}/pipelines/{pipeline.pk}/runs": {"status": "success", "payload": {"attempt": 2}},
        f"{ROOT}/alert_rules": {
            "pipeline_id": str(pipeline.pk), "rule_type": "on_failure", "channel": "slack", "destination": "#a",
        },
    }  # fmt: skip


def object_counts() -> list[int]:
    return [model.objects.count() for model in (Client, Pipeline, Run, AlertRule)]


def test_a_repeated_request_with_the_same_key_gets_the_same_response_and_creates_nothing(api: APIClient) -> None:
    for path, body in bodies_by_path().items():
        first = api.post(path, body, HTTP_IDEMPOTENCY_KEY="7f3a")
        before = object_counts()

        second = api.post(path, body, HTTP_IDEMPOTENCY_KEY="7f3a")

        assert (first.status_code, second.status_code) == (201, 201)
        assert second.json() == first.json()
        assert second["Location"] == first["Location"]
        assert (second["Idempotent-Replayed"], "Idempotent-Replayed" in first) == ("true", False)
        assert object_counts() == before


def test_a_request_with_another_key_or_without_a_key_creates_another_object(api: APIClient) -> None:
    path = f"{ROOT}/pipelines/{PipelineFactory.create().pk}/runs"

    for headers in ({"idempotency-key": "a"}, {"idempotency-key": "b"}, {}, {}):
        assert api.post(path, {"status": "success"}, headers=headers).status_code == 201

    assert Run.objects.count() == 4


def test_a_key_with_another_body_is_an_error(api: APIClient) -> None:
    api.post(f"{ROOT}/clients", {"name": "a"}, HTTP_IDEMPOTENCY_KEY="k")

    issues = field_errors(api.post(f"{ROOT}/clients", {"name": "b"}, HTTP_IDEMPOTENCY_KEY="k"))

    assert set(issues) == {"Idempotency-Key"}
    assert Client.objects.count() == 1


def test_a_refused_request_may_be_corrected_and_sent_with_the_same_key(api: APIClient) -> None:
    ClientFactory.create(name="taken")

    assert set(field_errors(api.post(f"{ROOT}/clients", {"name": "taken"}, HTTP_IDEMPOTENCY_KEY="k"))) == {"name"}
    assert api.post(f"{ROOT}/clients", {"name": "free"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 201


@pytest.mark.parametrize("key", ["", "é", "x" * 256, "a\tb"])
def test_an_invalid_key_is_an_error(api: APIClient, key: str) -> None:
    assert set(field_errors(api.post(f"{ROOT}/clients", {"name": "a"}, HTTP_IDEMPOTENCY_KEY=key))) == {
        "Idempotency-Key"
    }


def test_a_key_belongs_to_one_token(api: APIClient) -> None:
    path = f"{ROOT}/pipelines/{PipelineFactory.create().pk}/runs"

    ids = {
        each_api.post(path, {"status": "success"}, HTTP_IDEMPOTENCY_KEY="k").json()["id"]
        for each_api in (api, api_with_scope())
    }

    assert len(ids) == 2


def test_a_repeated_request_is_409_while_the_first_is_running(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    responses = []
    create_and_store = idempotency._create_and_store

    def repeat_before_storing(*arguments: Any) -> Any:
        responses.append(api.post(f"{ROOT}/clients", {"name": "a"}, HTTP_IDEMPOTENCY_KEY="k"))
        return create_and_store(*arguments)

    monkeypatch.setattr(idempotency, "_create_and_store", repeat_before_storing)
    assert api.post(f"{ROOT}/clients", {"name": "a"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 201

    assert_error(responses[0], 409, "conflict")


@override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache",
                                       "LOCATION": "redis://127.0.0.1:1/0"}})  # fmt: skip
def test_a_request_with_a_key_is_executed_when_the_cache_is_down(api: APIClient) -> None:
    assert api.post(f"{ROOT}/clients", {"name": "a"}, HTTP_IDEMPOTENCY_KEY="k").status_code == 201


# RateLimit


@override_settings(CHM_THROTTLE_TOKEN="3/hour")
def test_every_response_has_the_number_of_requests_left(api: APIClient) -> None:
    responses = [api.get(f"{ROOT}/clients") for _ in range(4)]

    for response, left in zip(responses, (2, 1, 0, 0), strict=True):
        assert response["RateLimit-Policy"] == '"requests";q=3;w=3600'
        match = re.fullmatch(r'"requests";r=(\d+);t=(\d+)', response["RateLimit"])
        assert match is not None
        assert int(match[1]) == left
        assert 0 < int(match[2]) <= 3600
    assert_error(responses[3], 429, "rate_limited")
    assert 0 < int(responses[3]["Retry-After"]) <= 3600


# Request ids


def test_the_response_header_and_errors_contain_the_sent_request_id(api: APIClient) -> None:
    response = api.get(f"{ROOT}/clients/1", HTTP_X_REQUEST_ID="trace-7.a:b")

    assert response["X-Request-ID"] == "trace-7.a:b"
    assert response.json()["error"]["request_id"] == "trace-7.a:b"


@pytest.mark.parametrize("request_id", [None, "", "line\nbreak", "x" * 129, "<script>", "é"])
def test_a_request_without_a_valid_request_id_gets_a_new_one(api: APIClient, request_id: str | None) -> None:
    headers = {} if request_id is None else {"x-request-id": request_id}

    ids = {api.get(f"{ROOT}/clients", headers=headers)["X-Request-ID"] for _ in range(2)}

    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", generated) for generated in ids)


def test_the_log_of_a_failure_has_the_request_id(monkeypatch: pytest.MonkeyPatch) -> None:
    api, records = api_with_scope(), []
    api.raise_request_exception = False

    class RecordingHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler = RecordingHandler()
    handler.addFilter(ContextFilter())
    logging.getLogger("django.request").addHandler(handler)
    monkeypatch.setattr("chm_project.api.root.RootView.get", lambda view, request: 1 / 0)
    try:
        response = api.get(ROOT, HTTP_X_REQUEST_ID="trace-8")
    finally:
        logging.getLogger("django.request").removeHandler(handler)

    assert response.json()["error"]["request_id"] == "trace-8"
    assert {getattr(record, "request_id", None) for record in records} == {"trace-8"}


def test_logs_in_production_contain_the_request_id() -> None:
    source = (settings.BASE_DIR / "chm_project" / "settings" / "production.py").read_text()

    assert '"filters": ["context"]' in source


# gzip and HEAD


def test_long_responses_are_compressed_for_clients_that_accept_gzip(api: APIClient) -> None:
    RunFactory.create_batch(5)
    uncompressed_response = api.get(f"{ROOT}/runs")

    compressed_response = api.get(f"{ROOT}/runs", HTTP_ACCEPT_ENCODING="gzip")

    assert compressed_response["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed_response.content) == uncompressed_response.content
    assert "Accept-Encoding" in uncompressed_response["Vary"]
    assert compressed_response["ETag"] == f"W/{uncompressed_response['ETag']}"
    assert (
        api.get(f"{ROOT}/runs", HTTP_ACCEPT_ENCODING="gzip", HTTP_IF_NONE_MATCH=compressed_response["ETag"]).status_code
        == 304
    )
    csv = api.get(f"{ROOT}/runs", HTTP_ACCEPT="text/csv", HTTP_ACCEPT_ENCODING="gzip")
    assert gzip.decompress(b"".join(csv)).startswith(b"id,")
    assert "Content-Encoding" not in api.get(f"{ROOT}/clients?limit=1&fields=id", HTTP_ACCEPT_ENCODING="gzip")
    assert api_as_role("viewer").get("/admin/login/", HTTP_ACCEPT_ENCODING="gzip")["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("path", ["", "/clients", "/reports", "/reports/failing_now", "/runs", "/schema", "/docs"])
def test_head_returns_the_headers_of_get_without_a_body(api: APIClient, path: str) -> None:
    get, head = api.get(ROOT + path), api.head(ROOT + path)

    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Type"] == get["Content-Type"]
    assert head.get("ETag") == get.get("ETag")


# CORS

ORIGIN = "https://status.example.com"


def test_responses_have_no_cors_headers_by_default(api: APIClient) -> None:
    response = api.get(f"{ROOT}/clients", HTTP_ORIGIN=ORIGIN)

    assert not [name for name in response.headers if name.lower().startswith("access-control")]


@override_settings(
    CORS_ALLOWED_ORIGINS=[ORIGIN], MIDDLEWARE=["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]
)
def test_a_configured_origin_may_call_the_api_and_nothing_else(api: APIClient) -> None:
    preflight = api.options(
        f"{ROOT}/clients", HTTP_ORIGIN=ORIGIN, HTTP_ACCESS_CONTROL_REQUEST_METHOD="PATCH",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,if-match",
    )  # fmt: skip
    response = api.get(f"{ROOT}/clients", HTTP_ORIGIN=ORIGIN)

    assert preflight["Access-Control-Allow-Origin"] == response["Access-Control-Allow-Origin"] == ORIGIN
    assert {"authorization", "if-match", "idempotency-key"} <= set(
        preflight["Access-Control-Allow-Headers"].split(", ")
    )
    assert {"ETag", "Link", "RateLimit"} <= set(response["Access-Control-Expose-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in response
    assert "Access-Control-Allow-Origin" not in api.get(f"{ROOT}/clients", HTTP_ORIGIN="https://other.example.com")
    assert "Access-Control-Allow-Origin" not in api.get("/admin/login/", HTTP_ORIGIN=ORIGIN)


# Deprecation


def test_a_deprecated_parameter_is_announced_and_still_works(api: APIClient) -> None:
    run = RunFactory.create()
    path = f"{ROOT}/pipelines/{run.pipeline_id}/runs"

    with_order, with_ordering = api.get(path, {"order": "asc"}), api.get(path, {"ordering": "started_at"})

    assert items(with_order) == items(with_ordering)
    assert with_order["Deprecation"] == "@1795219200"  # 2026-11-21, as in docs/api-changes.md
    assert re.search(r'<http://testserver/api/v1/docs>; rel="deprecation"', with_order["Link"])
    assert "Deprecation" not in with_ordering


# Problem details (RFC 9457)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/clients/1", 404, "not_found"), ("/nothing", 404, "not_found"), ("/runs?limit=0", 400, "validation_error")],
)
def test_errors_are_problem_details_for_clients_that_accept_them(
    api: APIClient, path: str, status: int, code: str
) -> None:
    response = api.get(ROOT + path, HTTP_ACCEPT="application/json, application/problem+json")

    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    body = json.loads(response.content)
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "details", "request_id"}
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/api/v1/errors#{code}")
    assert body["instance"] == ROOT + path.partition("?")[0]
    error_codes = {entry["code"]: entry for entry in api.get(f"{ROOT}/errors").json()["items"]}
    assert body["title"] == error_codes[code]["title"]


def test_errors_have_the_common_format_for_other_media_types(api: APIClient) -> None:
    for accept in ("*/*", "application/json", "application/*"):
        assert_error(api.get(f"{ROOT}/nothing", HTTP_ACCEPT=accept), 404, "not_found")
    assert api.get(f"{ROOT}/clients", HTTP_ACCEPT="application/json, application/problem+json").status_code == 200
