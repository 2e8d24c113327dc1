"""Health, the accepted trailing slash, the contract document, its pages, and the browsable API."""

import io
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from chm_project.api.conditional import VersionedObjects
from chm_project.api.csv import CsvListMixin
from chm_project.api.history import LoggedChanges
from chm_project.api.trailing_slash import has_spare_slash
from chm_project.api.viewsets import StrictView
from chm_project.settings.version import VERSION
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error, items
from inventory.api.views import InventoryViewSet
from inventory.tests.factories import ClientFactory
from runs.tests.factories import RunFactory

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "contracts" / "openapi.yaml"


# Health


@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_health_needs_no_permission_and_no_database(path: str) -> None:
    response = APIClient().get(path)

    assert (response.status_code, response.json()) == (200, {"status": "ok", "version": VERSION})
    assert APIClient().head(path).status_code == 200


def test_health_ignores_a_wrong_token() -> None:
    assert APIClient(headers={"authorization": "Bearer nonsense"}).get("/health").status_code == 200


# The trailing slash


@pytest.mark.django_db
def test_every_route_accepts_one_trailing_slash_and_refuses_two() -> None:
    api, run = api_with_scope("admin"), RunFactory.create()
    client, pipeline = run.pipeline.client_id, run.pipeline_id

    for path in (
        "clients",
        f"clients/{client}",
        f"clients/{client}/pipelines",
        f"clients/{client}/runs/summary",
        "pipelines",
        f"pipelines/{pipeline}",
        f"pipelines/{pipeline}/runs",
        f"pipelines/{pipeline}/runs/latest",
        "runs",
        f"runs/{run.pk}",
        "schema",
        "docs",
    ):
        assert api.get(f"{ROOT}/{path}/").status_code == 200
        assert_error(api.get(f"{ROOT}/{path}//"), 404, "not_found")
    assert api.post(f"{ROOT}/clients/", {"name": "Northwind"}).status_code == 201
    assert api.patch(f"{ROOT}/clients/{client}/", {"name": "renamed"}).status_code == 200
    assert api.delete(f"{ROOT}/clients/{client}/").status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "is_removed"),
    [
        ("GET", "/api/v1/clients/", True),
        ("GET", "/api/v1/clients", False),
        ("GET", "/admin/", False),
        ("GET", "/api/v1/pipelines/1/runs/latest/", True),
        ("PUT", "/api/v1/pipelines/1/runs/a/b/", False),
        ("PUT", "/api/v1/pipelines/1/", True),
    ],
)
def test_a_slash_at_the_end_of_a_runs_id_is_kept(method: str, path: str, is_removed: bool) -> None:
    assert has_spare_slash(method, path) is is_removed


# The contract document


def test_the_document_generates_without_a_warning_and_equals_the_committed_one() -> None:
    """Regenerate with `manage.py spectacular --file docs/contracts/openapi.yaml`."""
    generated = io.StringIO()

    call_command("spectacular", "--fail-on-warn", "--validate", stdout=generated)

    assert generated.getvalue().rstrip() == DOCUMENT.read_text().rstrip()


def routes(resolver: URLResolver, prefix: str = "/") -> dict[str, Any]:
    """Return the view of each path, such as /api/v1/clients/{client_id}, without the pages of the console."""
    views: dict[str, Any] = {}
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            views[re.sub(r"<\w+:(\w+)>", r"{\1}", path)] = entry.callback
        elif "admin" not in path:
            views |= routes(entry, path)
    return views


def methods(view: type[Any]) -> set[str]:
    return {method for method in ("get", "post", "put", "patch", "delete") if hasattr(view, method)}


def test_every_route_and_method_is_in_the_document() -> None:
    described = yaml.safe_load(DOCUMENT.read_text())["paths"]
    undescribed = {f"{ROOT}/schema", f"{ROOT}/docs"}
    served_methods = {
        path: set(getattr(view, "actions", None) or methods(view.cls)) - {"head"}
        for path, view in routes(get_resolver()).items()
        if path.startswith((ROOT, "/health", "/ready", "/metrics", "/ping"))
        and path not in undescribed
        and "(" not in path  # only routes of re_path contain a parenthesis
    }

    assert {path: set(operations) for path, operations in described.items()} == served_methods


