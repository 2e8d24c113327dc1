"""The forms and lists of clients and pipelines in the console."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from alerting.models import AlertRule
from chm_project.tests.api import ROOT, api_as_role
from chm_project.tests.pages import html, tables
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db

CLIENTS_URL, PIPELINES_URL = "/admin/inventory/client/", "/admin/inventory/pipeline/"
PIPELINE_FIELDS = {"name": "orders", "platform": "dbt", "pipeline_type": "export", "environment": "prod"}


@pytest.fixture
def browser(client: Browser) -> Browser:
    client.force_login(User.objects.create_superuser("admin"))
    return client


@pytest.mark.parametrize(
    "path",
    [
        f"{PIPELINES_URL}add/?client=",
        "/admin/alerting/alertrule/add/?client=",
        "/admin/alerting/alertrule/add/?pipeline=",
    ],
)
def test_a_form_ignores_an_invalid_id_in_the_address(browser: Browser, path: str) -> None:
    assert "Save and add another" in html(browser.get(f"{path}nonsense&name=kept"))


def test_an_invalid_id_in_a_submitted_form_is_an_error_of_its_field(browser: Browser) -> None:
    response = browser.post(f"{PIPELINES_URL}add/", PIPELINE_FIELDS | {"client": "nonsense"})

    assert form_errors(response) == {"client": ["“nonsense” is not a valid UUID."]}


def form_errors(response: Any) -> dict[str, list[str]]:
    """Return the errors by field, and check that the page shows them."""
    assert response.status_code == 200
    messages_by_field = response.context["adminform"].form.errors
    page = unescape(response.content.decode())
    assert all(message in page for messages in messages_by_field.values() for message in messages)
    return {name: [str(message) for message in messages] for name, messages in messages_by_field.items()}


def client_form(name: str, *rows: dict[str, Any], **other_fields: Any) -> dict[str, Any]:
    """Return the data of a client's form with rows of pipelines; rows with an id already exist."""
    existing_count = sum("id" in row for row in rows)
    data: dict[str, Any] = {
        "name": name, "pipelines-TOTAL_FORMS": len(rows), "pipelines-INITIAL_FORMS": existing_count, **other_fields
    }  # fmt: skip
    for index, row in enumerate(rows):
        data |= {f"pipelines-{index}-{field}": value for field, value in row.items()}
    return data


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "taken"}, {"name": ["This client has a pipeline with this name already."]}),
        (
            {"external_id": "x", "platform": "cron"},
            {"external_id": ["This client has a pipeline with this external id on this platform already."]},
        ),
        ({"name": "   "}, {"name": ["This field is required."]}),
        ({"name": "x" * 256}, {"name": ["Ensure this value has at most 255 characters (it has 256)."]}),
        ({"client": ""}, {"client": ["This field is required."]}),
        ({"platform": "arflow"}, {"platform": ["Select a valid choice. arflow is not one of the available choices."]}),
    ],
)  # fmt: skip
def test_each_error_of_a_pipeline_is_shown_at_its_field(
    browser: Browser, fields: dict[str, str], expected: dict[str, list[str]]
) -> None:
    existing = PipelineFactory.create(name="taken", platform="cron", external_id="x")

    response = browser.post(f"{PIPELINES_URL}add/", {"client": existing.client_id, **PIPELINE_FIELDS, **fields})

    assert form_errors(response) == expected


def test_the_error_for_a_taken_client_name_is_shown_at_the_name(browser: Browser) -> None:
    ClientFactory.create(name="Northwind")

    assert form_errors(browser.post(f"{CLIENTS_URL}add/", client_form("Northwind"))) == {
        "name": ["A client with this name exists already; upper and lower case are the same."]
    }


def test_an_empty_external_id_and_description_are_stored_as_null(browser: Browser) -> None:
    client = ClientFactory.create()

    browser.post(f"{PIPELINES_URL}add/", {"client": client.pk, **PIPELINE_FIELDS, "external_id": "", "description": ""})

    pipeline = Pipeline.objects.get()
    assert (pipeline.external_id, pipeline.description, pipeline.is_active) == (None, None, True)


def test_pipelines_can_be_added_and_changed_in_the_form_of_their_client(browser: Browser) -> None:
    client = ClientFactory.create(name="Northwind")
    existing = PipelineFactory.create(client=client, name="before", is_active=False)

    response = browser.post(
        f"{CLIENTS_URL}{client.pk}/change/",
        client_form(
            "Northwind",
            {"id": existing.pk, "client": client.pk, **PIPELINE_FIELDS, "name": "after"},
            {"client": client.pk, **PIPELINE_FIELDS},
        ),
    )

    assert response.status_code == 302
    assert dict(Pipeline.objects.values_list("name", "is_active")) == {"after": False, "orders": True}
    assert "pipeline" in LogEntry.objects.get().get_change_message()


