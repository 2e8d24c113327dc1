"""Permissions in the console: a role can do what the pages offer to it, and everything else is refused."""

import re
from html import unescape
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser

from alerting.models import AlertRule
from inventory.models import Client, Pipeline
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

ROLES = ("viewer", "analyst", "operator", "administrator")
READERS = set(ROLES)
EDITORS = {"analyst", "administrator"}
CLIENT_LIST_URL, PIPELINE_LIST_URL = "/admin/inventory/client/", "/admin/inventory/pipeline/"
RUN_LIST_URL, RULE_LIST_URL = "/admin/runs/run/", "/admin/alerting/alertrule/"

# The roles that may open each page; the others get 403.
PAGES: dict[str, set[str]] = {
    CLIENT_LIST_URL: READERS,
    PIPELINE_LIST_URL: READERS,
    RUN_LIST_URL: READERS,
    RULE_LIST_URL: READERS,
    f"{CLIENT_LIST_URL}{{client}}/change/": READERS,
    f"{PIPELINE_LIST_URL}{{pipeline}}/change/": READERS,
    f"{RUN_LIST_URL}{{run}}/change/": READERS,
    f"{RULE_LIST_URL}{{rule}}/change/": READERS,
    f"{CLIENT_LIST_URL}{{client}}/history/": READERS,
    f"{CLIENT_LIST_URL}export/csv/": READERS,
    f"{PIPELINE_LIST_URL}export/xlsx/": READERS,
    f"{CLIENT_LIST_URL}add/": EDITORS,
    f"{PIPELINE_LIST_URL}add/": EDITORS,
    f"{RULE_LIST_URL}add/": EDITORS,
    f"{CLIENT_LIST_URL}import/": EDITORS,
    f"{PIPELINE_LIST_URL}import/": EDITORS,
    f"{RULE_LIST_URL}import/": EDITORS,
    f"{RULE_LIST_URL}export/csv/": READERS,
    f"{CLIENT_LIST_URL}{{client}}/disable/": EDITORS,
    f"{CLIENT_LIST_URL}{{client}}/enable/": EDITORS,
    f"{PIPELINE_LIST_URL}{{pipeline}}/disable/": EDITORS,
    f"{PIPELINE_LIST_URL}{{pipeline}}/enable/": EDITORS,
    f"{RULE_LIST_URL}{{rule}}/delete/": EDITORS,
    f"{RUN_LIST_URL}add/": set(),
    f"{RUN_LIST_URL}{{run}}/delete/": set(),
    f"{CLIENT_LIST_URL}{{client}}/delete/": set(),
    f"{PIPELINE_LIST_URL}{{pipeline}}/delete/": set(),
}
# The roles that a page offers an action to. The action is recognized by a text in the HTML.
OFFERS: dict[tuple[str, str], set[str]] = {
    (CLIENT_LIST_URL, f'href="{CLIENT_LIST_URL}add/'): EDITORS,
    (CLIENT_LIST_URL, f'href="{CLIENT_LIST_URL}import/'): EDITORS,
    (CLIENT_LIST_URL, f'href="{CLIENT_LIST_URL}export/csv/'): READERS,
    (CLIENT_LIST_URL, 'value="disable"'): EDITORS,
    (CLIENT_LIST_URL, 'value="enable"'): EDITORS,
    (PIPELINE_LIST_URL, f'href="{PIPELINE_LIST_URL}import/'): EDITORS,
    (PIPELINE_LIST_URL, 'value="disable"'): EDITORS,
    (RULE_LIST_URL, f'href="{RULE_LIST_URL}add/'): EDITORS,
    (RULE_LIST_URL, 'value="delete_selected"'): EDITORS,
    (RUN_LIST_URL, "/add/"): set(),
    (RUN_LIST_URL, 'name="action"'): set(),
    (f"{CLIENT_LIST_URL}{{client}}/change/", 'name="_save"'): EDITORS,
    (f"{CLIENT_LIST_URL}{{client}}/change/", "/disable/"): EDITORS,
    (f"{CLIENT_LIST_URL}{{client}}/change/", 'name="name"'): EDITORS,
    (f"{CLIENT_LIST_URL}{{client}}/change/", 'name="pipelines-0-name"'): EDITORS,
    (f"{PIPELINE_LIST_URL}{{pipeline}}/change/", 'name="_save"'): EDITORS,
    (f"{PIPELINE_LIST_URL}{{pipeline}}/change/", "/disable/"): EDITORS,
    (f"{RULE_LIST_URL}{{rule}}/change/", 'name="_save"'): EDITORS,
    (f"{RULE_LIST_URL}{{rule}}/change/", "/delete/"): EDITORS,
    (f"{RUN_LIST_URL}{{run}}/change/", 'name="_save"'): set(),
    (f"{RUN_LIST_URL}{{run}}/change/", "/delete/"): set(),
}


