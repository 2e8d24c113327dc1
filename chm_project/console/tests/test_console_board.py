"""The health board: numbers as in the reports, tiles that open their lists, and a fixed number of queries."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chm_project.access.models import Scope
from chm_project.access.services import create_token, revoke_token
from chm_project.console.pages.sections import NO_SUCCESS_HOURS
from chm_project.tests import controlled_seed
from chm_project.tests.api import ROOT, api_with_scope
from chm_project.tests.pages import browser, html, tables, tile_links, tiles
from inventory.models import Client, Pipeline, Platform
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create the controlled seed, with runs dated as if it were created now."""
    monkeypatch.setattr(controlled_seed, "AS_OF", timezone.now().replace(microsecond=0) - timedelta(seconds=1))
    controlled_seed.create_seed()


@pytest.fixture
def viewer() -> Browser:
    return browser("viewer")


def report_requester(board: str, query: str) -> Any:
    """Return a function that requests a report with the moment and the filters of the board."""
    [as_of] = re.findall(r'data-as-of="([^"]+)"', board)
    api, parameters = api_with_scope("read"), dict(re.findall(r"(\w+)=([^&]+)", query))
    if "client" in parameters:
        parameters["client_id"] = parameters.pop("client")

    def request_report(shape: str, **other_parameters: str) -> list[dict[str, Any]]:
        response = api.get(f"{ROOT}/reports/{shape}", parameters | {"as_of": as_of} | other_parameters)
        assert response.status_code == 200, response.content
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    return request_report


def without_fraction(value: str | None) -> str:
    """Return a time of a report without fractions of a second, as in the board's tables; a dash for None."""
    return "–" if value is None else re.sub(r"\.\d+", "", value)


# What the board shows in the column "Since then", by the status of the latest run.
SINCE_THEN = {"canceled": "canceled", "skipped": "skipped"}
QUERIES = ["", "client={acme}", "platform=vendor_api", "environment=prod", "client={acme}&platform=airflow"]


@pytest.mark.parametrize("query", QUERIES)
def test_every_number_of_the_board_equals_its_report(seed: None, viewer: Browser, query: str) -> None:
    query = query.format(acme=Client.objects.get(name="Acme").pk)
    board = html(viewer.get(f"/admin/?{query}"))
    request_report, shown, counts = report_requester(board, query), tables(board), tiles(board)

    failing = request_report("failing_now")
    assert counts["failing"] == len(failing)
    assert [
        [row[0].split()[0], row[2].split()[0], row[3], row[4], row[5].removesuffix(" source ↗")]
        for row in shown.get("failing", [])
    ] == [
        [
            item["pipeline_name"],
            without_fraction(item["failing_since"]),
            str(item["failed_in_a_row"]),
            SINCE_THEN.get(item["latest_status"], "–") if not item["retrying"] else "retrying",
            item["error_message"] or "no error text",
        ]
        for item in failing
    ]
    incidents = request_report("incidents")
    assert counts["incidents"] == len(incidents)
    assert [[row[0], row[1], row[2].split()[0], row[4], row[5]] for row in shown.get("incidents", [])] == [
        [
            item["error_message"],
            Platform(item["platform"]).label,
            without_fraction(item["since"]),
            str(item["pipelines"]),
            item["client_names"],
        ]
        for item in incidents
    ]
    changed = request_report("changes_since_yesterday")
    assert counts["changed"] == len(changed)
    assert [[row[2], row[3], row[4], row[5].split()[0]] for row in shown.get("changed", [])] == [
        [
            item["status_then"] or "none yet",
            item["status_now"],
            item["change"].replace("_", " "),
            without_fraction(item["changed_at"]),
        ]
        for item in changed
    ]
    late = request_report("late_pipelines")
    assert counts["late"] == len(late)
    assert [[row[2], row[3]] for row in shown.get("late", [])] == [
        [without_fraction(item["last_start_at"]), without_fraction(item["expected_at"])] for item in late
    ]
    sources_not_up_to_date = [
        item
        for item in request_report("ingestion_health")
        if item["stale"] or item["failing_ingestion"] or item["never_ingested"] > item["pushed_only"]
    ]
    assert counts["sources"] == len(sources_not_up_to_date)
    assert [row[:6] for row in shown.get("sources", [])] == [
        [item["client_name"], Platform(item["platform"]).label]
        + [str(item[name]) for name in ("pipelines", "stale", "failing_ingestion")]
        + [str(item["never_ingested"] - item["pushed_only"])]
        for item in sources_not_up_to_date
    ]
    pipelines_without_recent_success = [
        item
        for item in request_report("freshness_watchlist")
        if item["hours_since_success"] is None or item["hours_since_success"] >= NO_SUCCESS_HOURS
    ]
    assert counts["fresh"] == len(pipelines_without_recent_success)
    assert [row[3] for row in shown.get("fresh", [])] == [
        str(item["hours_since_success"] or "–") for item in pipelines_without_recent_success
    ]
    assert [[row[2], row[3], row[5]] for row in shown.get("flaky", [])] == [
        [str(item[name]) for name in ("failure_count", "total_runs", "flips")]
        for item in request_report("top_flaky_pipelines", order="flips")
    ]
    assert [[row[0], int(row[1])] for row in shown.get("failures", [])] == [
        [without_fraction(item["ts_bucket"]), item["failed_runs"]] for item in request_report("failures_over_time")
    ]
    first_midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=29)
    days = request_report("daily_success", since=first_midnight.isoformat())
    assert [row[:4] for row in shown.get("success", [])] == [
        [item["day"], *(str(item[name]) for name in ("runs", "success", "failed"))] for item in days
    ]


