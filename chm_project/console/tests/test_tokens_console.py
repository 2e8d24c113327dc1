"""Tokens are created, shown once, listed and revoked, in the console and by commands."""

import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone
from rest_framework.test import APIClient

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token
from chm_project.tests.api import ROOT, api_as_role, assert_error
from chm_project.tests.pages import html
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db

TOKEN_LIST_URL = "/admin/access/apitoken/"


def browser(role: str) -> Browser:
    api_as_role(role)  # creates the account, and the roles if an earlier test has deleted them
    user = User.objects.get(username=f"a {role}")
    user.is_staff = True
    user.save()
    assert Group.objects.filter(name=role).exists()
    browser_of_role = Browser()
    browser_of_role.force_login(user)
    return browser_of_role


def token_form(**values: Any) -> dict[str, Any]:
    return {"name": "Northwind jobs", "scope": "ingest", "client": "", "pipeline": "", "expires_at_0": "",
            "expires_at_1": ""} | values  # fmt: skip


def api_with(token: str) -> APIClient:
    return APIClient(headers={"authorization": f"Bearer {token}"})


def test_an_operator_creates_an_ingest_token_that_is_shown_once_and_works() -> None:
    pipeline = PipelineFactory.create()
    operator = browser("operator")

    page = operator.post(f"{TOKEN_LIST_URL}add/", token_form(pipeline=str(pipeline.pk)))

    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    [shown] = set(re.findall(r"chm_\w{8}_\w{40}", page.content.decode()))
    path = f"{ROOT}/pipelines/{pipeline.pk}/runs/1"
    assert api_with(shown).put(path, {"status": "success"}).status_code == 201
    token = ApiToken.objects.get()
    for url in (TOKEN_LIST_URL, f"{TOKEN_LIST_URL}{token.pk}/change/"):
        later = operator.get(url)
        assert later.status_code == 200
        assert token.prefix in later.content.decode() or url != TOKEN_LIST_URL
        assert shown not in later.content.decode()
        assert token.digest not in later.content.decode()

    operator.post(TOKEN_LIST_URL, {"action": "revoke", "_selected_action": [str(token.pk)]})
    assert_error(api_with(shown).put(path, {"status": "success"}), 401, "unauthorized")


def test_only_an_administrator_may_create_tokens_with_other_scopes_than_ingest() -> None:
    refused = browser("operator").post(f"{TOKEN_LIST_URL}add/", token_form(scope="admin"))
    assert "Select a valid choice" in refused.content.decode()
    assert not ApiToken.objects.exists()
    browser("administrator").post(f"{TOKEN_LIST_URL}add/", token_form(scope="admin"))
    assert ApiToken.objects.get().scope == "admin"


def test_a_token_is_not_bound_to_both_a_client_and_a_pipeline() -> None:
    pipeline = PipelineFactory.create()
    page = browser("operator").post(
        f"{TOKEN_LIST_URL}add/", token_form(pipeline=str(pipeline.pk), client=str(pipeline.client_id))
    )
    assert "not to both" in page.content.decode()


def test_a_form_that_is_sent_twice_creates_one_token() -> None:
    operator = browser("operator")
    pipeline = PipelineFactory.create()
    [form_key] = re.findall(r'name="form_key" value="(\w+)"', operator.get(f"{TOKEN_LIST_URL}add/").content.decode())
    invalid_form = operator.post(f"{TOKEN_LIST_URL}add/", token_form(form_key=form_key, name=""))
    sent = token_form(form_key=form_key, pipeline=str(pipeline.pk))

    first = operator.post(f"{TOKEN_LIST_URL}add/", sent)
    second = operator.post(f"{TOKEN_LIST_URL}add/", sent, follow=True)

    assert "This field is required" in invalid_form.content.decode()
    assert "data-copies-text" in first.content.decode()
    assert "no second token was made" in second.content.decode()
    assert second.redirect_chain == [(TOKEN_LIST_URL, 302)]
    assert ApiToken.objects.count() == 1