def test_a_client_form_refuses_a_second_pipeline_with_the_same_name(browser: Browser) -> None:
    existing = PipelineFactory.create(name="orders", client__name="Northwind")

    response = browser.post(
        f"{CLIENTS_URL}{existing.client_id}/change/",
        client_form("Northwind", {"client": existing.client_id, **PIPELINE_FIELDS}),
    )

    assert "This client has a pipeline with this name already." in response.content.decode()
    assert Pipeline.objects.count() == 1


def test_a_client_form_with_hundreds_of_pipelines_has_pages_and_can_be_saved(browser: Browser) -> None:
    client = ClientFactory.create(name="Northwind")
    rows = PipelineFactory.create_batch(130, client=client)

    second = browser.get(f"{CLIENTS_URL}{client.pk}/change/?pipelines-page=2").content.decode()
    fields = {"client": client.pk, **PIPELINE_FIELDS}
    response = browser.post(
        f"{CLIENTS_URL}{client.pk}/change/",
        client_form("Northwind", {"id": rows[20].pk, **fields, "name": "renamed"}, **{"pipelines-page": 2}),
    )

    assert browser.get(f"{CLIENTS_URL}{client.pk}/change/?pipelines-page=²").status_code == 200
    assert rows[19].name not in second
    assert rows[20].name in second
    assert rows[40].name not in second
    assert response.status_code == 302
    assert Pipeline.objects.get(pk=rows[20].pk).name == "renamed"


def test_a_new_external_id_clears_the_watermark_and_forms_cannot_edit_ingestion_fields(browser: Browser) -> None:
    pipeline = PipelineFactory.create(last_ingest_error="kept")
    Pipeline.objects.update(ingested_through="2026-01-01T00:00:00Z")
    form_data = {
        "client": pipeline.client_id,
        **PIPELINE_FIELDS,
        "external_id": "moved",
        "last_ingest_error": "forged",
        "is_active": "",
    }

    assert browser.post(f"{PIPELINES_URL}{pipeline.pk}/change/", form_data).status_code == 302

    pipeline.refresh_from_db()
    assert pipeline.ingested_through is None
    assert (pipeline.last_ingest_error, pipeline.is_active) == ("kept", True)


@pytest.mark.parametrize(
    ("page", "query", "names"),
    [
        (PIPELINES_URL, "q=orders", {"orders"}),
        (PIPELINES_URL, "q=DAG-9", {"invoices"}),
        (PIPELINES_URL, "q=northwind", {"orders"}),
        (PIPELINES_URL, "platform__exact=cron", {"invoices"}),
        (PIPELINES_URL, "environment__exact=dev", {"invoices"}),
        (PIPELINES_URL, "is_active__exact=0", {"invoices"}),
        (PIPELINES_URL, "pipeline_type__exact=export&is_active__exact=1", {"orders"}),
        (CLIENTS_URL, "q=north", {"Northwind"}),
        (CLIENTS_URL, "is_active__exact=0", {"Contoso"}),
    ],
)
def test_lists_are_searched_and_filtered(browser: Browser, page: str, query: str, names: set[str]) -> None:
    PipelineFactory.create(client__name="Northwind", **{**PIPELINE_FIELDS, "external_id": "dag-1"})
    PipelineFactory.create(
        client=ClientFactory.create(name="Contoso", is_active=False), name="invoices", platform="cron",
        external_id="dag-9", environment="dev", is_active=False,
    )  # fmt: skip

    response = browser.get(f"{page}?{query}", follow=True)

    assert {row.name for row in response.context["cl"].result_list} == names


@pytest.mark.parametrize(
    "query",
    ["platform__exact=%00", "platform__exact=cobol", "client__id__exact=nobody", "name=%00", "name__contains=a%00"],
)
def test_an_unknown_filter_value_returns_400_instead_of_the_unfiltered_list(browser: Browser, query: str) -> None:
    PipelineFactory.create(name="orders")

    answer = browser.get(f"{PIPELINES_URL}?{query}", follow=True)

    assert answer.status_code == 400
    assert "orders" not in answer.content.decode()


def test_pipelines_are_filtered_by_client(browser: Browser) -> None:
    pipeline = PipelineFactory.create()
    PipelineFactory.create()

    response = browser.get(f"{PIPELINES_URL}?client__id__exact={pipeline.client_id}")

    assert list(response.context["cl"].result_list) == [pipeline]


