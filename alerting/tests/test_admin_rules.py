"""Alert rules in the console. The form explains the scope and shows errors at their fields. The list shows scopes."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerting.admin import THRESHOLD_REQUIRED, WINDOW_REQUIRED
from alerting.models import AlertRule
from chm_project.tests.api import create_bound_user
from chm_project.tests.pages import browser as browser_with_role
from chm_project.tests.pages import html, tables
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

RULES_URL = "/admin/alerting/alertrule/"


@pytest.fixture
def browser(client: Browser) -> Browser:
    client.force_login(User.objects.create_superuser("admin"))
    return client


def post_new_rule(browser: Browser, **fields: Any) -> Any:
    values = {"rule_type": "on_failure", "channel": "slack", "destination": "#ops", "is_enabled": "on", **fields}
    return browser.post(f"{RULES_URL}add/", {name: value for name, value in values.items() if value is not None})


def form_errors(response: Any) -> dict[str, list[str]]:
    """Return the errors by field, and check that the page shows them."""
    assert response.status_code == 200
    messages_by_field = response.context["adminform"].form.errors
    page = unescape(response.content.decode())
    assert all(message in page for messages in messages_by_field.values() for message in messages)
    return {name: [str(message) for message in messages] for name, messages in messages_by_field.items()}


def test_a_rule_is_created_and_logged(browser: Browser) -> None:
    pipeline = PipelineFactory.create()

    response = post_new_rule(
        browser, pipeline=pipeline.pk, rule_type="failures_in_window", threshold=3, window_minutes=60
    )

    assert response.status_code == 302
    rule = AlertRule.objects.get()
    assert (rule.pipeline, rule.client, rule.threshold, rule.window_minutes) == (pipeline, None, 3, 60)
    assert LogEntry.objects.get().object_id == str(rule.pk)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {name: ["Choose a client, a pipeline, or both."] for name in ("client", "pipeline")}),
        (
            {"scoped": True, "rule_type": "failures_in_window"},
            {"threshold": [THRESHOLD_REQUIRED], "window_minutes": [WINDOW_REQUIRED]},
        ),
        (
            {"scoped": True, "rule_type": "failures_in_window", "threshold": 3},
            {"window_minutes": [WINDOW_REQUIRED]},
        ),
        (
            {"scoped": True, "threshold": 0, "window_minutes": -5},
            {
                name: ["Enter a number greater than 0, or leave the field empty."]
                for name in ("threshold", "window_minutes")
            },
        ),
        (
            {"scoped": True, "threshold": 2**40},
            {"threshold": ["Ensure this value is less than or equal to 2147483647."]},
        ),
        (
            {"scoped": True, "rule_type": "never"},
            {"rule_type": ["Select a valid choice. never is not one of the available choices."]},
        ),
        (
            {"scoped": True, "destination": "x" * 513},
            {"destination": ["Ensure this value has at most 512 characters (it has 513)."]},
        ),
        ({"scoped": True, "destination": "a\x00"}, {"destination": ["Null characters are not allowed."]}),
        (
            {"scoped": True, "destination": "#taken"},
            {"destination": ["Another enabled rule has the same type, scope, channel and destination."]},
        ),
    ],
)
def test_each_error_is_shown_at_its_field_of_the_form(
    browser: Browser, fields: dict[str, Any], expected: dict[str, list[str]]
) -> None:
    client = ClientFactory.create()
    AlertRule.objects.create(client=client, rule_type="on_failure", channel="slack", destination="#taken")
    scope = {"client": client.pk} if fields.pop("scoped", False) else {}

    assert form_errors(post_new_rule(browser, **scope, **fields)) == expected
    assert AlertRule.objects.count() == 1


def test_the_form_explains_that_the_pipeline_decides_what_the_rule_watches(browser: Browser) -> None:
    page = unescape(browser.get(f"{RULES_URL}add/").content.decode())

    assert "If you choose no pipeline below, the rule watches every active pipeline of this client." in page
    assert "If you choose a pipeline, the rule watches only this pipeline." in page


def test_without_javascript_the_form_shows_all_fields(browser: Browser) -> None:
    page = browser.get(f"{RULES_URL}add/").content.decode()

    assert '<script src="/static/alerting/rule_form.js"></script>' in page
    assert finders.find("alerting/rule_form.js")
    for name in ("threshold", "window_minutes"):
        row = re.search(rf'<div class="[^"]*field-{name}[^"]*"[^>]*>', page)
        assert row
        assert "hidden" not in row[0].split()


def test_the_list_shows_the_client_of_the_pipeline_if_a_rule_has_both(browser: Browser) -> None:
    pipeline = PipelineFactory.create(name="orders", client__name="Northwind")
    other = ClientFactory.create(name="Contoso")
    AlertRule.objects.create(client=other, pipeline=pipeline, rule_type="on_failure", channel="slack", destination="#a")
    AlertRule.objects.create(client=other, rule_type="on_failure", channel="slack", destination="#b")

    rows = tables(browser.get(RULES_URL).content.decode())[""]

    assert sorted(row[1:3] for row in rows) == [["OK", "Contoso"], ["OK", "Northwind"]]
    page = " ".join(browser.get(RULES_URL).content.decode().split())
    assert re.search(r"> ?orders ?</a></th>", page)
    assert re.search(r"> ?all pipelines ?</a></th>", page)


def test_the_list_shows_which_rules_are_firing(browser: Browser) -> None:
    broken, fine = (RunFactory.create(status=status).pipeline for status in ("failed", "success"))
    for pipeline, enabled in ((broken, True), (fine, True), (broken, False)):
        AlertRule.objects.create(
            pipeline=pipeline, rule_type="on_failure", channel="slack", destination="#a", is_enabled=enabled
        )

    badge_texts = re.findall(r"chm-badge chm-\w+.*?</span> (\w+)</span>", browser.get(RULES_URL).content.decode())

    assert sorted(badge_texts) == ["OK", "disabled", "firing"]


def test_the_pipeline_field_suggests_pipelines_with_their_client(browser: Browser) -> None:
    PipelineFactory.create(name="orders", client__name="Northwind")
    PipelineFactory.create(name="orders", client__name="Contoso", is_active=False)
    parameters = {"app_label": "alerting", "model_name": "alertrule", "field_name": "pipeline", "term": "orders"}

    with CaptureQueriesContext(connection) as captured:
        suggested = browser.get("/admin/autocomplete/", parameters).json()["results"]

    assert sorted(result["text"] for result in suggested) == ["orders of Contoso (disabled)", "orders of Northwind"]
    assert len(captured) == 4, "session, user, count of results, and results"


def test_deleting_a_rule_is_logged(browser: Browser) -> None:
    rule = AlertRule.objects.create(
        client=ClientFactory.create(), rule_type="on_failure", channel="slack", destination="#a"
    )

    browser.post(f"{RULES_URL}{rule.pk}/delete/", {"post": "yes"})

    assert not AlertRule.objects.exists()
    assert LogEntry.objects.get().is_deletion()


def test_list_and_form_need_the_same_number_of_queries_for_1_and_20_rules(browser: Browser) -> None:
    ContentType.objects.get_for_model(AlertRule)  # each process caches this after its first form
    counts = []
    for number in (1, 20):
        for index in range(number):
            rule = AlertRule.objects.create(
                pipeline=PipelineFactory.create(), client=ClientFactory.create(), rule_type="on_failure",
                channel="slack", destination=f"#{number}-{index}",
            )  # fmt: skip
        page_counts = []
        for page in (RULES_URL, f"{RULES_URL}{rule.pk}/change/"):
            with CaptureQueriesContext(connection) as captured:
                assert browser.get(page).status_code == 200
            page_counts.append(len(captured))
        counts.append(page_counts)

    (list_count_1, form_count_1), (list_count_20, form_count_20) = counts
    # Session, user, my clients, number of rows found, number of all rows, rules, and firing rules.
    assert list_count_1 == list_count_20 == 7
    # Session, user, the rule, and its client and its pipeline as choices. The console may add up to three queries.
    assert 5 <= form_count_1 == form_count_20 <= 8


def test_html_in_names_is_escaped(browser: Browser) -> None:
    hostile = "<script>alert(1)</script>"
    pipeline = PipelineFactory.create(name=hostile, client__name=hostile)
    rule = AlertRule.objects.create(
        pipeline=pipeline, client=pipeline.client, rule_type="on_failure", channel="slack", destination=f"#{hostile}"
    )

    for page in (
        RULES_URL,
        f"{RULES_URL}{rule.pk}/change/",
        f"{RULES_URL}{rule.pk}/delete/",
        f"{RULES_URL}{rule.pk}/history/",
    ):
        assert hostile not in browser.get(page).content.decode(), page


def test_a_rule_is_previewed_before_it_is_saved() -> None:
    pipeline, now = PipelineFactory.create(), timezone.now()
    for hours, status in ((30, "success"), (20, "failed"), (10, "success")):
        RunFactory.create(
            pipeline=pipeline, status=status, started_at=now - timedelta(hours=hours),
            finished_at=now - timedelta(hours=hours),
        )  # fmt: skip
    analyst, address = browser_with_role("analyst"), f"{RULES_URL}preview/"
    assert f'data-preview="{address}"' in html(analyst.get(f"{RULES_URL}add/"))
    form = {"pipeline": str(pipeline.pk), "client": "", "rule_type": "on_failure"}

    page = html(analyst.post(address, form))
    window_rule_form = form | {"rule_type": "failures_in_window", "threshold": "2", "window_minutes": "60"}

    assert "<strong>1</strong> time in the last 30 days" in page
    assert "in the last 30 days" in html(analyst.post(address, window_rule_form))
    assert "needs a threshold" in html(analyst.post(address, form | {"rule_type": "failures_in_window"}))
    assert "Choose a client" in html(analyst.post(address, form | {"pipeline": ""}))
    assert not AlertRule.objects.exists()
    assert browser_with_role("viewer").post(address, form).status_code == 403
    assert analyst.get(address).status_code == 403
    bound_browser = Browser()
    bound_browser.force_login(create_bound_user("person", str(PipelineFactory.create().client_id)))
    assert "Select a valid choice" in html(bound_browser.post(address, form))