def test_a_token_is_revoked_on_its_own_page_after_confirmation() -> None:
    token, plaintext = create_token(name="jobs", scope=Scope.READ)
    url, operator = f"{TOKEN_LIST_URL}{token.pk}/", browser("operator")
    page = operator.get(f"{url}change/").content.decode()
    assert "Revoke…" in page
    assert "</span> valid</span>" in page
    assert page.count("Lineage jobs without a pipeline") <= 1

    assert "cannot be restored" in operator.get(f"{url}revoke/").content.decode()
    assert api_with(plaintext).get(f"{ROOT}/clients").status_code == 200
    confirmed = operator.post(f"{url}revoke/", follow=True).content.decode()

    assert_error(api_with(plaintext).get(f"{ROOT}/clients"), 401, "unauthorized")
    assert "1 token revoked" in confirmed
    assert "Revoke…" not in confirmed
    assert "</span> revoked</span>" in confirmed
    assert browser("analyst").post(f"{url}revoke/").status_code == 403


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_viewers_and_analysts_see_no_tokens(role: str) -> None:
    user = browser(role)
    assert user.get(TOKEN_LIST_URL).status_code == 403
    assert user.get(f"{TOKEN_LIST_URL}add/").status_code == 403


def test_a_token_cannot_be_deleted_or_changed() -> None:
    token, _ = create_token(name="x", scope=Scope.READ)
    administrator = browser("administrator")
    assert administrator.post(f"{TOKEN_LIST_URL}{token.pk}/delete/").status_code == 403
    assert administrator.post(f"{TOKEN_LIST_URL}{token.pk}/change/", token_form(scope="admin")).status_code == 403
    assert ApiToken.objects.get().scope == "read"


def test_a_token_whose_account_is_disabled_is_listed_as_disabled() -> None:
    token, plaintext = create_token(name="Grafana", scope=Scope.READ, expires_at=timezone.now() + timedelta(days=1))
    User.objects.filter(pk=token.user_id).update(is_active=False)
    out, json_out = StringIO(), StringIO()

    call_command("list_api_tokens", stdout=out)
    call_command("list_api_tokens", "--json", stdout=json_out)

    assert_error(api_with(plaintext).get(f"{ROOT}/clients"), 401, "unauthorized")
    assert "disabled" in out.getvalue()
    assert "valid" not in out.getvalue()
    assert json.loads(json_out.getvalue())["tokens"][0]["state"] == "disabled"
    administrator = browser("administrator")
    for url in (TOKEN_LIST_URL, f"{TOKEN_LIST_URL}{token.pk}/change/"):
        page = html(administrator.get(url))
        assert re.search(r">[^<\w]*disabled<", page)
        assert not re.search(r">[^<\w]*valid<", page)


def test_the_commands_list_and_revoke_tokens_without_showing_secrets() -> None:
    token, plaintext = create_token(name="Grafana", scope=Scope.READ, client_id=ClientFactory.create(name="Acme").pk)
    create_token(name="old", scope=Scope.READ, expires_at=timezone.now() - timedelta(days=1))
    out = StringIO()
    call_command("list_api_tokens", stdout=out)
    listed = out.getvalue()
    assert "Grafana" in listed
    assert "valid" in listed
    assert "expired" in listed
    assert plaintext not in listed
    assert token.digest not in listed

    for _ in range(2):
        call_command("revoke_api_token", f"chm_{token.prefix}", stdout=StringIO())
    assert_error(api_with(plaintext).get(f"{ROOT}/clients"), 401, "unauthorized")
    with pytest.raises(CommandError, match="list_api_tokens"):
        call_command("revoke_api_token", "chm_nothing1")


@pytest.mark.parametrize("is_active", [True, False])
def test_a_token_completes_its_setup_step_only_if_its_account_is_active(is_active: bool) -> None:
    token, _ = create_token(name="cron", scope=Scope.INGEST)
    User.objects.filter(pk=token.user_id).update(is_active=is_active)

    page = browser("operator").get("/admin/").content.decode()

    assert ('<li class="chm-done" data-step="3">' in page) is is_active