def test_the_seed_has_rows_for_every_list(seed: None, viewer: Browser) -> None:
    shown = tables(html(viewer.get("/admin/")))
    assert {name for name, rows in shown.items() if rows} >= {
        "incidents", "failing", "changed", "late", "sources", "fresh", "flaky", "firing", "failures", "success",
    }  # fmt: skip


def test_the_board_and_the_api_list_the_same_firing_rules(seed: None, viewer: Browser) -> None:
    firing = api_with_scope("read").get(f"{ROOT}/alert_rules/firing").json()["items"]
    board = html(viewer.get("/admin/"))
    assert tiles(board)["firing"] == len(firing) > 0
    assert {rule["id"] for rule in firing} == set(re.findall(r"alertrule/([0-9a-f-]{36})/", board))


@pytest.mark.parametrize("query", ["", "?environment=prod"])
def test_a_tile_counts_the_rows_of_the_list_that_it_opens(seed: None, viewer: Browser, query: str) -> None:
    RunFactory.create_batch(3, status="running", finished_at=None, started_at=timezone.now())
    board = html(viewer.get(f"/admin/{query}"))
    for key, url in tile_links(board).items():
        assert url.endswith(query)
        page = html(viewer.get(url))
        assert len(tables(page).get(key, [])) == tiles(board)[key], key


def test_a_long_list_is_shortened_on_the_board_and_complete_on_its_own_page(viewer: Browser) -> None:
    for number in range(60):
        RunFactory.create(status="failed", pipeline__name=f"nightly {number:02}")
    board = html(viewer.get("/admin/"))
    url = tile_links(board)["failing"]
    assert tiles(board)["failing"] == 60
    assert len(tables(board)["failing"]) == 15
    assert f'href="{url}">All 60<' in board

    names = [
        row[0].split(" client ")[0]
        for page in "12"
        for row in tables(html(viewer.get(f"{url}?page={page}")))["failing"]
    ]
    assert sorted(names) == [f"nightly {number:02}" for number in range(60)]


@pytest.mark.parametrize("page", ["0", "-1", "1.5", "x", "100001", "1" * 5000])
def test_an_invalid_page_number_shows_the_first_page(viewer: Browser, page: str) -> None:
    RunFactory.create(status="failed", pipeline__name="nightly")

    assert len(tables(html(viewer.get(f"/admin/console/list/failing/?page={page}")))["failing"]) == 1


def test_a_run_that_takes_three_times_as_long_as_usual_is_running_long(viewer: Browser) -> None:
    now = timezone.now()
    slow, usual = PipelineFactory.create(name="slow"), PipelineFactory.create(name="usual")
    for pipeline, minutes in ((slow, 61), (usual, 59)):
        for day in range(1, 6):
            RunFactory.create(
                pipeline=pipeline, started_at=now - timedelta(days=day), duration_seconds=1200,
                finished_at=now - timedelta(days=day) + timedelta(minutes=20),
            )  # fmt: skip
        RunFactory.create(
            pipeline=pipeline, status="running", started_at=now - timedelta(minutes=minutes), finished_at=None
        )
    [row] = tables(html(viewer.get("/admin/")))["long"]
    assert row[0].startswith("slow ")
    assert row[3:5] == ["1 h 1 min", "20 min"]


