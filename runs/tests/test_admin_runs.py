"""The list of runs in the console: pages, search, filters, sorting, and queries that never read all runs."""

import csv
import io
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs import run_list_pages
from runs.models import Run, Status
from runs.run_period import start_of_period
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

RUNS_URL = "/admin/runs/run/"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def browser(client: Browser) -> Browser:
    client.force_login(User.objects.create_superuser("admin"))
    return client


def listed_ids(browser: Browser, query: str = "") -> list[str]:
    return [run.external_run_id for run in open_list(browser, query).result_list]


def open_list(browser: Browser, query: str = "") -> Any:
    response = browser.get(f"{RUNS_URL}{query}")
    assert response.status_code == 200, query
    return response.context["cl"]


def create_history(number: int, **fields: Any) -> list[str]:
    """Create runs that are one hour apart. Every third run has the same time as the previous run.

    Return ids, newest first.
    """
    pipeline = fields.pop("pipeline", None) or PipelineFactory.create()
    ids = [f"r{place:04}" for place in range(number)]
    for place, run_id in enumerate(ids):
        moment = NOON - timedelta(hours=place - (place % 3 == 2))
        RunFactory.create(pipeline=pipeline, external_run_id=run_id, started_at=moment, finished_at=moment, **fields)
    return [run.external_run_id for run in Run.objects.order_by("-event_at", "-id")]


@pytest.mark.parametrize("filters", ["", "client", "status__exact=success"])
def test_the_links_older_and_newer_show_every_run_once_in_both_directions(browser: Browser, filters: str) -> None:
    expected = create_history(230)
    if filters == "client":
        filters = f"pipeline__client__id__exact={Client.objects.get().pk}"

    pages = [open_list(browser, f"?{filters}")]
    while query := pages[-1].older_page:
        pages.append(open_list(browser, query))

    assert [run.external_run_id for page in pages for run in page.result_list] == expected
    assert [len(page.result_list) for page in pages] == [100, 100, 30]
    assert pages[0].newer_page is None
    back = open_list(browser, pages[2].newer_page)
    assert [run.pk for run in back.result_list] == [run.pk for run in pages[1].result_list]
    first = open_list(browser, back.newer_page)
    assert [run.pk for run in first.result_list] == [run.pk for run in pages[0].result_list]
    assert first.newer_page is None


def test_the_link_older_finds_every_run_of_a_rare_status(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_list_pages, "MAX_SCANNED_RUNS", 20)
    create_history(50)
    pipeline = Pipeline.objects.get()
    rare_ids = [
        RunFactory.create(
            pipeline=pipeline,
            external_run_id=f"rare-{hours}",
            status=Status.SKIPPED,
            finished_at=NOON - timedelta(hours=hours),
        ).external_run_id
        for hours in (3, 30, 49)
    ]
    expected = [run.external_run_id for run in Run.objects.order_by("-event_at", "-id")]

    page, steps, ids = open_list(browser, "?status__exact=skipped"), 0, []
    while True:
        ids += [run.external_run_id for run in page.result_list]
        assert page.older_page is None or page.scanned_to
        if page.older_page is None:
            break
        page, steps = open_list(browser, page.older_page), steps + 1

    assert ids == rare_ids
    assert steps == 2

    page = open_list(browser, "?status__exact=success")
    ids = [run.external_run_id for run in page.result_list]
    while page.older_page:
        page = open_list(browser, page.older_page)
        ids += [run.external_run_id for run in page.result_list]
    assert ids == [name for name in expected if name not in rare_ids]


