"""Destinations of alert rules: their formats, and the masks of addresses that contain a secret."""

import importlib
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction

from alerting.destinations import DESTINATION_FORMATS, shown_destination
from alerting.models import AlertRule
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, field_errors, post_json
from chm_project.tests.pages import browser, html
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory

pytestmark = pytest.mark.django_db

SECRET = "T0SECRET/B0SECRET/theSecretPart"
HOOK = f"https://hooks.slack.com/services/{SECRET}"
OTHER_HOOK = "https://hooks.slack.com/services/T0SECRET/B0SECRET/anotherPart"


@pytest.fixture
def pipeline() -> Pipeline:
    return PipelineFactory.create(client__name="Northwind", name="orders")


@pytest.fixture
def rule(pipeline: Pipeline) -> AlertRule:
    return AlertRule.objects.create(pipeline=pipeline, rule_type="on_failure", channel="slack", destination=HOOK)


def patch_rule(api: Any, rule: AlertRule, **fields: Any) -> Any:
    return api.patch(f"{ROOT}/alert_rules/{rule.pk}", fields, format="json")


@pytest.mark.parametrize(
    "destination", ["#data-alerts", "ops@example.test", "https://example.test", "https://example.test/"]
)
def test_a_destination_without_a_secret_is_shown_as_it_is(destination: str) -> None:
    assert shown_destination(destination) == destination


@pytest.mark.parametrize(
    "address",
    [HOOK, "https://example.test/in/abc", "https://u:hunter2@example.test", "https://example.test?token=hunter2"],
)
def test_only_the_host_of_an_address_is_shown(address: str) -> None:
    masked = shown_destination(address)

    assert masked.startswith(("https://hooks.slack.com/[filtered]-", "https://example.test/[filtered]-"))
    assert not any(secret in masked for secret in (SECRET, "in/abc", "hunter2"))
    assert shown_destination(masked) != address


def test_two_hooks_of_one_host_have_different_masks() -> None:
    assert shown_destination(HOOK) != shown_destination(OTHER_HOOK)


@pytest.mark.parametrize("role", ["viewer", "analyst", "administrator"])
def test_no_response_of_the_api_shows_the_address_of_a_hook(rule: AlertRule, role: str) -> None:
    api = api_as_role(role)

    for path in (f"/alert_rules/{rule.pk}", "/alert_rules", "/alert_rules/firing"):
        answer = api.get(ROOT + path)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
    assert api.get(f"{ROOT}/alert_rules/{rule.pk}").json()["destination"] == shown_destination(HOOK)


def test_creating_a_rule_stores_the_address_and_returns_it_masked(pipeline: Pipeline) -> None:
    body = {"pipeline_id": str(pipeline.pk), "rule_type": "on_failure", "channel": "slack", "destination": HOOK}
    answer = post_json(api_with_scope(), f"{ROOT}/alert_rules", body)

    assert answer.status_code == 201
    assert SECRET not in answer.content.decode()
    assert AlertRule.objects.get().destination == HOOK


def test_sending_the_masked_address_keeps_the_stored_address(rule: AlertRule) -> None:
    answer = patch_rule(api_with_scope(), rule, destination=shown_destination(HOOK), window_minutes=5)

    assert answer.status_code == 200
    rule.refresh_from_db()
    assert (rule.destination, rule.window_minutes) == (HOOK, 5)


def test_the_masked_address_of_another_hook_is_refused(rule: AlertRule) -> None:
    assert field_errors(patch_rule(api_with_scope(), rule, destination=shown_destination(OTHER_HOOK))) == {
        "destination": ["This is the masked form of another destination. Write the whole address."]
    }


def test_a_search_finds_the_host_of_a_hook_but_not_its_path(rule: AlertRule) -> None:
    counts = [
        len(api_with_scope().get(f"{ROOT}/alert_rules", {"search": text}).json()["items"])
        for text in ("hooks.SLACK", "T0SECRET", "theSecretPart")
    ]

    assert counts == [1, 0, 0]


@pytest.mark.parametrize("role", ["viewer", "analyst", "administrator"])
def test_no_page_of_the_console_shows_the_address_of_a_hook(rule: AlertRule, role: str) -> None:
    role_browser = browser(role)
    pages = [f"/admin/alerting/alertrule/{rule.pk}/change/", f"/admin/alerting/alertrule/{rule.pk}/history/"]

    for page in (*pages, "/admin/alerting/alertrule/", "/admin/alerting/alertrule/?q=T0SECRET"):
        assert SECRET not in html(role_browser.get(page)), page
    searches = [role_browser.get("/admin/alerting/alertrule/", {"q": text}) for text in ("slack.com", "theSecretPart")]
    assert [page.context["cl"].result_count for page in searches] == [1, 0]