def test_a_source_is_listed_if_its_ingestion_is_overdue_failing_or_never_finished(viewer: Browser) -> None:
    RunFactory.create(pipeline__external_id=None)  # an installation without a run has no board
    now = timezone.now()
    up_to_date = {"last_ingest_at": now, "ingest_due_at": now + timedelta(hours=1), "last_ingest_error": None}
    fields_by_client_name: dict[str, dict[str, Any]] = {
        "fine": {},
        "failing": {"last_ingest_error": "GET /runs answered 503"},
        "overdue": {"ingest_due_at": now - timedelta(minutes=1)},
        "never": {"last_ingest_at": None, "ingest_due_at": None},
    }
    for name, fields in fields_by_client_name.items():
        PipelineFactory.create(client__name=name, **up_to_date | fields)
    assert [row[0] for row in tables(html(viewer.get("/admin/")))["sources"]] == ["failing", "never", "overdue"]


def test_a_pipeline_is_listed_after_24_hours_without_a_success(viewer: Browser) -> None:
    now = timezone.now()
    for hours in (23, 25):
        run_time = now - timedelta(hours=hours)
        RunFactory.create(pipeline__name=f"{hours} hours", started_at=run_time, finished_at=run_time)
    PipelineFactory.create(name="never")
    shown = tables(html(viewer.get("/admin/")))["fresh"]
    assert [(row[0].split(" client ")[0], row[3]) for row in shown] == [("never", "–"), ("25 hours", "25.0")]


def test_a_strip_shows_the_last_thirty_runs_of_each_pipeline_oldest_first(viewer: Browser) -> None:
    now = timezone.now()
    pipeline = PipelineFactory.create()
    runs = [
        RunFactory.create(
            pipeline=pipeline, status="failed" if number == 34 else "success",
            started_at=now - timedelta(hours=35 - number), finished_at=None, duration_seconds=60 * number,
        )
        for number in range(35)
    ]  # fmt: skip
    board = html(viewer.get("/admin/"))
    strip = board[board.index('<svg class="chm-strip"') : board.index("</svg>", board.index('<svg class="chm-strip"'))]
    assert re.findall(r"run/([0-9a-f-]{36})/", strip) == [str(run.pk) for run in runs[5:]]
    assert "Last 30 runs, oldest first: 29 success, 1 failed; the latest is failed" in strip
    assert strip.count("chm-fill-failed") == 1
    assert f"<title>failed, {runs[-1].started_at:%Y-%m-%d %H:%M:%S} UTC, 34 min</title>" in strip


def test_a_disabled_client_is_not_on_the_board(viewer: Browser) -> None:
    run = RunFactory.create(status="failed")
    assert tiles(html(viewer.get("/admin/")))["failing"] == 1
    Client.objects.filter(pk=run.pipeline.client_id).update(is_active=False)
    board = html(viewer.get("/admin/"))
    assert tiles(board)["failing"] == 0
    assert "Nothing is failing." not in board
    assert "No pipeline yet." in board


def test_the_board_of_a_disabled_client_shows_that_it_is_not_checked(viewer: Browser) -> None:
    run = RunFactory.create(status="failed", pipeline__client__name="Northwind", pipeline__client__is_active=False)
    RunFactory.create()
    for url in (
        f"/admin/?client={run.pipeline.client_id}",
        f"/admin/console/list/fresh/?client={run.pipeline.client_id}",
    ):
        page = html(viewer.get(url))
        assert "Northwind is disabled: CHM does not ingest its pipelines, and does not check" in page
        assert "Not checked." in page
        assert "Everything has succeeded" not in page

    client = html(viewer.get(f"/admin/console/client/{run.pipeline.client_id}/"))
    assert "✓ No active pipeline" not in client
    assert "only active pipelines count here, and this client has none" in client
    assert "not ingested" in client


def steps_done(page: str) -> list[bool]:
    """Return for each step of the first start whether it is marked as done."""
    return ["chm-done" in each for each in re.findall(r'<li class="([^"]*)" data-step', page)]