def browser_of(role: str) -> Browser:
    if not Group.objects.exists():
        import_module("chm_project.access.migrations.0002_roles").make_roles(apps, connection.schema_editor())
    user = User.objects.create_user(f"a {role}", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.fixture
def ids() -> dict[str, Any]:
    run = RunFactory.create(status="failed")
    rule = AlertRule.objects.create(
        pipeline=run.pipeline, rule_type="on_failure", channel="slack", destination="#operations"
    )
    return {"run": run.pk, "rule": rule.pk, "pipeline": run.pipeline_id, "client": run.pipeline.client_id}


@pytest.mark.parametrize("role", ROLES)
def test_a_page_opens_only_for_roles_that_may_see_it(role: str, ids: dict[str, Any]) -> None:
    browser = browser_of(role)

    responses = {page: browser.get(page.format(**ids)).status_code for page in PAGES}

    assert responses == {page: 200 if role in roles else 403 for page, roles in PAGES.items()}


@pytest.mark.parametrize("role", ROLES)
def test_a_page_offers_each_role_only_what_the_role_may_do(role: str, ids: dict[str, Any]) -> None:
    browser = browser_of(role)
    shown = {page: unescape(browser.get(page.format(**ids)).content.decode()) for page in {page for page, _ in OFFERS}}

    assert {offer: offer[1] in shown[offer[0]] for offer in OFFERS} == {
        offer: role in roles for offer, roles in OFFERS.items()
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_open_every_link_that_it_sees(role: str, ids: dict[str, Any]) -> None:
    browser = browser_of(role)
    pages = [page for page, roles in PAGES.items() if role in roles and "export" not in page]

    links = {
        unescape(link).partition("#")[0]
        for page in pages
        for link in re.findall(r'href="(/admin/[^"]*)"', browser.get(page.format(**ids)).content.decode())
    } - {"/admin/logout/"}
    refused = {link: status for link in links if (status := browser.get(link).status_code) not in {200, 302}}

    assert len(links) > 10
    assert refused == {}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_without_permission_changes_nothing_by_posting_directly(role: str, ids: dict[str, Any]) -> None:
    browser = browser_of(role)
    before = stored_rows()
    pipeline = {"client": ids["client"], "name": "sent", "platform": "dbt", "pipeline_type": "export"}
    rule = {"client": ids["client"], "rule_type": "on_failure", "channel": "slack", "destination": "#sent"}
    selected = {"_selected_action": str(ids["pipeline"])}
    for page, data in (
        (f"{PIPELINE_LIST_URL}add/", {**pipeline, "environment": "prod"}),
        (f"{PIPELINE_LIST_URL}{{pipeline}}/change/", {**pipeline, "name": "changed", "environment": "prod"}),
        (f"{RULE_LIST_URL}add/", rule),
        (f"{RULE_LIST_URL}{{rule}}/delete/", {"post": "yes"}),
        (PIPELINE_LIST_URL, {"action": "disable", "confirmed": "yes", **selected}),
        (f"{CLIENT_LIST_URL}{{client}}/disable/", {"confirmed": "yes"}),
        (f"{CLIENT_LIST_URL}import/", {"file": SimpleUploadedFile("f.csv", b"name\nsent\n")}),
        (f"{RUN_LIST_URL}{{run}}/change/", {"status": "success"}),
        (f"{RUN_LIST_URL}{{run}}/delete/", {"post": "yes"}),
        (RUN_LIST_URL, {"action": "delete_selected", "post": "yes", "_selected_action": str(ids["run"])}),
        (CLIENT_LIST_URL, {"action": "delete_selected", "post": "yes", "_selected_action": str(ids["client"])}),
    ):
        response = browser.post(page.format(**ids), data)
        if page == f"{CLIENT_LIST_URL}import/" and role in EDITORS:
            browser.post(page, {"upload_id": response.context["upload_id"]})

    assert Run.objects.get().status == "failed"
    if role not in EDITORS:
        assert stored_rows() == before
    else:
        assert set(Pipeline.objects.values_list("name", "is_active")) == {("changed", False), ("sent", True)}
        assert set(Client.objects.values_list("name", "is_active")) >= {("sent", True)}
        assert not Client.objects.get(pk=ids["client"]).is_active
        assert [rule.destination for rule in AlertRule.objects.all()] == ["#sent"]


def stored_rows() -> list[list[Any]]:
    return [list(model._default_manager.order_by("pk").values()) for model in (Client, Pipeline, AlertRule, Run)]


def test_an_account_without_a_role_sees_nothing(ids: dict[str, Any]) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_user("nobody", is_staff=True))

    assert {browser.get(page.format(**ids)).status_code for page in PAGES} == {403}


def test_an_account_that_is_not_staff_is_redirected_to_the_login(ids: dict[str, Any]) -> None:
    user = User.objects.create_user("outsider")
    user.groups.add(*Group.objects.all())
    browser = Browser()
    browser.force_login(user)

    assert {browser.get(page.format(**ids)).status_code for page in PAGES} == {302}
