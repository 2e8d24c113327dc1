"""Every kind of error has the common format and its own code."""

import gzip
import json
from typing import Any

import pytest
from django.core import exceptions as django_exceptions
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, ProtectedError
from django.http import Http404
from django.test import Client as DjangoClient
from django.test import RequestFactory
from rest_framework.exceptions import ErrorDetail
from rest_framework.test import APIClient
from rest_framework.throttling import BaseThrottle

from alerting.models import AlertRule
from chm_project.api import errors
from chm_project.db.constraint_errors import fields_of, violated_constraint_messages
from chm_project.tests.api import ROOT, UNKNOWN_ID, api_with_scope, assert_error, field_errors, post_json
from inventory.api.views import ClientViewSet
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

CLIENTS_URL = f"{ROOT}/clients"


@pytest.fixture
def api() -> APIClient:
    return api_with_scope("admin")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "it is not JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        (b"not json", "it is not JSON: Expecting value at line 1, column 1."),
        (b'{"name": NaN}', "it is not JSON: NaN is not a number in JSON."),
        (b'{"name": Infinity}', "it is not JSON: Infinity is not a number in JSON."),
        (b'{"name": "\xff"}', "it is not UTF-8."),
        (b"[" * 100_000, "it is nested too deeply."),
        (b'{"name": ' + b"1" * 5000 + b"}", "a number has too many digits."),
        (gzip.compress(b"{}", mtime=0), "its Content-Encoding is not supported; leave it out."),
    ],
    ids=lambda value: repr(value[:16]),
)
def test_a_malformed_body_is_400_and_the_message_says_what_is_wrong(api: APIClient, body: bytes, message: str) -> None:
    headers = {"content-encoding": "gzip"} if body.startswith(b"\x1f\x8b") else {}

    response = api.post(CLIENTS_URL, body, content_type="application/json", headers=headers)

    assert field_errors(response) == {"body": [f"The body cannot be read: {message}"]}


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1"])
def test_a_body_that_is_not_an_object_is_400(api: APIClient, body: bytes) -> None:
    response = api.post(CLIENTS_URL, body, content_type="application/json")

    assert field_errors(response) == {"body": ["Send a JSON object."]}


def test_a_byte_order_mark_before_a_body_is_ignored(api: APIClient) -> None:
    body = '{"name": "Café"}'.encode("utf-8-sig")

    assert api.post(CLIENTS_URL, body, content_type="application/json").json()["name"] == "Café"


def test_a_body_that_is_too_large_is_400(api: APIClient) -> None:
    assert set(field_errors(api.post(CLIENTS_URL, {"name": "x" * 17_000_000}))) == {"body"}


def test_a_request_without_credentials_is_401(db: None) -> None:
    response = APIClient().get(CLIENTS_URL)

    assert_error(response, 401, "unauthorized")
    assert response["WWW-Authenticate"] == 'Bearer realm="CHM"'


def test_a_token_without_the_needed_scope_is_403(db: None) -> None:
    assert_error(api_with_scope("ingest").get(CLIENTS_URL), 403, "forbidden")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/clients/not-an-id",
        "/clients/1",
        f"/clients/{UNKNOWN_ID}/nothing",
        "/clients//",
        "//clients",
        "/Clients",
        "/clients.json",
        "/%00",
        "/line%0Abreak",
        "/\u00e9",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_an_unknown_route_is_404_even_without_credentials(method: str, path: str) -> None:
    assert_error(getattr(APIClient(), method)(f"{ROOT}{path}"), 404, "not_found")