def test_an_installation_without_runs_shows_setup_steps_and_never_a_green_board() -> None:
    administrator = browser("administrator")

    def board() -> str:
        page = html(administrator.get("/admin/"))
        assert "Everything has succeeded" not in page
        assert "Nothing is failing" not in page
        return page

    first_page = board()
    assert steps_done(first_page) == [False, False, False, False]
    for url in ("inventory/client/add/", "inventory/pipeline/import/", "access/apitoken/add/"):
        assert f'href="/admin/{url}"' in first_page
    assert 'data-refresh="5"' in first_page
    client = ClientFactory.create()
    assert steps_done(board()) == [True, False, False, False]
    pipeline = PipelineFactory.create(client=client)
    assert steps_done(board()) == [True, True, False, False]
    token, _ = create_token(name="jobs", scope=Scope.INGEST, pipeline_id=pipeline.pk)
    assert steps_done(board()) == [True, True, True, False]
    revoke_token(token=token)
    assert steps_done(board()) == [True, True, False, False]

    RunFactory.create(pipeline=pipeline)

    page = html(administrator.get("/admin/"))
    assert steps_done(page) == []
    assert 'data-tile="failing"' in page


def test_a_configured_connection_completes_its_setup_step_and_viewers_get_no_links(
    settings: Any, viewer: Browser
) -> None:
    settings.CHM_PARTNER_API_BASE_URL = "http://127.0.0.1:9"
    page = html(viewer.get("/admin/"))
    assert steps_done(page) == [False, False, True, False]
    assert "/add/" not in page


def test_a_board_without_active_pipelines_does_not_report_success(viewer: Browser) -> None:
    RunFactory.create(pipeline__is_active=False, pipeline__platform="dbt")
    board = html(viewer.get("/admin/"))
    assert "Everything has succeeded" not in board
    PipelineFactory.create(platform="dbt")
    assert "No active pipeline matches these filters." in html(viewer.get("/admin/?platform=cron"))


def test_a_pipeline_that_only_receives_pushed_runs_is_not_listed_under_sources(viewer: Browser) -> None:
    pushed = RunFactory.create(pipeline__external_id="warehouse/orders", pipeline__client__name="pushed").pipeline
    PipelineFactory.create(external_id="waits", client__name="waits")
    board = html(viewer.get("/admin/"))
    assert [row[0] for row in tables(board)["sources"]] == ["waits"]
    assert "pushed, not read from a source" in html(viewer.get(f"/admin/console/pipeline/{pushed.pk}/"))
    assert ">pushed<" in " ".join(html(viewer.get("/admin/inventory/pipeline/")).split()).replace(
        "> pushed <", ">pushed<"
    )


def test_a_disabled_client_can_still_be_selected_in_the_url(viewer: Browser) -> None:
    client = ClientFactory.create(name="Northwind", is_active=False)
    board = html(viewer.get(f"/admin/?client={client.pk}"))
    assert f'<option value="{client.pk}" selected>Northwind (disabled)</option>' in board


def test_a_url_with_an_unknown_filter_value_is_not_found(viewer: Browser) -> None:
    for query in ("platform=cobol", "environment=moon", "client=nobody", f"client={uuid4()}"):
        assert viewer.get(f"/admin/?{query}").status_code == 404
    assert viewer.get("/admin/console/list/nothing/").status_code == 404


def test_the_number_of_queries_of_the_board_does_not_depend_on_its_rows(seed: None, viewer: Browser) -> None:
    html(viewer.get("/admin/"))  # fills caches of Django, such as content types
    with CaptureQueriesContext(connection) as queries_with_few_rows:
        html(viewer.get("/admin/"))
    for number in range(25):
        RunFactory.create(status="failed", pipeline__name=f"nightly {number}")
    with CaptureQueriesContext(connection) as queries_with_many_rows:
        html(viewer.get("/admin/"))

    queries = [
        query["sql"] for query in queries_with_many_rows if not re.match(r"SET LOCAL|SAVEPOINT|RELEASE", query["sql"])
    ]
    # 6: session, user, permissions of the user and of the roles, bindings, "my clients". 1: clients of the filter.
    # 1: candidates for the sections. 10: shapes. 1: pipelines of incidents. 1: open runs. 2: firing rules and their
    # rows. 1: strips. 1: whether any pipeline is active. 1: whether any run exists.
    assert len(queries) == 6 + 1 + 1 + 10 + 1 + 1 + 2 + 1 + 1 + 1
    assert len(queries_with_many_rows) == len(queries_with_few_rows)
    assert Run.objects.count() > 60
    assert Pipeline.objects.count() > 25


def test_a_failing_pipeline_links_to_its_failed_run_at_the_source(seed: None, viewer: Browser) -> None:
    board = html(viewer.get("/admin/"))

    assert 'href="https://airflow.example/dags/orders/runs/run%206" target="_blank" rel="noopener noreferrer"' in board
