"""The pages of a client, a pipeline and a run: what they show, to which roles, and that texts are escaped."""

import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from alerting.models import AlertRule
from chm_project.console.pages import client_report
from chm_project.console.pages import pipeline as pipeline_page
from chm_project.console.pages.pipeline import percentile
from chm_project.console.pages.sections import SECTIONS
from chm_project.settings.version import VERSION
from chm_project.tests.api import ROOT, api_with_scope
from chm_project.tests.pages import (
    browser,
    client_url,
    create_hourly_runs,
    html,
    pipeline_url,
    run_url,
    tables,
)
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7 }} {% now 'Y' %}"


@pytest.fixture
def viewer() -> Browser:
    return browser("viewer")


def test_two_clicks_lead_from_the_board_to_the_error_text_of_a_run(viewer: Browser) -> None:
    pipeline = PipelineFactory.create(name="orders load")
    *_, failed = create_hourly_runs(
        pipeline, "success", "failed", error_message="relation staging.orders does not exist"
    )

    board = html(viewer.get("/admin/"))
    assert "relation staging.orders does not exist" in board
    assert f'href="{pipeline_url(pipeline)}"' in board
    page = html(viewer.get(pipeline_url(pipeline)))
    assert f'href="{run_url(failed)}"' in page
    assert "relation staging.orders does not exist" in html(viewer.get(run_url(failed)))


def test_a_client_page_lists_its_pipelines_and_their_latest_status(viewer: Browser) -> None:
    client = ClientFactory.create(name="Northwind")
    fine, broken = (PipelineFactory.create(client=client, name=name) for name in ("fine", "broken"))
    silent = PipelineFactory.create(client=client, name="silent", is_active=False)
    create_hourly_runs(fine, "failed", "success")
    create_hourly_runs(broken, "success", "failed", "failed", error_message="no space left")
    summary = api_with_scope("read").get(f"{ROOT}/clients/{client.pk}/runs/summary").json()

    page = html(viewer.get(client_url(client)))

    shown = tables(page)
    latest = {row["pipeline_name"]: row["latest_status"] for row in summary["latest_by_pipeline"]}
    assert {row[0].split()[0]: row[2] for row in shown["pipelines"]} == latest | {"silent": "none yet"}
    assert "disabled" in next(row[0] for row in shown["pipelines"] if silent.name in row[0])
    assert "Not ingested" not in page


def test_a_client_page_shows_errors_of_ingestion_also_if_the_connections_file_is_faulty(
    viewer: Browser, settings: Settings
) -> None:
    settings.CHM_CONNECTIONS_FILE = "/nowhere/connections.toml"
    pipeline = PipelineFactory.create(last_ingest_error="401 Unauthorized")

    page = html(viewer.get(client_url(pipeline.client)))

    assert "No connection can be used" in page
    assert "401 Unauthorized" in page


def test_the_pipelines_of_a_client_are_shown_on_several_pages(viewer: Browser) -> None:
    client = ClientFactory.create()
    for number in range(60):
        PipelineFactory.create(client=client, name=f"p{number:02}")
    names = [
        row[0].split()[0]
        for number in "12"
        for row in tables(html(viewer.get(f"{client_url(client)}?page={number}")))["pipelines"]
    ]
    assert names == [f"p{number:02}" for number in range(60)]


def test_a_pipeline_page_shows_the_median_and_the_95th_percentile(viewer: Browser) -> None:
    pipeline = PipelineFactory.create()
    create_hourly_runs(pipeline, *["success"] * 20)  # 1 to 20 minutes, 1,000 to 20,000 rows

    page = html(viewer.get(pipeline_url(pipeline)))

    assert "Median <strong>10 min 30 s</strong>" in page
    assert "p95 <strong>19 min 3 s</strong>" in page
    assert "Median <strong>10,500</strong>" in page
    assert "p95 <strong>19,050</strong>" in page
    assert page.count("chm-line-median") == page.count("chm-line-p95") == 2
    assert len(tables(page)["runs"]) == 20