def test_every_operation_and_error_has_an_example_that_its_schema_allows() -> None:
    document = yaml.safe_load(DOCUMENT.read_text())
    bodies = [
        (f"{method} {path}", body)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for body in [operation.get("requestBody", {}), *operation["responses"].values()]
    ]
    bodies += list(document["components"]["responses"].items())
    checked_count = 0
    for name, body in bodies:
        for kind, content in body.get("content", {}).items():
            if kind == "application/json":
                schema = as_json_schema({**content["schema"], "components": document["components"]})
                jsonschema.validate(content["example"], schema)
                assert content["example"] not in ({}, [], None), name
                checked_count += 1
    assert checked_count > 60


def as_json_schema(schema: Any) -> Any:
    """Return the schema as JSON Schema, which has the type null instead of OpenAPI's `nullable`."""
    if isinstance(schema, list):
        return [as_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {key: as_json_schema(value) for key, value in schema.items()}
    return {"anyOf": [converted, {"type": "null"}]} if converted.pop("nullable", None) is True else converted


def test_every_operation_describes_its_errors() -> None:
    document = yaml.safe_load(DOCUMENT.read_text())

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            statuses = set(operation["responses"])
            assert operation["summary"]
            if path.startswith("/ping/"):  # a ping needs only its key, and its response is plain text
                assert statuses == {"200", "400", "403", "404", "429", "500"}
                assert {kind for body in operation["responses"].values() for kind in body["content"]} == {"text/plain"}
                continue
            assert {"400", "406", "500"} <= statuses
            assert ("404" in statuses) == ("{" in path)
            assert ("415" in statuses) == (method in {"post", "patch", "put"})
            assert ({"401", "403", "429"} <= statuses) == (path != "/health")


def test_every_parameter_has_a_description_and_an_example_that_its_schema_allows() -> None:
    document = yaml.safe_load(DOCUMENT.read_text())
    parameters = list(document["components"]["parameters"].values())
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["description"], operation["operationId"]
            parameters += [parameter for parameter in operation.get("parameters", []) if "$ref" not in parameter]

    for parameter in parameters:
        assert parameter["description"], parameter
        schema = as_json_schema({**parameter["schema"], "components": document["components"]})
        jsonschema.validate(parameter["example"], schema)
    assert len(parameters) > 150


def test_enums_with_the_same_choices_share_one_schema() -> None:
    """Generated clients then have one type for these choices."""
    document = yaml.safe_load(DOCUMENT.read_text())
    choices_of_enums: list[tuple[str, ...]] = []

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("enum"), list):
                choices_of_enums.append(tuple(node["enum"]))
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(document)
    assert sorted(choices_of_enums) == sorted(set(choices_of_enums))


def test_every_property_and_tag_is_described_and_every_enum_is_named() -> None:
    document = yaml.safe_load(DOCUMENT.read_text())
    schemas, tags = document["components"]["schemas"], {tag["name"]: tag["description"] for tag in document["tags"]}

    described = {
        f"{schema}.{name}": property_schema.get("description")
        for schema, content in schemas.items()
        for name, property_schema in content.get("properties", {}).items()
    }
    assert [name for name, description in described.items() if not description] == []
    used_tags = {
        tag
        for operations in document["paths"].values()
        for operation in operations.values()
        for tag in operation["tags"]
    }
    assert used_tags == set(tags)
    assert all(tags.values())
    enum_schemas = {name for name, schema in schemas.items() if "enum" in schema}
    assert DOCUMENT.read_text().count("enum:") == len(enum_schemas)