def test_a_page_that_searched_only_some_runs_shows_how_far_it_searched(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_history(30)
    assert "continues the search" not in browser.get(f"{RUNS_URL}?status__exact=failed").content.decode()

    monkeypatch.setattr(run_list_pages, "MAX_SCANNED_RUNS", 20)
    page = browser.get(f"{RUNS_URL}?status__exact=failed").content.decode()

    assert re.search(r"Searched 20 runs, as far as <time[^>]+>2026-02-28 17:00 UTC", page)


def test_a_run_is_found_by_its_id_or_by_the_beginning_of_its_id(browser: Browser) -> None:
    for name in ("scheduled__2026-03-01", "scheduled__2026-03-02", "Scheduled", "manual_%", "été"):
        RunFactory.create(external_run_id=name)
    run = RunFactory.create(external_run_id="by-its-own-id")

    assert listed_ids(browser, "?q=scheduled__2026-03-02") == ["scheduled__2026-03-02"]
    assert set(listed_ids(browser, "?q=scheduled")) == {"scheduled__2026-03-01", "scheduled__2026-03-02"}
    assert listed_ids(browser, "?q=manual_%25") == ["manual_%"]
    assert listed_ids(browser, "?q=%25") == []
    assert listed_ids(browser, "?q=%C3%A9t") == ["été"]
    assert listed_ids(browser, f"?q={run.pk}") == ["by-its-own-id"]
    assert listed_ids(browser, f"?q=scheduled&pipeline__id__exact={run.pipeline_id}") == []


def test_a_run_is_found_by_its_pipeline_its_client_and_its_error_text(browser: Browser) -> None:
    def create_run(name: str, client: str = "Acme", **fields: Any) -> None:
        RunFactory.create(external_run_id=name, pipeline__name=f"{name} load", pipeline__client__name=client, **fields)

    create_run("orders")
    create_run("stock", "Northwind", status="failed", error_message="relation staging.Orders does not exist")
    create_run("sales", "Contoso", status="failed", error_message="no space left on device")
    create_run("fine", "Fabrikam", status="success", error_message="no space is needed")

    assert set(listed_ids(browser, "?q=orders")) == {"orders", "stock"}
    assert listed_ids(browser, "?q=orders+load") == ["orders"]
    assert listed_ids(browser, "?q=northwind") == ["stock"]
    assert listed_ids(browser, "?q=no+space") == ["sales"]
    assert listed_ids(browser, "?q=orders&status__exact=failed") == ["stock"]
    assert listed_ids(browser, "?q=%25") == listed_ids(browser, "?q=nothing+like+it") == []


def test_a_search_is_paged_in_the_order_of_the_list(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a search finds few pipelines, their runs are read one pipeline at a time.

    If the search finds many pipelines, a page scans at most MAX_SCANNED_RUNS runs.
    """
    pipeline = PipelineFactory.create(name="nightly")
    create_history(130, pipeline=pipeline)
    RunFactory.create(external_run_id="other", status="failed", error_message="the nightly one broke", finished_at=NOON)
    expected = [run.external_run_id for run in Run.objects.order_by("-event_at", "-id")]
    for max_probed_pipelines in (300, 0):
        monkeypatch.setattr(run_list_pages, "MAX_PROBED_PIPELINES", max_probed_pipelines)
        first = open_list(browser, "?q=nightly")
        second = open_list(browser, first.older_page)
        assert [run.external_run_id for page in (first, second) for run in page.result_list] == expected
        back = open_list(browser, second.newer_page)
        assert [run.pk for run in back.result_list] == [run.pk for run in first.result_list]


@pytest.mark.parametrize(
    ("period", "zone", "now", "start"),
    [
        ("1h", "UTC", "2026-03-04T10:30", "2026-03-04T09:30"),
        ("24h", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T12:00"),
        ("7d", "UTC", "2026-03-04T10:30", "2026-02-25T10:30"),
        # "yesterday" begins at 18:00 of the day before, in the user's zone.
        ("yesterday", "Europe/Berlin", "2026-03-04T10:30", "2026-03-03T17:00"),
        ("yesterday", "America/New_York", "2026-03-04T10:30", "2026-03-03T23:00"),
        ("friday", "Europe/Berlin", "2026-03-02T08:00", "2026-02-27T17:00"),  # a Monday
        ("friday", "UTC", "2026-03-06T17:59", "2026-02-27T18:00"),  # a Friday before the evening
        ("friday", "UTC", "2026-03-06T18:00", "2026-03-06T18:00"),
    ],
)
def test_a_period_starts_in_the_time_zone_of_the_user(period: str, zone: str, now: str, start: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))

    assert start_of_period(period, moment) == datetime.fromisoformat(start).replace(tzinfo=UTC)


def test_times_without_an_offset_are_in_the_time_zone_of_the_user(browser: Browser) -> None:
    for hour in (10, 11):
        RunFactory.create(external_run_id=f"{hour} UTC", started_at=None, finished_at=NOON.replace(hour=hour))

    assert listed_ids(browser, "?since=2026-03-01T12:00&zone=Europe/Berlin") == ["11 UTC"]
    assert listed_ids(browser, "?until=2026-03-01T12:00&zone=Europe/Berlin") == ["10 UTC"]
    page = browser.get(f"{RUNS_URL}?since=2026-03-01T12:00&zone=Europe/Berlin").content.decode()
    assert 'name="since" value="2026-03-01T12:00"' in page
    assert "from 2026-03-01 12:00" in page


def test_each_active_filter_has_a_label_whose_link_removes_it(browser: Browser) -> None:
    pipeline = RunFactory.create(status="failed", pipeline__name="orders", pipeline__client__name="Acme").pipeline
    filters = {
        "status__exact": "failed", "pipeline__client__id__exact": pipeline.client_id,
        "pipeline__platform__exact": pipeline.platform, "pipeline__id__exact": pipeline.pk, "period": "30d",
        "q": "orders",
    }  # fmt: skip
    page = open_list(browser, "?" + urlencode(filters))

    assert [(chip.label, chip.value) for chip in page.chips] == [
        ("Status", "Failed"), ("Client", "Acme"), ("Platform", pipeline.get_platform_display()),
        ("Time", "last 30 days"), ("Pipeline", "orders"), ("Search", "orders"),
    ]  # fmt: skip
    for chip, name in zip(page.chips, (*list(filters)[:3], "period", "pipeline__id__exact", "q"), strict=True):
        assert dict(parse_qsl(chip.query_without[1:])) == {
            key: str(value) for key, value in filters.items() if key != name
        }, chip
    assert open_list(browser).chips == []


def test_the_csv_has_the_runs_of_the_list_and_escapes_formulas(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = create_history(7)
    RunFactory.create(external_run_id="=1+1", status="failed", error_message="@SUM(A1)", finished_at=NOON)
    monkeypatch.setattr("runs.changelist.EXPORT_ROWS_PER_QUERY", 3)

    def rows(query: str) -> list[dict[str, str]]:
        answer: Any = browser.get(f"{RUNS_URL}export/csv/?{query}")
        assert answer["Content-Type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    [failed] = rows("status__exact=failed")
    assert (failed["external_run_id"], failed["error"]) == ("'=1+1", "'@SUM(A1)")
    assert [row["external_run_id"] for row in rows("status__exact=success")] == names
    assert [row["external_run_id"] for row in rows("status__exact=success&sort=time")] == names[::-1]
    monkeypatch.setattr("runs.changelist.MAX_EXPORTED_ROWS", 5)
    assert len(rows("")) == 5


def test_a_search_that_finds_too_many_ids_asks_the_user_to_type_more_of_the_id(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.run_search.MAX_FOUND_BY_ID", 3)
    monkeypatch.setattr("runs.changelist.MAX_FOUND_BY_ID", 3)
    create_history(4)

    page = browser.get(f"{RUNS_URL}?q=r").content.decode()

    assert "More than 3 runs have an id that begins with this text; 3 are listed. Type more of the id." in page
    assert "More than" not in browser.get(f"{RUNS_URL}?q=r0001").content.decode()


def test_the_list_is_filtered_by_day_client_pipeline_status_platform_and_environment(browser: Browser) -> None:
    pipeline = PipelineFactory.create(platform="dbt", environment="dev")
    RunFactory.create(external_run_id="wanted", pipeline=pipeline, status="failed", finished_at=NOON)
    RunFactory.create(external_run_id="other", finished_at=NOON - timedelta(days=2))

    for filters in (
        f"pipeline__client__id__exact={pipeline.client_id}",
        f"pipeline__id__exact={pipeline.pk}",
        "status__exact=failed",
        "pipeline__platform__exact=dbt",
        "pipeline__environment__exact=dev",
        "since=2026-03-01",
        "since=2026-03-01T12:00&until=2026-03-01T12:01",
        f"pipeline__client__id__exact={pipeline.client_id}&pipeline__id__exact={pipeline.pk}&status__exact=failed",
    ):
        assert listed_ids(browser, f"?{filters}") == ["wanted"], filters
    assert listed_ids(browser, "?until=2026-03-01") == ["other"]
    assert listed_ids(browser, f"?pipeline__client__id__exact={uuid.uuid4()}") == []


@pytest.mark.parametrize(
    "query",
    [
        "period=fortnight",
        "since=yesterday",
        "until=9999-12-31T23:59&zone=America/New_York",
        "since=2026-03-02&until=2026-03-01",
        "zone=Mars/Olympus",
        "zone=../etc/passwd",
        "sort=error",
        "older_than=nonsense",
        "older_than=2026-03-01T00:00:00_x",
        "newer_than=2026-03-01T00:00:00_01a1fd1d-a1a0-7825-a27e-1169786e89bf",
        "sort=-duration&older_than=2026-03-01T00:00:00_01a1fd1d-a1a0-7825-a27e-1169786e89bf",
        "pipeline__id__exact=nobody",
        "pipeline__client__id__exact=%00",
        "status__exact=%00",
        "pipeline__platform__exact=%00",
        "status__exact=exploded",
        "pipeline__environment__exact=moon",
    ],
)
def test_an_unknown_filter_value_is_refused_and_lists_nothing(browser: Browser, query: str) -> None:
    create_history(1)

    for page in (RUNS_URL, f"{RUNS_URL}export/csv/"):
        answer = browser.get(f"{page}?{query}", follow=True)
        assert answer.status_code == 400
        assert "r0000" not in answer.content.decode()


@pytest.mark.parametrize("query", ["?q=%00", "?p=9999999999", "?o=7.-3", "?all=", "?status__exact=&since=&period="])
def test_empty_filters_an_unusable_search_and_parameters_of_django_are_ignored(browser: Browser, query: str) -> None:
    create_history(1)

    assert listed_ids(browser, query) == ["r0000"]


@pytest.mark.parametrize("lookup", ["error_message__contains=x", "duration_seconds__gt=1", "payload__a=1", "id__lt=x"])
def test_lookups_that_are_not_filters_are_refused(browser: Browser, lookup: str) -> None:
    assert browser.get(f"{RUNS_URL}?{lookup}").status_code == 400


SORTS = {
    "time": ["short", "none", "long"],
    "-time": ["long", "none", "short"],
    "duration": ["short", "long"],
    "-duration": ["long", "short"],
    "rows": ["long", "short"],
    "-rows": ["short", "long"],
}


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("size", [1, 100])
def test_the_list_is_sorted_by_time_duration_and_rows_on_every_page(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, sort: str, size: int
) -> None:
    monkeypatch.setattr("runs.admin.RunAdmin.list_per_page", size)
    for place, (name, seconds, rows) in enumerate((("short", 5, 20), ("none", None, None), ("long", 50, 10))):
        RunFactory.create(
            external_run_id=name, duration_seconds=seconds, rows_processed=rows, started_at=NOON,
            finished_at=NOON + timedelta(hours=place),
        )  # fmt: skip

    page, ids = open_list(browser, f"?sort={sort}"), []
    while True:
        ids += [run.external_run_id for run in page.result_list]
        if page.older_page is None:
            break
        page = open_list(browser, page.older_page)

    assert ids == SORTS[sort]
    if size == 1:
        assert listed_ids(browser, page.newer_page) == SORTS[sort][-2:-1]


def test_a_list_sorted_by_duration_has_only_the_newest_runs_and_says_so(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_list_pages, "MAX_SCANNED_RUNS", 20)
    create_history(30)
    Run.objects.update(duration_seconds=7)

    page = browser.get(f"{RUNS_URL}?sort=-duration").content.decode()

    assert len(listed_ids(browser, "?sort=-duration")) == 21  # 20 runs, and one more with the same time as the last
    assert 'aria-sort="descending"' in page
    assert re.search(r"runs are sorted, those since <time[^>]+>2026-02-28 17:00 UTC", page)


def test_no_query_of_the_list_scans_all_runs(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """EXPLAIN each query of each page. Each plan reads runs from an index."""
    monkeypatch.setattr(run_list_pages, "MAX_SCANNED_RUNS", 1000)
    pipelines = [PipelineFactory.create(client=ClientFactory.create()) for _ in range(20)]
    Run.objects.bulk_create(
        Run(
            pipeline=pipelines[place % 20], external_run_id=f"r{place:06}",
            status="failed" if place % 50 == 0 else "success",
            started_at=NOON - timedelta(minutes=place), finished_at=NOON - timedelta(minutes=place),
        )
        for place in range(20_000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE runs, pipelines, clients")
    middle = Run.objects.get(external_run_id="r010000")
    position = f"older_than={middle.event_at.isoformat().replace('+', '%2B')}_{middle.pk}"

    for query in (
        "", position, "q=r01", "since=2026-02-20&until=2026-02-21", "status__exact=failed",
        "sort=-duration", "sort=time", "sort=rows&status__exact=failed", "q=nothing-is-called-so", "q=pipeline",
        "q=no+space&sort=-duration", f"q=no+space&pipeline__client__id__exact={pipelines[3].client_id}",
        f"status__exact=success&{position}", "pipeline__platform__exact=airflow", "pipeline__environment__exact=dev",
        f"pipeline__client__id__exact={pipelines[3].client_id}", f"pipeline__id__exact={pipelines[3].pk}",
    ):  # fmt: skip
        with CaptureQueriesContext(connection) as captured:
            open_list(browser, f"?{query}")
        statements = [query["sql"] for query in captured if '"runs"' in query["sql"]]
        assert statements
        for statement in statements:
            assert "COUNT(" not in statement
            with connection.cursor() as cursor:
                # PostgreSQL can scan a small table even if it could use an index. With this setting, it scans the table
                # only if it can use no index.
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute("EXPLAIN " + statement)
                plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan on runs" not in plan, f"{query}\n{statement}\n{plan}"


QUERIES_OF_EVERY_PAGE = ["session", "user", "my clients", "clients to choose from"]


@pytest.mark.parametrize(
    ("query", "queries"),
    [
        ("", [*QUERIES_OF_EVERY_PAGE, "page"]),
        ("?_facets=True", [*QUERIES_OF_EVERY_PAGE, "page"]),
        ("?q=r00", [*QUERIES_OF_EVERY_PAGE, "by id", "by error", "by pipeline", "page"]),
        ("?q=name", [*QUERIES_OF_EVERY_PAGE, "by id", "by error", "by pipeline", "page of pipelines"]),
        ("?status__exact=success", [*QUERIES_OF_EVERY_PAGE, "end of the scan", "page"]),
        ("?sort=-duration", [*QUERIES_OF_EVERY_PAGE, "the oldest sorted run", "page"]),
        ("?pipeline__client__id__exact={client}", [*QUERIES_OF_EVERY_PAGE, "page"]),
        ("?pipeline__id__exact={pipeline}", [*QUERIES_OF_EVERY_PAGE, "page", "the chosen pipeline"]),
    ],
)
def test_a_page_needs_a_fixed_number_of_queries(browser: Browser, query: str, queries: list[str]) -> None:
    create_history(120, pipeline=PipelineFactory.create(name="by name"))
    pipeline = Pipeline.objects.get()

    with CaptureQueriesContext(connection) as captured:
        open_list(browser, query.format(client=pipeline.client_id, pipeline=pipeline.pk))

    assert len(captured) == len(queries), "\n".join(query["sql"] for query in captured)


def test_the_list_escapes_hostile_texts_and_reads_no_payload(browser: Browser) -> None:
    hostile = "<script>alert(1)</script>"
    run = RunFactory.create(external_run_id=hostile, error_message=f"{hostile}\nmore", payload={hostile: hostile})
    Pipeline.objects.update(name=hostile)
    Client.objects.update(name=hostile)

    with CaptureQueriesContext(connection) as captured:
        page = browser.get(RUNS_URL).content.decode()

    assert hostile not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
    assert not [query for query in captured if '"runs"."payload"' in query["sql"]]
    assert hostile not in browser.get(f"{RUNS_URL}{run.pk}/change/").content.decode()
