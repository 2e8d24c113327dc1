"""Before the console disables or enables clients or pipelines, it shows the effects.

The console never deletes clients or pipelines.
"""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client as Browser

from alerting.models import AlertRule
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db

CLIENTS_URL, PIPELINES_URL = "/admin/inventory/client/", "/admin/inventory/pipeline/"


@pytest.fixture
def browser(client: Browser) -> Browser:
    client.force_login(User.objects.create_superuser("admin"))
    return client


def visible_text(response: Any) -> str:
    """Return the visible text of the page's content."""
    assert response.status_code == 200, response.content
    content = response.content.decode().partition('id="content"')[2] or response.content.decode()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content)).split())


def create_rule(**fields: Any) -> Any:
    values = {"rule_type": "on_failure", "channel": "slack", **fields}
    return AlertRule.objects.create(**values)


def run_action(browser: Browser, list_url: str, action: str, *rows: Any, **other_fields: str) -> Any:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **other_fields}
    return browser.post(list_url, data)


def test_the_confirmation_lists_pipelines_that_leave_the_board_and_rules_that_are_paused(browser: Browser) -> None:
    northwind, contoso = ClientFactory.create(name="Northwind"), ClientFactory.create(name="Contoso")
    orders = PipelineFactory.create(client=northwind, name="orders")
    PipelineFactory.create(client=northwind, name="old orders", is_active=False)
    invoices = PipelineFactory.create(client=contoso, name="invoices")
    create_rule(client=northwind, destination="#all-of-northwind")
    create_rule(pipeline=orders, destination="#orders")
    create_rule(pipeline=orders, destination="#off", is_enabled=False)
    create_rule(client=contoso, destination="#contoso")
    create_rule(client=northwind, pipeline=invoices, destination="#invoices")

    confirmation = visible_text(run_action(browser, CLIENTS_URL, "disable", northwind))

    assert "Disable 1 client?" in confirmation
    assert "1 pipeline leaves the health board and is no longer ingested." in confirmation
    assert "orders of Northwind" in confirmation
    assert "2 alert rules are paused:" in confirmation
    assert "#all-of-northwind" in confirmation
    assert "#orders" in confirmation
    assert not re.search("old orders|#off|#contoso|#invoices", confirmation)
    assert Client.objects.filter(is_active=True).count() == 2


def test_a_client_rule_is_paused_only_if_the_clients_last_active_pipeline_is_disabled(browser: Browser) -> None:
    client = ClientFactory.create()
    first, second = PipelineFactory.create_batch(2, client=client)
    create_rule(client=client, destination="#everything")

    assert "No alert rule is paused." in visible_text(run_action(browser, PIPELINES_URL, "disable", first))
    assert "1 alert rule is paused:" in visible_text(run_action(browser, PIPELINES_URL, "disable", first, second))


def test_the_confirmation_disables_and_logs_each_active_object(browser: Browser) -> None:
    pipelines = PipelineFactory.create_batch(3)
    Pipeline.objects.filter(pk=pipelines[2].pk).update(is_active=False)

    response = run_action(browser, PIPELINES_URL, "disable", *pipelines, confirmed="yes")

    assert response.status_code == 302
    assert Pipeline.objects.filter(is_active=True).count() == 0
    assert Pipeline.objects.count() == 3
    entries = LogEntry.objects.all()
    assert {entry.object_id for entry in entries} == {str(pipelines[0].pk), str(pipelines[1].pk)}
    assert {entry.get_change_message() for entry in entries} == {"Changed is_active."}
    assert "2 pipelines disabled. The history stays." in browser.get(PIPELINES_URL).content.decode()


def test_enabling_a_client_restores_only_pipelines_that_were_active_before(browser: Browser) -> None:
    client = ClientFactory.create(is_active=False)
    PipelineFactory.create(client=client, name="was active")
    PipelineFactory.create(client=client, name="was not", is_active=False)
    create_rule(client=client, destination="#again")

    confirmation = visible_text(run_action(browser, CLIENTS_URL, "enable", client))
    run_action(browser, CLIENTS_URL, "enable", client, confirmed="yes")

    assert "1 pipeline comes back to the health board and is ingested again." in confirmation
    assert "was active of" in confirmation
    assert "was not of" not in confirmation
    assert "1 alert rule resumes:" in confirmation
    assert [pipeline.name for pipeline in Pipeline.objects.active()] == ["was active"]


def test_a_selection_of_all_pages_disables_all_its_pipelines_after_confirmation(browser: Browser) -> None:
    PipelineFactory.create_batch(101, platform="dbt")
    other = PipelineFactory.create(platform="cron")
    list_url, first = f"{PIPELINES_URL}?platform__exact=dbt", Pipeline.objects.filter(platform="dbt")[0]

    response = run_action(browser, list_url, "disable", first, select_across="1", index="0")

    assert "Disable 101 pipelines?" in visible_text(response)
    assert "and 81 more" in visible_text(response)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', response.content.decode())
    browser.post(list_url, {name: value for name, value in hidden if name != "csrfmiddlewaretoken"})
    assert list(Pipeline.objects.filter(is_active=True)) == [other]


@pytest.mark.parametrize("list_url", [CLIENTS_URL, PIPELINES_URL])
def test_a_client_or_pipeline_can_be_disabled_from_its_form(browser: Browser, list_url: str) -> None:
    row: Any = ClientFactory.create() if list_url == CLIENTS_URL else PipelineFactory.create()
    url = f"{list_url}{row.pk}/"
    assert f"{url}disable/" in browser.get(f"{url}change/").content.decode()

    assert "Disable 1" in visible_text(browser.get(f"{url}disable/"))
    browser.post(f"{url}disable/", {"confirmed": "yes"})

    row.refresh_from_db()
    assert row.is_active is False
    form_page = browser.get(f"{url}change/").content.decode()
    assert f"{url}enable/" in form_page
    assert f"{url}disable/" not in form_page
    assert "Nothing to disable: already disabled." in visible_text(browser.get(f"{url}disable/"))


@pytest.mark.parametrize("list_url", [CLIENTS_URL, PIPELINES_URL])
def test_disabling_an_unknown_object_returns_404(browser: Browser, list_url: str) -> None:
    assert browser.get(f"{list_url}019b0000-0000-7000-8000-000000000000/disable/").status_code == 404
    assert browser.get(f"{list_url}nonsense/enable/").status_code == 404


@pytest.mark.parametrize("list_url", [CLIENTS_URL, PIPELINES_URL])
def test_pages_do_not_offer_to_delete_clients_or_pipelines(browser: Browser, list_url: str) -> None:
    row: Any = PipelineFactory.create()
    row = row.client if list_url == CLIENTS_URL else row

    for url in (list_url, f"{list_url}{row.pk}/change/"):
        assert not re.search("delete", visible_text(browser.get(url)), re.IGNORECASE)
        assert "/delete/" not in browser.get(url).content.decode()
        assert "delete_selected" not in browser.get(url).content.decode()
    assert browser.post(f"{list_url}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    run_action(browser, list_url, "delete_selected", row, post="yes")
    row.refresh_from_db()


def test_hostile_names_are_escaped_on_the_confirmation(browser: Browser) -> None:
    hostile = "<script>alert(1)</script>"
    pipeline = PipelineFactory.create(name=hostile, client__name=hostile)
    create_rule(pipeline=pipeline, destination=f"#{hostile}")

    for list_url, row in ((CLIENTS_URL, pipeline.client), (PIPELINES_URL, pipeline)):
        assert hostile not in run_action(browser, list_url, "disable", row).content.decode()