def test_no_docstring_of_a_class_is_published() -> None:
    described = DOCUMENT.read_text()
    for view in (InventoryViewSet, LoggedChanges, CsvListMixin, StrictView, VersionedObjects):
        assert view.__doc__ is None or view.__doc__.strip()[:30] not in described


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/vnd.oai.openapi+json"])
def test_the_running_api_serves_the_committed_document(accept: str) -> None:
    response = api_with_scope("read").get(f"{ROOT}/schema", headers={"accept": accept})

    assert response.status_code == 200
    assert response.json()["paths"] == yaml.safe_load(DOCUMENT.read_text())["paths"]


@pytest.mark.django_db
def test_responses_contain_exactly_the_described_fields() -> None:
    schemas = yaml.safe_load(DOCUMENT.read_text())["components"]["schemas"]
    api, run = api_with_scope("read"), RunFactory.create()

    for name, path in (
        ("Client", f"clients/{run.pipeline.client_id}"),
        ("Pipeline", f"pipelines/{run.pipeline_id}"),
        ("Run", f"runs/{run.pk}"),
        ("ClientSummary", f"clients/{run.pipeline.client_id}/runs/summary"),
    ):
        body = api.get(f"{ROOT}/{path}").json()
        assert set(body) == set(schemas[name]["properties"]) == set(schemas[name]["required"])


# Pages for people


@pytest.mark.django_db
def test_the_documentation_loads_nothing_from_another_host() -> None:
    api = api_as_role("viewer")

    page = api.get(f"{ROOT}/docs")
    script = api.get(f"{ROOT}/docs?script=")

    assert page.status_code == script.status_code == 200
    assert "swagger-ui" in page.content.decode()
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page.content.decode())
    assert not re.findall(r"https?://(?!testserver)", script.content.decode())
    assert f"{ROOT}/schema" in script.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_the_browsable_api_works_for_people_logged_in(role: str) -> None:
    api, run = api_as_role(role), RunFactory.create()
    client, pipeline = run.pipeline.client_id, run.pipeline_id

    for path in (
        "clients",
        f"clients/{client}",
        f"clients/{client}/pipelines",
        f"clients/{client}/runs/summary",
        "pipelines",
        f"pipelines/{pipeline}",
        f"pipelines/{pipeline}/runs",
        f"pipelines/{pipeline}/runs/latest",
        "runs",
        f"runs/{run.pk}",
        "runs?status=exploded",
    ):
        response = api.get(f"{ROOT}/{path}", headers={"accept": "text/html"})
        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert response.status_code == (400 if "exploded" in path else 200)


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "has_form"), [("viewer", False), ("analyst", True)])
def test_the_browsable_api_shows_forms_only_to_users_who_may_write(role: str, has_form: bool) -> None:
    page = api_as_role(role).get(f"{ROOT}/clients", headers={"accept": "text/html"}).content.decode()

    assert "Client Health Monitor" in page
    assert "Unknown Route" not in page
    assert ('name="_content"' in page) is has_form


@pytest.mark.django_db
def test_options_returns_the_fields_of_a_post() -> None:
    response = api_with_scope("write").options(f"{ROOT}/clients")

    assert response.status_code == 200
    assert "name" in response.json()["actions"]["POST"]


@pytest.mark.django_db
def test_times_are_utc_with_a_z() -> None:
    ClientFactory.create()

    [client] = items(api_with_scope("read").get(f"{ROOT}/clients"))

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", client["created_at"])


def test_the_contract_promises_an_etag_only_for_changes_of_objects_with_a_version() -> None:
    paths = yaml.safe_load(DOCUMENT.read_text())["paths"]
    responses_with_etag = {
        f"{operation['operationId']} {status}"
        for operations in paths.values()
        for method, operation in operations.items()
        if method != "get"
        for status, response in operation["responses"].items()
        if "ETag" in response.get("headers", {})
    }

    assert responses_with_etag == {
        *(f"{name}_create 201" for name in ("clients", "clients_pipelines", "alert_rules")),
        *(f"{name}_partial_update 200" for name in ("clients", "pipelines", "alert_rules")),
    }
