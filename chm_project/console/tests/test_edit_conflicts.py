"""Two users open the form of the same row, and save it one after the other."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client as Browser
from django.urls import reverse

from alerting.models import AlertRule
from chm_project.access.models import Binding
from chm_project.tests.api import api_with_scope
from chm_project.tests.pages import browser, html
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db

CONFLICT = "has changed since you opened the form"


def create_rule() -> AlertRule:
    return AlertRule.objects.create(
        client=ClientFactory.create(), rule_type="on_failure", channel="slack", destination="#ops"
    )


def form_url(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def open_form(user: Browser, row: Model) -> dict[str, Any]:
    """Return the values of the form that a user sees, with the hidden field shown_version."""
    return form_values(user.get(form_url(row)))


def form_values(response: Any) -> dict[str, Any]:
    form = response.context["adminform"].form
    values = {bound.html_name: bound.value() for bound in form}
    for formset in response.context["inline_admin_formsets"]:
        management = formset.formset.management_form
        values |= {bound.html_name: bound.value() for bound in management}
    version = html(response).partition('name="shown_version" value="')[2].partition('"')[0]
    assert version
    return {name: value for name, value in values.items() if value is not None} | {"shown_version": version}


@pytest.mark.parametrize(
    ("create_row", "field", "first_value", "second_value"),
    [
        (ClientFactory.create, "name", "First", "Second"),
        (PipelineFactory.create, "name", "first", "second"),
        (create_rule, "destination", "#first", "#second"),
    ],
    ids=["client", "pipeline", "rule"],
)
def test_a_form_that_is_older_than_its_row_is_not_saved_at_once(
    create_row: Callable[[], Any], field: str, first_value: str, second_value: str
) -> None:
    row = create_row()
    first_user, second_user = browser("analyst"), browser("administrator")
    first_form, second_form = open_form(first_user, row), open_form(second_user, row)

    assert first_user.post(form_url(row), first_form | {field: first_value}).status_code == 302
    response = second_user.post(form_url(row), second_form | {field: second_value})

    assert CONFLICT in html(response)
    row.refresh_from_db()
    assert getattr(row, field) == first_value


def test_saving_again_after_the_warning_replaces_the_other_change() -> None:
    pipeline = PipelineFactory.create(name="orders")
    first_user, second_user = browser("analyst"), browser("administrator")
    first_form, second_form = open_form(first_user, pipeline), open_form(second_user, pipeline)
    first_user.post(form_url(pipeline), first_form | {"name": "first"})
    warning = second_user.post(form_url(pipeline), second_form | {"name": "second"})

    again = form_values(warning)

    assert again["name"] == "second"
    assert second_user.post(form_url(pipeline), again).status_code == 302
    pipeline.refresh_from_db()
    assert pipeline.name == "second"


def test_a_change_by_the_api_is_a_conflict_too() -> None:
    client = ClientFactory.create(name="Acme")
    user = browser("analyst")
    form = open_form(user, client)
    api_with_scope("write").patch(f"/api/v1/clients/{client.pk}", {"name": "Renamed"}, format="json")

    assert CONFLICT in html(user.post(form_url(client), form | {"name": "Acme Ltd"}))


def test_ingestion_between_opening_and_saving_is_no_conflict() -> None:
    pipeline = PipelineFactory.create(name="orders")
    user = browser("analyst")
    form = open_form(user, pipeline)
    Pipeline.objects.filter(pk=pipeline.pk).update(last_ingest_error="the source did not answer")

    assert user.post(form_url(pipeline), form | {"name": "orders_eu"}).status_code == 302
    pipeline.refresh_from_db()
    assert (pipeline.name, pipeline.last_ingest_error) == ("orders_eu", "the source did not answer")


def test_a_bound_user_who_saves_a_rule_keeps_its_hidden_client() -> None:
    pipeline, other_client = PipelineFactory.create(), ClientFactory.create(name="Hidden")
    rule = AlertRule.objects.create(
        pipeline=pipeline, client=other_client, rule_type="on_failure", channel="slack", destination="#ops"
    )
    user = browser("analyst")
    Binding.objects.create(user=User.objects.get(username="a analyst")).clients.set([pipeline.client])
    values = open_form(user, rule)
    assert "client" not in values

    assert user.post(form_url(rule), values | {"destination": "#new"}).status_code == 302
    rule.refresh_from_db()
    assert (rule.client, rule.destination) == (other_client, "#new")

    values = open_form(user, rule) | {"client": str(pipeline.client_id)}
    assert user.post(form_url(rule), values).status_code == 302
    rule.refresh_from_db()
    assert rule.client == pipeline.client