def test_a_pipeline_page_links_to_all_its_runs(viewer: Browser) -> None:
    [run] = create_hourly_runs(PipelineFactory.create(), "success")
    [other] = create_hourly_runs(PipelineFactory.create(), "success")
    [url] = re.findall(r'href="([^"]+)">All runs of this pipeline', html(viewer.get(pipeline_url(run.pipeline))))
    listed = html(viewer.get(url))
    assert run_url(run) in listed
    assert run_url(other) not in listed


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([7], 0.95, 7), ([1, 2], 0.5, 1.5), ([3, 1, 2], 0.5, 2), (list(range(101)), 0.95, 95)],
)
def test_percentiles_are_interpolated_between_the_nearest_values(
    values: list[float], share: float, expected: float | None
) -> None:
    assert percentile(values, share) == expected


def test_errors_that_differ_only_in_numbers_are_one_cause(viewer: Browser) -> None:
    pipeline = PipelineFactory.create()
    create_hourly_runs(pipeline, "failed", error_message="Timeout after 30 s on 10.0.0.7:5432")
    [newest] = create_hourly_runs(pipeline, "failed", error_message="timeout after 31 s on 10.0.0.9:5432\nDETAIL: …")
    create_hourly_runs(pipeline, "failed", error_message=None, status_reason="unknown status word")
    Run.objects.filter(pk=newest.pk).update(finished_at=timezone.now())

    groups = tables(html(viewer.get(pipeline_url(pipeline))))["failures"]

    assert [row[:2] for row in groups] == [
        ["2", "timeout after 31 s on 10.0.0.9:5432"], ["1", "unknown status word"],
    ]  # fmt: skip


def test_errors_that_differ_only_in_ids_and_times_are_one_cause_and_other_errors_are_separate(viewer: Browser) -> None:
    pipeline = PipelineFactory.create()
    for text in [f"run {uuid4()} failed at 2026-11-20T10:00:0{number}" for number in range(5)] + ["disk full"]:
        create_hourly_runs(pipeline, "failed", error_message=text)

    groups = tables(html(viewer.get(pipeline_url(pipeline))))["failures"]

    assert [row[0] for row in groups] == ["5", "1"]


def test_pages_say_how_many_causes_and_rules_they_leave_out(viewer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_page, "MAX_CAUSES", 1)
    monkeypatch.setattr(pipeline_page, "MAX_RULES", 2)
    monkeypatch.setattr(client_report, "MAX_RULES", 2)
    pipeline = PipelineFactory.create()
    for text in ("disk full", "quota exceeded", "no route to host"):
        create_hourly_runs(pipeline, "failed", error_message=text)
    for number in range(3):
        AlertRule.objects.create(
            pipeline=pipeline, rule_type="on_failure", channel="slack", destination=f"#channel-{number}"
        )

    page = html(viewer.get(pipeline_url(pipeline)))
    page_of_client = html(viewer.get(client_url(pipeline.client)))

    assert len(tables(page)["failures"]) == 1
    assert "The 1 most frequent of 3." in page
    assert "#channel-1" in page
    assert "#channel-2" not in page
    assert "The oldest 2 of 3." in page
    assert len(tables(page_of_client)["rules"]) == 2
    assert "The oldest 2 of 3." in page_of_client


def test_a_pipeline_page_shows_its_rules_and_when_they_would_have_fired(viewer: Browser) -> None:
    pipeline = PipelineFactory.create()
    create_hourly_runs(pipeline, "success", "failed", "success", "failed")
    pipeline_rule = AlertRule.objects.create(
        pipeline=pipeline, rule_type="on_failure", channel="slack", destination="#own"
    )
    AlertRule.objects.create(client=pipeline.client, rule_type="on_failure", channel="slack", destination="#client")
    AlertRule.objects.create(pipeline=PipelineFactory.create(client=pipeline.client), rule_type="on_failure",
                             channel="slack", destination="#another")  # fmt: skip
    since = (timezone.now() - timedelta(days=30)).isoformat()
    spans = (
        api_with_scope("read").get(f"{ROOT}/alert_rules/{pipeline_rule.pk}/preview", {"since": since}).json()["items"]
    )

    page = html(viewer.get(pipeline_url(pipeline)))

    assert len(spans) == 2
    assert page.count("Would have fired <strong>2</strong> times in the last 30 days") == 2
    assert page.count("fires now") == 2
    assert "#own" in page
    assert "#client" in page
    assert "#another" not in page


