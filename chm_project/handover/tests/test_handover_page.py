"""Test that the console's handover page has the rows of the API, a link in each row, and the Markdown to copy."""

import html as entities
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from alerting.models import AlertRule
from chm_project.handover import report
from chm_project.handover.tests.test_handover import add_run
from chm_project.tests.api import ROOT, api_with_scope, create_bound_user
from chm_project.tests.pages import browser, html, tables
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory
from runs.known_failures import mark_known_failure

pytestmark = pytest.mark.django_db

PAGE = "/admin/console/handover/"


@pytest.fixture
def shift() -> None:
    """Create rows of Acme for every part of the page, and a failure of Borealis."""
    add_run("fresh", 1, "failed", "disk full on *node*")
    mark_known_failure(pipeline=add_run("old", 40, "failed", "quota exceeded"), reason="ticket 123")
    add_run("recovered", 30, "failed", "x")
    add_run("recovered", 2, "success")
    add_run("over", 6, "failed", "a host is down")
    add_run("over", 5, "success")
    for days_ago in range(1, 60):
        add_run("late", 24 * days_ago + 3, "success")
    now = timezone.now()
    Pipeline.objects.filter(name="late").update(ingested_through=now)
    Pipeline.objects.filter(name="fresh").update(external_id="x", ingest_due_at=now - timedelta(hours=1))
    api_with_scope("write").patch(f"{ROOT}/pipelines/{Pipeline.objects.get(name='fresh').pk}", {"description": "new"})
    add_run("theirs", 1, "failed", "another client's error", ClientFactory.create(name="Borealis"))


def test_the_page_has_the_rows_of_the_api_and_each_row_links_to_a_page(shift: None) -> None:
    since = (timezone.now() - timedelta(hours=24)).isoformat()
    body: dict[str, Any] = api_with_scope("read").get(f"{ROOT}/handover", {"since": since}).json()
    browser_of_administrator = browser("administrator")
    page = html(browser_of_administrator.get(f"{PAGE}?since=24h"))

    parts = tables(page)
    known_failures = [row for row in body["failing"] if row["known"]]
    expected = {
        "incidents": body["incidents"], "recovered": body["recovered"], "known": known_failures, "late": body["late"],
        "new": [row for row in body["failing"] if not row["known"]], "sources": body["sources_dark"],
        "changes": body["changes"],
    }  # fmt: skip
    assert {key: len(rows) for key, rows in parts.items()} == {key: len(rows) for key, rows in expected.items()}
    assert all(expected.values()), "the fixture creates rows for every part"
    assert any("ongoing" in row for row in parts["incidents"])
    assert any("ongoing" not in row for row in parts["incidents"]), "an incident that has ended"
    for row in re.findall(r"<tr>(<td.*?)</tr>", page, re.DOTALL):
        url = re.search(r'href="([^"]+)"', row)
        assert url, row
        assert browser_of_administrator.get(url[1]).status_code == 200, url[1]


def test_the_page_has_the_markdown_of_the_api_to_copy(shift: None) -> None:
    page = html(browser("viewer").get(f"{PAGE}?since=24h"))

    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert text
    since = (timezone.now() - timedelta(hours=24)).isoformat()
    api = api_with_scope("read").get(f"{ROOT}/handover", {"since": since}, headers={"accept": "text/markdown"})
    assert entities.unescape(text[1]).split("\n")[2:] == api.content.decode().split("\n")[2:]
    assert "http://testserver/feed/KEY" in page


def test_the_menu_links_to_the_handover_and_the_page_offers_common_shifts(shift: None) -> None:
    viewer = browser("viewer")

    assert f'href="{PAGE}"' in html(viewer.get("/admin/"))
    page = html(viewer.get(PAGE))
    for value in ("yesterday", "working_evening"):
        assert f'<option value="{value}"' in page
        assert viewer.get(f"{PAGE}?since={value}").status_code == 200
    assert '<option value="working_evening" selected>' in page, "the default shift begins on the last working day"
    assert '<option value="24h" selected>' in html(viewer.get(f"{PAGE}?since=24h"))
    assert viewer.get(f"{PAGE}?since=2020-01-01").status_code == 404


def test_a_bound_user_and_the_client_filter_show_only_one_client(shift: None) -> None:
    acme, borealis = Client.objects.get(name="Acme"), Client.objects.get(name="Borealis")
    AlertRule.objects.create(client=acme, rule_type="on_failure", channel="slack", destination="#acme")
    bound_browser = Browser()
    bound_browser.force_login(create_bound_user("person", str(borealis.pk)))

    page = html(bound_browser.get(PAGE))
    assert "another client" in page
    assert "Acme" not in page
    assert bound_browser.get(f"{PAGE}?client={acme.pk}").status_code == 404
    acme_page = html(browser("viewer").get(f"{PAGE}?client={acme.pk}"))
    assert "another client" not in acme_page
    assert "disk full" in acme_page


def test_the_page_and_the_markdown_say_how_many_changes_they_leave_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_CHANGES", 2)
    pipeline = add_run("orders", 1, "success")
    for number in range(3):
        api_with_scope("write").patch(f"{ROOT}/pipelines/{pipeline.pk}", {"description": f"change {number}"})

    body = api_with_scope("read").get(f"{ROOT}/handover").json()
    page = html(browser("viewer").get(f"{PAGE}?since=24h"))

    assert (len(body["changes"]), body["change_count"]) == (2, 3)
    assert len(tables(page)["changes"]) == 2
    assert "The first 2 of 3." in page.split('id="changes"')[1].split("</section>")[0]
    assert "The first 2 of 3." in entities.unescape(page).split("## Changes to rules and inventory: 3")[1]


def test_a_handover_of_a_future_shift_is_not_found() -> None:
    query = "?since=custom&since_time=2999-01-01T00:00&as_of=3000-01-01T00:00"
    assert browser("viewer").get(f"{PAGE}{query}").status_code == 404


@pytest.mark.parametrize(("role", "is_offered"), [("viewer", False), ("operator", False), ("administrator", True)])
def test_only_a_user_who_can_make_a_read_token_is_offered_to_make_one(role: str, is_offered: bool) -> None:
    assert ("make one" in html(browser(role).get(PAGE))) is is_offered
