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
READ = set(ROLES)
WRITE = {"analyst", "administrator"}
CLIENT, PIPELINE = "/admin/inventory/client/", "/admin/inventory/pipeline/"
RUN, RULE = "/admin/runs/run/", "/admin/alerting/alertrule/"

# The roles that may open each page; the others get 403.
PAGES: dict[str, set[str]] = {
    CLIENT: READ,
    PIPELINE: READ,
    RUN: READ,
    RULE: READ,
    f"{CLIENT}{{client}}/change/": READ,
    f"{PIPELINE}{{pipeline}}/change/": READ,
    f"{RUN}{{run}}/change/": READ,
    f"{RULE}{{rule}}/change/": READ,
    f"{CLIENT}{{client}}/history/": READ,
    f"{CLIENT}export/csv/": READ,
    f"{PIPELINE}export/xlsx/": READ,
    f"{CLIENT}add/": WRITE,
    f"{PIPELINE}add/": WRITE,
    f"{RULE}add/": WRITE,
    f"{CLIENT}import/": WRITE,
    f"{PIPELINE}import/": WRITE,
    f"{RULE}import/": WRITE,
    f"{RULE}export/csv/": READ,
    f"{CLIENT}{{client}}/disable/": WRITE,
    f"{CLIENT}{{client}}/enable/": WRITE,
    f"{PIPELINE}{{pipeline}}/disable/": WRITE,
    f"{PIPELINE}{{pipeline}}/enable/": WRITE,
    f"{RULE}{{rule}}/delete/": WRITE,
    f"{RUN}add/": set(),
    f"{RUN}{{run}}/delete/": set(),
    f"{CLIENT}{{client}}/delete/": set(),
    f"{PIPELINE}{{pipeline}}/delete/": set(),
}
# The roles that a page offers an action to. The action is recognized by a text in the HTML.
OFFERS: dict[tuple[str, str], set[str]] = {
    (CLIENT, f'href="{CLIENT}add/'): WRITE,
    (CLIENT, f'href="{CLIENT}import/'): WRITE,
    (CLIENT, f'href="{CLIENT}export/csv/'): READ,
    (CLIENT, 'value="disable"'): WRITE,
    (CLIENT, 'value="enable"'): WRITE,
    (PIPELINE, f'href="{PIPELINE}import/'): WRITE,
    (PIPELINE, 'value="disable"'): WRITE,
    (RULE, f'href="{RULE}add/'): WRITE,
    (RULE, 'value="delete_selected"'): WRITE,
    (RUN, "/add/"): set(),
    (RUN, 'name="action"'): set(),
    (f"{CLIENT}{{client}}/change/", 'name="_save"'): WRITE,
    (f"{CLIENT}{{client}}/change/", "/disable/"): WRITE,
    (f"{CLIENT}{{client}}/change/", 'name="name"'): WRITE,
    (f"{CLIENT}{{client}}/change/", 'name="pipelines-0-name"'): WRITE,
    (f"{PIPELINE}{{pipeline}}/change/", 'name="_save"'): WRITE,
    (f"{PIPELINE}{{pipeline}}/change/", "/disable/"): WRITE,
    (f"{RULE}{{rule}}/change/", 'name="_save"'): WRITE,
    (f"{RULE}{{rule}}/change/", "/delete/"): WRITE,
    (f"{RUN}{{run}}/change/", 'name="_save"'): set(),
    (f"{RUN}{{run}}/change/", "/delete/"): set(),
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

    answers = {page: browser.get(page.format(**ids)).status_code for page in PAGES}

    assert answers == {page: 200 if role in roles else 403 for page, roles in PAGES.items()}


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
def test_a_request_that_is_sent_without_the_page_changes_nothing_for_roles_without_permission(
    role: str, ids: dict[str, Any]
) -> None:
    browser = browser_of(role)
    before = snapshot()
    pipeline = {"client": ids["client"], "name": "sent", "platform": "dbt", "pipeline_type": "export"}
    rule = {"client": ids["client"], "rule_type": "on_failure", "channel": "slack", "destination": "#sent"}
    selected = {"_selected_action": str(ids["pipeline"])}
    for page, data in (
        (f"{PIPELINE}add/", {**pipeline, "environment": "prod"}),
        (f"{PIPELINE}{{pipeline}}/change/", {**pipeline, "name": "changed", "environment": "prod"}),
        (f"{RULE}add/", rule),
        (f"{RULE}{{rule}}/delete/", {"post": "yes"}),
        (PIPELINE, {"action": "disable", "confirmed": "yes", **selected}),
        (f"{CLIENT}{{client}}/disable/", {"confirmed": "yes"}),
        (f"{CLIENT}import/", {"file": SimpleUploadedFile("f.csv", b"name\nsent\n")}),
        (f"{RUN}{{run}}/change/", {"status": "success"}),
        (f"{RUN}{{run}}/delete/", {"post": "yes"}),
        (RUN, {"action": "delete_selected", "post": "yes", "_selected_action": str(ids["run"])}),
        (CLIENT, {"action": "delete_selected", "post": "yes", "_selected_action": str(ids["client"])}),
    ):
        response = browser.post(page.format(**ids), data)
        if page == f"{CLIENT}import/" and role in WRITE:
            browser.post(page, {"upload": response.context["upload"]})

    assert Run.objects.get().status == "failed"
    if role not in WRITE:
        assert snapshot() == before
    else:
        assert set(Pipeline.objects.values_list("name", "is_active")) == {("changed", False), ("sent", True)}
        assert set(Client.objects.values_list("name", "is_active")) >= {("sent", True)}
        assert not Client.objects.get(pk=ids["client"]).is_active
        assert [rule.destination for rule in AlertRule.objects.all()] == ["#sent"]


def snapshot() -> list[list[Any]]:
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