def test_saving_the_form_with_the_masked_address_keeps_the_stored_address(rule: AlertRule) -> None:
    role_browser = browser("analyst")
    form = role_browser.get(f"/admin/alerting/alertrule/{rule.pk}/change/").context["adminform"].form
    fields = {name: form.initial.get(name) or "" for name in form.fields} | {"window_minutes": "7", "is_enabled": "on"}
    answer = role_browser.post(f"/admin/alerting/alertrule/{rule.pk}/change/", fields)

    assert answer.status_code == 302
    rule.refresh_from_db()
    assert (rule.destination, rule.window_minutes) == (HOOK, 7)


def test_an_export_masks_the_address_and_can_be_imported_unchanged(rule: AlertRule) -> None:
    role_browser = browser("analyst")
    exported = role_browser.get("/admin/alerting/alertrule/export/csv/").getvalue()

    assert SECRET not in exported.decode()
    assert shown_destination(HOOK) in exported.decode()
    preview = role_browser.post(
        "/admin/alerting/alertrule/import/", {"file": SimpleUploadedFile("rules.csv", exported)}
    )
    assert preview.context["result"].unchanged_count == 1
    assert preview.context["result"].changes == []
    assert AlertRule.objects.get().destination == HOOK


VALID_DESTINATIONS = {
    "slack": ["#data-alerts", "@ada", "C0123ABCD", "https://hooks.slack.com/services/T/B/x"],
    "email": ["ops@example.com", "data+oncall@eu.example.co.uk"],
    "webhook": ["https://hooks.example.com", "https://hooks.example.com/a/b?c=d"],
}
INVALID_DESTINATIONS = {
    "slack": ["", "data alerts", "ops", "http://hooks.slack.com/x", "#", "#a b", "ops@example.com"],
    "email": ["#ops", "ops", "ops@", "@example.com", "a b@example.com", "ops@localhost", "https://example.com"],
    "webhook": ["not a url", "javascript:alert(1)", "http://hooks.example.com/x", "https://", "https:///x", "#ops",
                "https://hooks.example.com/a b", "https://hooks.example.com\n"],
}  # fmt: skip


@pytest.mark.parametrize("channel", VALID_DESTINATIONS)
def test_a_destination_fits_its_channel_in_the_api_the_form_and_the_database(pipeline: Pipeline, channel: str) -> None:
    api, analyst = api_with_scope(), browser("analyst")
    body = {"pipeline_id": str(pipeline.pk), "rule_type": "on_failure", "channel": channel}
    form = {"pipeline": str(pipeline.pk), "client": "", "rule_type": "on_failure", "channel": channel}
    for destination in INVALID_DESTINATIONS[channel]:
        assert set(field_errors(post_json(api, f"{ROOT}/alert_rules", body | {"destination": destination}))) == {
            "destination"
        }, destination
        if destination.strip() == destination:  # the form removes spaces at the ends
            page = analyst.post("/admin/alerting/alertrule/add/", form | {"destination": destination})
            assert list(page.context["adminform"].form.errors) == ["destination"], destination
        with pytest.raises(IntegrityError), transaction.atomic():
            AlertRule.objects.create(
                pipeline=pipeline, rule_type="on_failure", channel=channel, destination=destination
            )
    for destination in VALID_DESTINATIONS[channel]:
        assert post_json(api, f"{ROOT}/alert_rules", body | {"destination": destination}).status_code == 201
    assert AlertRule.objects.count() == len(VALID_DESTINATIONS[channel])


def test_the_destination_is_validated_when_the_channel_changes(rule: AlertRule) -> None:
    assert set(field_errors(patch_rule(api_with_scope(), rule, channel="email"))) == {"destination"}
    assert patch_rule(api_with_scope(), rule, channel="email", destination="ops@example.com").status_code == 200


def test_the_migration_keeps_and_lists_rules_whose_destination_does_not_fit(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    migration = importlib.import_module("alerting.migrations.0005_destination_fits_channel")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE alert_rules DROP CONSTRAINT {migration.NAME}")
    invalid_rule = AlertRule.objects.create(
        pipeline=pipeline, rule_type="on_failure", channel="webhook", destination="nowhere"
    )

    with connection.schema_editor(atomic=False) as editor:
        migration.validate_or_list(apps, editor)

    error_output = capsys.readouterr().err
    assert error_output.startswith("1 alert rules have a destination that does not fit their channel.")
    assert str(invalid_rule.pk) in error_output
    assert "nowhere" not in error_output
    assert {channel: pattern for channel, (pattern, _) in DESTINATION_FORMATS.items()} == migration.FORMS