def test_a_new_rule_is_shown_with_its_preview_at_once() -> None:
    pipeline = PipelineFactory.create()
    create_hourly_runs(pipeline, "failed", "success")
    analyst = browser("analyst")

    page = analyst.post(
        "/admin/alerting/alertrule/add/",
        {"pipeline": str(pipeline.pk), "client": "", "rule_type": "on_failure", "channel": "slack",
         "destination": "#new", "is_enabled": "on", "_save": "Save"},
        follow=True,
    )  # fmt: skip

    assert "Would have fired <strong>1</strong> time in the last 30 days" in html(page)
    assert AlertRule.objects.get().destination == "#new"


def test_a_run_page_shows_all_fields_and_links_to_the_runs_before_and_after(viewer: Browser) -> None:
    pipeline = PipelineFactory.create()
    first, second, third = create_hourly_runs(
        pipeline, "success", "failed", "running", payload={"dag": {"try": 2, "ok": None}}
    )
    Run.objects.filter(pk=second.pk).update(error_message="line one\nline two", status_reason="broke off")

    page = html(viewer.get(run_url(second)))

    assert f'rel="prev" href="{run_url(first)}"' in page
    assert f'rel="next" href="{run_url(third)}"' in page
    text = unescape(re.sub(r"<[^>]+>", "", page))
    for shown in ("line one\nline two", "broke off", second.external_run_id, str(second.pk), "2,000", "2 min"):
        assert shown in text, shown
    assert '{\n  "dag": {\n    "ok": null,\n    "try": 2\n  }\n}' in text
    assert page.index("<details>") < page.index("chm-json-key") < page.index("</details>")
    assert "This is the latest run." in html(viewer.get(run_url(third)))
    assert 'rel="prev"' not in html(viewer.get(run_url(first)))


def test_runs_without_a_start_come_before_runs_with_a_start(viewer: Browser) -> None:
    pipeline = PipelineFactory.create()
    [run_with_start] = create_hourly_runs(pipeline, "success")
    runs_without_start = [RunFactory.create(pipeline=pipeline, started_at=None, finished_at=None) for _ in range(2)]

    page = html(viewer.get(run_url(runs_without_start[1])))

    assert f'rel="next" href="{run_url(run_with_start)}"' in page
    assert f'rel="prev" href="{run_url(runs_without_start[0])}"' in page


def test_pages_of_unknown_objects_are_not_found(viewer: Browser) -> None:
    for url in (
        reverse("console:client", args=[uuid4()]), reverse("console:pipeline", args=[uuid4()]),
        reverse("admin:runs_run_change", args=[uuid4()]), reverse("admin:runs_run_change", args=["nothing"]),
    ):  # fmt: skip
        assert viewer.get(url).status_code == 404, url