@pytest.mark.parametrize(
    ("page", "queries"),
    [
        (
            CLIENTS_URL,
            [
                "session",
                "user",
                "my clients",
                "number of rows found",
                "number of all rows",
                "clients",
                "their latest runs",
            ],
        ),
        (
            PIPELINES_URL,
            ["session", "user", "my clients", "number of rows found", "number of all rows", "pipelines", "last runs"],
        ),
        ("{client}", ["session", "user", "client", "its state", "number of pipelines", "pipelines of the page"]),
        ("{pipeline}", ["session", "user", "pipeline", "its state", "chosen client"]),
    ],
)
def test_a_page_needs_the_same_queries_for_any_number_of_rows(browser: Browser, page: str, queries: list[str]) -> None:
    for number in (1, 30):
        pipelines = PipelineFactory.create_batch(number, client=ClientFactory.create())
        address = page.format(
            client=f"{CLIENTS_URL}{pipelines[0].client_id}/change/",
            pipeline=f"{PIPELINES_URL}{pipelines[0].pk}/change/",
        )
        browser.get(address)  # fills the caches of Django
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(address).status_code == 200
        executed = [query["sql"] for query in captured if not re.match(r"SET LOCAL|SAVEPOINT|RELEASE", query["sql"])]
        assert len(executed) == len(queries), "\n".join(sql[:200] for sql in executed)


def test_hostile_names_are_escaped_on_every_page(browser: Browser) -> None:
    hostile = '"><script>alert(1)</script>'
    pipeline = PipelineFactory.create(
        name=hostile, client__name=hostile, external_id=hostile, description=hostile, last_ingest_error=hostile
    )
    browser.post(f"{PIPELINES_URL}{pipeline.pk}/disable/", {"confirmed": "yes"})

    for page in (
        CLIENTS_URL, PIPELINES_URL, f"{PIPELINES_URL}?q={hostile}", f"{CLIENTS_URL}{pipeline.client_id}/change/",
        f"{PIPELINES_URL}{pipeline.pk}/change/", f"{PIPELINES_URL}{pipeline.pk}/history/",
        f"{PIPELINES_URL}{pipeline.pk}/enable/", f"{PIPELINES_URL}?client__id__exact={pipeline.client_id}",
    ):  # fmt: skip
        content = browser.get(page).content.decode()
        assert "<script>alert(1)" not in content, page
    assert Client.objects.get().name == hostile


def test_save_and_add_another_keeps_the_client(browser: Browser) -> None:
    client = ClientFactory.create()
    response = browser.post(f"{PIPELINES_URL}add/", PIPELINE_FIELDS | {"client": str(client.pk), "_addanother": "on"})
    assert response["Location"] == f"{PIPELINES_URL}add/?client={client.pk}"
    assert f'<option value="{client.pk}" selected>' in browser.get(response["Location"]).content.decode()


def test_the_history_shows_old_and_new_values_of_changes_by_forms_and_the_api(browser: Browser) -> None:
    first, second = ClientFactory.create(name="First"), ClientFactory.create(name="Second")
    pipeline = PipelineFactory.create(client=first, name="orders", environment="prod", description=None)
    address = f"{PIPELINES_URL}{pipeline.pk}/"
    form = {"client": str(first.pk), "name": "orders", "platform": pipeline.platform, "environment": "prod",
            "external_id": pipeline.external_id or "", "pipeline_type": pipeline.pipeline_type}  # fmt: skip

    browser.post(f"{address}change/", form | {"client": str(second.pk), "environment": "dev"})
    api_as_role("administrator").patch(f"{ROOT}/pipelines/{pipeline.pk}", {"description": "nightly"}, format="json")
    browser.post(f"{address}disable/", {"confirmed": "yes"})

    changes = [row[2] for row in tables(html(browser.get(f"{address}history/")))["history"]]
    assert changes == [
        "Client: First → Second Environment: Production → Development",
        "Description: blank → nightly",
        "Active: yes → no",
    ]


def test_the_history_hides_the_secret_part_of_a_webhook_address(browser: Browser) -> None:
    secret, rules = "https://hooks.example/T0/secretpart", "/admin/alerting/alertrule/"
    rule = AlertRule.objects.create(
        client=ClientFactory.create(), rule_type="on_failure", channel="slack", destination="#ops"
    )
    form = {"client": str(rule.client_id), "pipeline": "", "rule_type": "on_failure", "is_enabled": "on",
            "include_known": "on"}  # fmt: skip

    browser.post(f"{rules}{rule.pk}/change/", form | {"channel": "webhook", "destination": secret})
    browser.post(f"{rules}{rule.pk}/change/", form | {"channel": "slack", "destination": "#new"})

    rule.refresh_from_db()
    assert rule.destination == "#new"
    page = html(browser.get(f"{rules}{rule.pk}/history/"))
    assert "https://hooks.example/[filtered]-" in page
    assert "secretpart" not in page
    assert not LogEntry.objects.filter(change_message__contains="secretpart").exists()