def test_an_unknown_route_answers_json_for_every_accept_header() -> None:
    assert_error(APIClient(headers={"accept": "text/csv"}).get(f"{ROOT}/nothing"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("put", "/clients", "GET, POST, HEAD, OPTIONS"),
        ("delete", "/clients", "GET, POST, HEAD, OPTIONS"),
        ("post", f"/clients/{UNKNOWN_ID}", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("put", f"/clients/{UNKNOWN_ID}", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("post", "/pipelines", "GET, HEAD, OPTIONS"),
        ("delete", f"/pipelines/{UNKNOWN_ID}/runs", "GET, POST, HEAD, OPTIONS"),
        ("post", f"/pipelines/{UNKNOWN_ID}/runs/latest", "GET, PUT, HEAD, OPTIONS"),
        ("patch", f"/runs/{UNKNOWN_ID}", "GET, HEAD, OPTIONS"),
        ("post", "/runs", "GET, HEAD, OPTIONS"),
        ("post", "/schema", "GET, HEAD, OPTIONS"),
    ],
)
def test_405_lists_the_allowed_methods(api: APIClient, method: str, path: str, allowed: str) -> None:
    response = getattr(api, method)(f"{ROOT}{path}")

    assert_error(response, 405, "method_not_allowed")
    assert response["Allow"] == allowed


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "FOO"])
def test_an_unknown_method_is_405(api: APIClient, method: str) -> None:
    assert_error(api.generic(method, CLIENTS_URL), 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/reports", "/schema", "/docs", f"/runs/{UNKNOWN_ID}"])
def test_an_unavailable_media_type_is_406(api: APIClient, path: str) -> None:
    assert_error(api.get(f"{ROOT}{path}", headers={"accept": "text/csv"}), 406, "not_acceptable")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded",
                                          "multipart/form-data; boundary=x"])  # fmt: skip
def test_a_body_that_is_not_json_is_415(api: APIClient, content_type: str) -> None:
    response = api.generic("POST", CLIENTS_URL, "name=x", content_type=content_type)

    assert_error(response, 415, "unsupported_media_type")