class _PageParser(HTMLParser):
    """Collect the names of attributes, the values of `src`, and the text of scripts, as a browser would parse them."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[str] = []
        self.sources: list[str | None] = []
        self.scripts = ""
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [name for name, _ in attrs]
        self.sources += [value for name, value in attrs if name == "src"]
        self._script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts += data


def create_hostile_objects() -> list[str]:
    """Create objects with hostile texts; return the URL of each page that shows one of them."""
    now = timezone.now()
    client = ClientFactory.create(name=f"client {HOSTILE}")
    pipeline = PipelineFactory.create(
        client=client, name=f"pipeline {HOSTILE}", external_id=f"id {HOSTILE}", description=HOSTILE,
        last_ingest_error=HOSTILE, last_ingest_at=now, ingest_due_at=now - timedelta(hours=1),
    )  # fmt: skip
    destination = "#" + HOSTILE.replace(" ", "")
    rule = AlertRule.objects.create(client=client, rule_type="on_failure", channel="slack", destination=destination)
    for number in range(1, 13):
        RunFactory.create(pipeline=pipeline, started_at=now - timedelta(days=number, hours=1), finished_at=None)
    run = RunFactory.create(
        pipeline=pipeline, status="failed", external_run_id=f"run {HOSTILE}", error_message=HOSTILE,
        status_reason=HOSTILE, payload={HOSTILE: [HOSTILE, {"a\\\"b": HOSTILE}]}, started_at=now - timedelta(hours=20),
        finished_at=now - timedelta(hours=19),
    )  # fmt: skip
    RunFactory.create(pipeline__client=client, status="running", started_at=now - timedelta(hours=9), finished_at=None)
    lists = [reverse("console:list", args=[key]) for key in SECTIONS]
    changelists = ["inventory/client", "inventory/pipeline", "runs/run", "alerting/alertrule"]
    return [
        "/admin/", client_url(client), pipeline_url(pipeline), run_url(run), *lists,
        f"/admin/?client={client.pk}",
        reverse("admin:alerting_alertrule_change", args=[rule.pk]),
        reverse("admin:inventory_client_change", args=[client.pk]),
        reverse("admin:inventory_pipeline_change", args=[pipeline.pk]),
        *[f"/admin/{name}/" for name in changelists],
    ]  # fmt: skip


def test_hostile_names_errors_and_payloads_are_escaped_on_every_page() -> None:
    administrator, pages_with_text = browser("administrator"), 0
    for url in create_hostile_objects():
        page = html(administrator.get(url))
        elements = _PageParser()
        elements.feed(page)
        assert "alert(" not in elements.scripts, url
        assert "onerror" not in elements.attributes, url
        assert "x" not in elements.sources, url
        assert "{{ 7 }}" in page or HOSTILE[:8] not in unescape(page), url
        pages_with_text += HOSTILE in unescape(re.sub(r"<[^>]+>", "", page))
    assert pages_with_text >= 10


def test_labels_of_read_only_fields_are_plain_words() -> None:
    pipeline, administrator = PipelineFactory.create(), browser("administrator")
    rows: list[Client | Pipeline] = [pipeline, pipeline.client]
    for row in rows:
        page = html(administrator.get(reverse(f"admin:inventory_{row._meta.model_name}_change", args=[row.pk])))
        labels = re.findall(r"<label[^>]*>\s*([^<]+?)\s*</label>", page)
        assert {"Active", "Id in CHM", "Created", "Updated"} <= set(labels)
        assert not [label for label in labels if re.search(r"^Is | at$| url|^Id$", label)]


BUTTONS_BY_ROLE = {
    "viewer": set(),
    "analyst": {"Edit pipeline"},
    "operator": {"Ingest now"},
    "administrator": {"Edit pipeline", "Ingest now"},
}


@pytest.mark.parametrize("role", BUTTONS_BY_ROLE)
def test_a_role_sees_only_the_buttons_that_it_may_use(role: str) -> None:
    pipeline = PipelineFactory.create()
    person = browser(role)

    page = html(person.get(pipeline_url(pipeline)))

    assert {button for button in ("Edit pipeline", "Ingest now") if button in page} == BUTTONS_BY_ROLE[role]
    assert html(person.get(client_url(pipeline.client)))
    links = set(re.findall(r'href="(/admin/[^"#?]*)', page))
    for url in links - {"/admin/logout/"}:
        assert person.get(url).status_code in {200, 302}, url
    if "Ingest now" not in BUTTONS_BY_ROLE[role]:
        assert person.post(f"{pipeline_url(pipeline)}ingest/").status_code == 403


def test_a_person_without_a_role_sees_no_data() -> None:
    RunFactory.create(status="failed", pipeline__name="secret pipeline")
    person = browser("viewer")
    User.objects.get(username="a viewer").groups.clear()
    assert "secret pipeline" not in html(person.get("/admin/"))
    assert person.get(reverse("console:list", args=["failing"])).status_code == 403
    assert person.get(client_url(Client.objects.get())).status_code == 403
    assert person.get(run_url(Run.objects.get())).status_code == 403


def test_every_page_shows_the_zone_of_its_times_and_the_version_in_its_footer() -> None:
    run, analyst = RunFactory.create(), browser("analyst")
    footer = f"Times in <span data-zone-name>UTC</span> · CHM {VERSION}</footer>"
    for url in ("/admin/", run_url(run), "/admin/runs/run/", f"/admin/runs/run/{run.pk}/change/"):
        assert footer in html(analyst.get(url, follow=True)), url


def test_every_page_requires_a_login() -> None:
    run = RunFactory.create()
    for url in (
        "/admin/", client_url(run.pipeline.client), pipeline_url(run.pipeline), run_url(run),
        reverse("console:list", args=["failing"]),
    ):  # fmt: skip
        response = Browser().get(url)
        assert response.status_code == 302
        assert "/admin/login/" in response["Location"]


@pytest.mark.parametrize("fields", [{"is_active": False}, {"client__is_active": False}, {"external_id": None}])
def test_a_pipeline_that_is_not_ingested_has_no_ingest_button(fields: dict[str, Any]) -> None:
    pipeline = PipelineFactory.create(**fields)
    assert "Ingest now" not in html(browser("operator").get(pipeline_url(pipeline)))


def test_a_pipeline_that_only_receives_pushed_runs_has_no_ingest_button() -> None:
    pushed, waiting = PipelineFactory.create(), PipelineFactory.create()
    create_hourly_runs(pushed, "success")
    operator = browser("operator")

    assert "Ingest now" not in html(operator.get(pipeline_url(pushed)))
    assert "Ingest now" in html(operator.get(pipeline_url(waiting)))


def test_ingest_now_queues_an_ingestion_and_the_page_shows_its_state(settings: Settings) -> None:
    settings.CHM_PARTNER_API_BASE_URL = "http://127.0.0.1:9"
    pipeline = PipelineFactory.create()
    operator = browser("operator")
    try:
        started = operator.post(f"{pipeline_url(pipeline)}ingest/")
        assert started.status_code == 302
        page = html(operator.get(started["Location"]))
    finally:
        current_app.control.purge()

    assert "Ingestion queued" in page
    assert 'data-refresh="2"' in page
    assert operator.get(f"{pipeline_url(pipeline)}ingest/").status_code == 405


def test_ingest_now_is_disabled_with_the_reason_if_no_connection_selects_the_pipeline(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "connections.toml"
    settings.CHM_CONNECTIONS_FILE = str(file)
    pipeline, operator = PipelineFactory.create(), browser("operator")
    for content, reason in (
        (None, "The web server has no usable connection."),
        ('pipelines = { clients = ["Nobody"] }', "No connection selects this pipeline. The connections are: other."),
        (f'pipelines = {{ clients = ["{pipeline.client.name}"] }}', ""),
    ):
        if content:
            file.write_text(
                '[connections.other]\nconnector = "generic"\nbase_url = "https://partner.example"\n'
                f'auth = {{ kind = "bearer", secret_env = "NOT_SET" }}\n{content}\n'
            )
        page = html(operator.get(pipeline_url(pipeline)))
        [button] = re.findall(r"<button [^>]*>Ingest now", page)
        assert ("disabled" in button) == bool(reason), content
        assert reason in page
        if reason:
            refused = html(operator.post(f"{pipeline_url(pipeline)}ingest/", follow=True))
            assert f"Nothing was started. {reason}" in refused


def test_run_and_pipeline_pages_link_to_the_source_only_if_its_address_is_known(viewer: Browser) -> None:
    linked = PipelineFactory.create(
        source_url="https://airflow.example/dags/a",
        source_url_template='https://airflow.example/dags/a/runs/{run_id}?x="1"&y=2',
    )
    unlinked = PipelineFactory.create()
    run, other = (RunFactory.create(pipeline=pipeline, external_run_id="r 1") for pipeline in (linked, unlinked))

    pages = [
        html(viewer.get(pipeline_url(linked))),
        html(viewer.get(run_url(run))),
    ]
    pages_without_source = [
        html(viewer.get(pipeline_url(unlinked))),
        html(viewer.get(run_url(other))),
    ]

    assert 'href="https://airflow.example/dags/a" target="_blank" rel="noopener noreferrer"' in pages[0]
    assert 'href="https://airflow.example/dags/a/runs/r%201?x=&quot;1&quot;&amp;y=2"' in pages[1]
    assert all("Open at the source" not in page for page in pages_without_source)
