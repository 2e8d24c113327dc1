"""The root of the API and the index of the reports, where a newcomer starts."""

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from chm_project.console.admin.navigation import side_bar
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error
from runs.planned_maintenance import MAINTENANCE_COLUMNS, SHAPES_WITH_MAINTENANCE
from runs.reporting.parameters import COMMON_PARAMETERS
from runs.reporting.shapes import shapes

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/"])
def test_every_link_of_the_root_answers(path: str) -> None:
    api = api_with_scope("read")

    links = api.get(path).json()

    assert {"clients", "pipelines", "runs", "alert_rules", "reports", "schema", "docs"} <= set(links)
    for link in links.values():
        assert link.startswith("http://testserver/api/v1/")
        assert api.get(link).status_code == 200, link


def test_the_contract_shows_each_link_with_its_own_address() -> None:
    api = api_with_scope("read")
    links = api.get(ROOT).json()

    operation = api.get(links["schema"], HTTP_ACCEPT="application/json").json()["paths"][ROOT]["get"]

    example = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert example == {
        name: link.replace("http://testserver", "https://chm.example.com") for name, link in links.items()
    }


def test_people_browse_the_root_and_find_it_in_the_consoles_menu() -> None:
    viewer = api_as_role("viewer")
    page = viewer.get(ROOT, HTTP_ACCEPT="text/html").content.decode()
    request = HttpRequest()
    request.user = User.objects.get(username="a viewer")

    assert 'href="http://testserver/api/v1/reports"' in page
    assert reverse("root") in [entry["link"] for group in side_bar(request) for entry in group["items"]]


def test_the_root_needs_a_token_that_may_read() -> None:
    from rest_framework.test import APIClient

    assert_error(APIClient().get(ROOT), 401, "unauthorized")
    assert_error(api_with_scope("ingest").get(ROOT), 403, "forbidden")


def test_the_index_lists_every_report_with_its_parameters_and_columns() -> None:
    api = api_with_scope("read")

    reports = {item["name"]: item for item in api.get(f"{ROOT}/reports").json()["items"]}

    assert set(reports) == set(shapes())
    for name, item in reports.items():
        shape = shapes()[name]
        columns = [column.name for column in shape.columns] + (
            list(MAINTENANCE_COLUMNS) if name in SHAPES_WITH_MAINTENANCE else []
        )
        assert [column["name"] for column in item["columns"]] == columns
        limit = [] if "limit" in shape.parameters else ["limit"]
        assert [parameter["name"] for parameter in item["parameters"]] == [
            *shape.parameters, *COMMON_PARAMETERS, *limit,
        ]  # fmt: skip
        response = api.get(item["url"])
        assert response.status_code == 200
    bucket = next(p for p in reports["failures_over_time"]["parameters"] if p["name"] == "bucket")
    assert (bucket["default_value"], bucket["choices"]) == ("hour", ["minute", "hour", "day", "week"])


def test_a_parameter_of_the_index_is_accepted_by_its_report() -> None:
    api = api_with_scope("read")

    for item in api.get(f"{ROOT}/reports").json()["items"]:
        values = {p["name"]: p["choices"][0] if p["choices"] else p["minimum"] for p in item["parameters"]}
        response = api.get(item["url"], {name: value for name, value in values.items() if value is not None})
        assert response.status_code == 200, response.content