def test_429_has_the_seconds_to_wait(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    class AlwaysThrottled(BaseThrottle):
        def allow_request(self, request: Any, view: Any) -> bool:
            return False

        def wait(self) -> float:
            return 7

    monkeypatch.setattr(ClientViewSet, "throttle_classes", [AlwaysThrottled])

    response = api.get(CLIENTS_URL)

    assert_error(response, 429, "rate_limited")
    assert response["Retry-After"] == "7"
    assert "7 seconds" in response.json()["error"]["message"]


@pytest.mark.proves("FR-016", "SE-002")
@pytest.mark.parametrize("debug", [True, False])
def test_500_hides_internals_and_logs_them(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the password is hunter2")

    settings.DEBUG = debug
    api.raise_request_exception = False
    monkeypatch.setattr(ClientViewSet, "list", fail)

    response = api.get(CLIENTS_URL)

    assert assert_error(response, 500, "internal_error") == {}
    assert b"hunter2" not in response.content
    assert any(record.exc_info and "hunter2" in str(record.exc_info[1]) for record in caplog.records)


def test_an_unexpected_error_sends_the_signal_of_django(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's test client raises an unexpected exception again if CHM sends the signal got_request_exception."""

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("seen")

    monkeypatch.setattr(ClientViewSet, "list", fail)

    with pytest.raises(RuntimeError, match="seen"):
        api.get(CLIENTS_URL)


@pytest.mark.proves("FR-016")
def test_an_error_outside_the_views_has_the_common_format(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["chm.example"]
    response = DjangoClient(headers={"host": "elsewhere.example"}).get(CLIENTS_URL)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "validation_error"


@pytest.mark.parametrize("path", [CLIENTS_URL, "/elsewhere"])
def test_the_projects_error_handlers_answer_json_only_in_the_api(path: str) -> None:
    request = RequestFactory().get(path)
    responses = [
        errors.bad_request(request, Exception()),
        errors.permission_denied(request, Exception()),
        errors.page_not_found(request, Exception()),
        errors.server_error(request),
    ]

    assert [response.status_code for response in responses] == [400, 403, 404, 500]
    if path == CLIENTS_URL:
        codes = [json.loads(response.content)["error"]["code"] for response in responses]
        assert codes == ["validation_error", "forbidden", "not_found", "internal_error"]
    else:
        assert all(response["Content-Type"].startswith("text/html") for response in responses)


@pytest.mark.proves("FR-016", "AC-003")
@pytest.mark.parametrize(
    "path",
    [
        "/clients",
        "/pipelines",
        "/runs",
        "/clients/{client}",
        "/clients/{client}/pipelines",
        "/clients/{client}/runs/summary",
        "/pipelines/{pipeline}",
        "/pipelines/{pipeline}/runs",
        "/pipelines/{pipeline}/runs/latest",
        "/runs/{run}",
        "/schema",
    ],
)
def test_the_error_names_unknown_parameters_on_every_route(api: APIClient, path: str) -> None:
    run = RunFactory.create()
    path = path.format(client=run.pipeline.client_id, pipeline=run.pipeline_id, run=run.pk)
    assert api.get(f"{ROOT}{path}").status_code == 200

    issues = field_errors(api.get(f"{ROOT}{path}", {"stauts": "failed", "page": "2"}))

    assert set(issues) == {"stauts", "page"}


def test_the_error_names_every_refused_parameter(api: APIClient) -> None:
    pipeline = PipelineFactory.create()
    rule = AlertRule.objects.create(pipeline=pipeline, rule_type="on_failure", channel="slack", destination="#a")
    window, wrong_window = {"since", "until", "foo"}, "since=x&until=y&foo=1"
    page, wrong_page = {"limit", "ordering", "fields", "foo"}, "limit=0&ordering=x&fields=x&foo="
    cases = [
        (f"/clients?is_active=x&{wrong_page}", {"is_active", *page}),
        (f"/clients/{pipeline.client_id}/runs/summary?{wrong_window}", window),
        (f"/pipelines?platform=x&client_id=x&{wrong_page}", {"platform", "client_id", *page}),
        (f"/pipelines/{pipeline.pk}?fields=x&foo=1&platform=x", {"fields", "foo", "platform"}),
        (f"/pipelines/{pipeline.pk}/runs?status=x&{wrong_window}&{wrong_page}", {"status", *window, *page}),
        (f"/runs?status=x&{wrong_window}&{wrong_page}", {"status", *window, *page}),
        ("/runs?since=x&limit=0", {"since", "limit"}),
        ("/runs?limit=1&limit=2&since=x", {"limit", "since"}),
        (f"/alert_rules/{rule.pk}/preview?{wrong_window}", window),
        (f"/reports/failures_over_time?bucket=x&{wrong_window}", {"bucket", *window}),
    ]

    refused = {path: set(field_errors(api.get(f"{ROOT}{path}"))) for path, _ in cases}

    assert refused == dict(cases)


@pytest.mark.parametrize(
    ("method", "path"), [("post", "/clients"), ("patch", "/clients/{client}"), ("delete", "/clients/{client}")]
)
def test_unknown_parameters_are_refused_before_anything_is_written(api: APIClient, method: str, path: str) -> None:
    client = ClientFactory.create(name="Northwind")

    field_errors(getattr(api, method)(f"{ROOT}{path.format(client=client.pk)}?force=1", {"name": "new"}))

    assert list(Client.objects.values_list("name", "is_active")) == [("Northwind", True)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=exploded", "status"),
        ("status=FAILED", "status"),
        ("status=", "status"),
        ("since=2026-01-01&since=2026-01-02", "since"),
        ("client_id=7", "client_id"),
        ("client_id=%00", "client_id"),
        ("platform=jenkins", "platform"),
        ("environment=production", "environment"),
        ("since=yesterday", "since"),
        ("since=2026-13-01", "since"),
        ("since=2026-01-01T00:00:00+01:00", "since"),  # an unescaped + is a space
        ("until=0001-01-01T00:00:00%2B14:00", "until"),
        ("until=%00", "until"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1e2", "limit"),
        ("limit=+5", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("cursor=x", "cursor"),
        ("cursor=%00%C3%A9", "cursor"),
    ],
    ids=lambda value: value[:40],
)
def test_the_error_names_an_invalid_parameter(api: APIClient, query: str, field: str) -> None:
    assert set(field_errors(api.get(f"{ROOT}/runs?{query}"))) == {field}


@pytest.mark.parametrize("value", ["yes", "1", "True", "null", "tru"])
def test_a_flag_accepts_only_true_and_false(api: APIClient, value: str) -> None:
    assert field_errors(api.get(CLIENTS_URL, {"is_active": value})) == {"is_active": ["Give true or false."]}
    assert set(field_errors(api.get(CLIENTS_URL, {"include_inactive": value}))) == {"include_inactive"}


def test_errors_shorten_long_field_names(api: APIClient) -> None:
    issues = field_errors(post_json(api, CLIENTS_URL, {"name": "x", "\ud800" + "k" * 5000: 1}))

    assert all(len(field) <= 500 for field in issues)


# Errors that no view raises itself.


def test_dots_join_the_fields_of_nested_errors() -> None:
    detail = {
        "items": [{}, {"status": [ErrorDetail("bad")]}],
        "payload": {"non_field_errors": [ErrorDetail("worse")]},
        "non_field_errors": [ErrorDetail("worst")],
    }

    assert list(errors.flat_details(detail)) == [
        {"field": "items.1.status", "issue": "bad"},
        {"field": "payload", "issue": "worse"},
        {"field": "body", "issue": "worst"},
    ]


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (Http404(), 404),
        (django_exceptions.PermissionDenied(), 403),
        (ProtectedError("protected", set()), 400),
        (django_exceptions.ValidationError({"name": ["bad"]}), 400),
        (django_exceptions.ValidationError("bad"), 400),
        (django_exceptions.RequestDataTooBig(), 400),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exceptions_of_django_and_the_database_get_their_status(raised: Exception, status: int) -> None:
    translated = errors.as_api_exception(raised)

    assert translated is not None
    assert translated.status_code == status


def integrity_error_of_update(model: type[Model], **values: Any) -> IntegrityError:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            model._default_manager.filter(pk=values.pop("pk")).update(**values)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as error:
        return error
    pytest.fail("the database accepted the row")


def test_a_violated_constraint_names_its_fields() -> None:
    client, other_client = ClientFactory.create(), ClientFactory.create()
    pipeline = PipelineFactory.create()

    assert violated_constraint_messages(integrity_error_of_update(Client, pk=client.pk, name=other_client.name)) == {
        "name": ["A client with this name exists already; upper and lower case are the same."]
    }
    assert violated_constraint_messages(integrity_error_of_update(Client, pk=client.pk, name=" ")) == {
        "name": ["A client needs a name."]
    }
    assert set(
        violated_constraint_messages(integrity_error_of_update(Pipeline, pk=pipeline.pk, platform="jenkins")) or ()
    ) == {"platform"}
    assert violated_constraint_messages(
        integrity_error_of_update(Pipeline, pk=pipeline.pk, description="x", platform=None)
    ) == {"platform": ["This field is required."]}
    assert set(
        violated_constraint_messages(integrity_error_of_update(Pipeline, pk=pipeline.pk, client_id=UNKNOWN_ID)) or ()
    ) == {"client_id"}
    assert violated_constraint_messages(IntegrityError("of unknown origin")) is None


@pytest.mark.proves("AC-002")
def test_every_named_constraint_names_at_least_one_field() -> None:
    from django.apps import apps

    for label in ("inventory", "runs", "alerting", "access"):
        for model in apps.get_app_config(label).get_models():
            for constraint in model._meta.constraints:
                assert fields_of(model, constraint), constraint.name
