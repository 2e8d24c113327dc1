"""The list of runs in the console: complete, searchable, and as cheap on millions of runs as on a hundred."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs import changelist
from runs.models import Run, Status
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/runs/run/"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def browser(client: Browser) -> Browser:
    client.force_login(User.objects.create_superuser("admin"))
    return client


def listed(browser: Browser, address: str = "") -> list[str]:
    return [run.external_run_id for run in opened(browser, address).result_list]


def opened(browser: Browser, address: str = "") -> Any:
    response = browser.get(f"{LIST}{address}")
    assert response.status_code == 200, address
    return response.context["cl"]


def history(number: int, **fields: Any) -> list[str]:
    """Runs an hour apart, named and returned newest first; every third shares its moment with the one before."""
    pipeline = fields.pop("pipeline", None) or PipelineFactory.create()
    names = [f"r{place:04}" for place in range(number)]
    for place, name in enumerate(names):
        moment = NOON - timedelta(hours=place - (place % 3 == 2))
        RunFactory.create(pipeline=pipeline, external_run_id=name, started_at=moment, finished_at=moment, **fields)
    return [run.external_run_id for run in Run.objects.order_by("-event_at", "-id")]


@pytest.mark.parametrize("narrowed", ["", "client", "status__exact=success"])
def test_older_walks_through_all_runs_once_and_newer_walks_back(browser: Browser, narrowed: str) -> None:
    expected = history(230)
    if narrowed == "client":
        narrowed = f"pipeline__client__id__exact={Client.objects.get().pk}"

    pages = [opened(browser, f"?{narrowed}")]
    while address := pages[-1].older_page:
        pages.append(opened(browser, address))

    assert [run.external_run_id for page in pages for run in page.result_list] == expected
    assert [len(page.result_list) for page in pages] == [100, 100, 30]
    assert pages[0].newer_page is None
    back = opened(browser, pages[2].newer_page)
    assert [run.pk for run in back.result_list] == [run.pk for run in pages[1].result_list]
    first = opened(browser, back.newer_page)
    assert [run.pk for run in first.result_list] == [run.pk for run in pages[0].result_list]
    assert first.newer_page is None


def test_a_rare_status_is_looked_for_step_by_step_until_the_end(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelist, "WALK", 20)
    history(50)
    pipeline = Pipeline.objects.get()
    rare = [
        RunFactory.create(
            pipeline=pipeline,
            external_run_id=f"rare-{hours}",
            status=Status.SKIPPED,
            finished_at=NOON - timedelta(hours=hours),
        ).external_run_id
        for hours in (3, 30, 49)
    ]
    expected = [run.external_run_id for run in Run.objects.order_by("-event_at", "-id")]

    page, steps, found = opened(browser, "?status__exact=skipped"), 0, []
    while True:
        found += [run.external_run_id for run in page.result_list]
        assert page.older_page is None or page.walked_to
        if page.older_page is None:
            break
        page, steps = opened(browser, page.older_page), steps + 1

    assert found == rare
    assert steps == 2

    page = opened(browser, "?status__exact=success")
    found = [run.external_run_id for run in page.result_list]
    while page.older_page:
        page = opened(browser, page.older_page)
        found += [run.external_run_id for run in page.result_list]
    assert found == [name for name in expected if name not in rare]


def test_a_page_that_did_not_look_to_the_end_says_how_far_it_looked(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(30)
    assert "Looked through" not in browser.get(f"{LIST}?status__exact=failed").content.decode()

    monkeypatch.setattr(changelist, "WALK", 20)
    page = browser.get(f"{LIST}?status__exact=failed").content.decode()

    assert "Looked through 20 runs, to 2026-02-28 17:00 UTC" in page


def test_a_run_is_found_by_its_id_or_the_beginning_of_it(browser: Browser) -> None:
    for name in ("scheduled__2026-03-01", "scheduled__2026-03-02", "Scheduled", "manual_%", "été"):
        RunFactory.create(external_run_id=name)
    run = RunFactory.create(external_run_id="by-its-own-id")

    assert listed(browser, "?q=scheduled__2026-03-02") == ["scheduled__2026-03-02"]
    assert set(listed(browser, "?q=scheduled")) == {"scheduled__2026-03-01", "scheduled__2026-03-02"}
    assert listed(browser, "?q=manual_%25") == ["manual_%"]
    assert listed(browser, "?q=%25") == []
    assert listed(browser, "?q=%C3%A9t") == ["été"]
    assert listed(browser, f"?q={run.pk}") == ["by-its-own-id"]
    assert listed(browser, f"?q=scheduled&pipeline__id__exact={run.pipeline_id}") == []


def test_a_beginning_that_fits_very_many_runs_asks_for_more_of_it(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.admin.FOUND", 3)
    history(4)

    page = browser.get(f"{LIST}?q=r").content.decode()

    assert "More than 3 runs have an id that begins so; 3 are listed. Type more of it." in page
    assert "More than" not in browser.get(f"{LIST}?q=r0001").content.decode()


def test_filters_narrow_by_day_client_pipeline_status_platform_and_environment(browser: Browser) -> None:
    pipeline = PipelineFactory.create(platform="dbt", environment="dev")
    RunFactory.create(external_run_id="wanted", pipeline=pipeline, status="failed", finished_at=NOON)
    RunFactory.create(external_run_id="other", finished_at=NOON - timedelta(days=2))

    for narrowed in (
        f"pipeline__client__id__exact={pipeline.client_id}",
        f"pipeline__id__exact={pipeline.pk}",
        "status__exact=failed",
        "pipeline__platform__exact=dbt",
        "pipeline__environment__exact=dev",
        "event_at_from=2026-03-01",
        "event_at_from=2026-03-01&event_at_to=2026-03-01",
        f"pipeline__client__id__exact={pipeline.client_id}&pipeline__id__exact={pipeline.pk}&status__exact=failed",
    ):
        assert listed(browser, f"?{narrowed}") == ["wanted"], narrowed
    assert listed(browser, "?event_at_to=2026-02-28") == ["other"]
    assert listed(browser, f"?pipeline__client__id__exact={uuid.uuid4()}") == []


@pytest.mark.parametrize(
    "address",
    [
        "?event_at_from=yesterday",
        "?event_at_to=9999-12-31",
        "?older_than=nonsense",
        "?older_than=2026-03-01T00:00:00_x",
        "?newer_than=2026-03-01T00:00:00_01a1fd1d-a1a0-7825-a27e-1169786e89bf",
        "?pipeline__id__exact=nobody",
        "?pipeline__client__id__exact=%00",
        "?status__exact=%00",
        "?pipeline__platform__exact=%00",
        "?q=%00",
        "?p=9999999999",
        "?o=7.-3",
        "?all=",
        "?status__exact=exploded",
    ],
)
def test_an_address_with_a_value_that_is_none_shows_a_list_and_no_fault(browser: Browser, address: str) -> None:
    history(1)

    assert browser.get(f"{LIST}{address}", follow=True).status_code == 200


@pytest.mark.parametrize("lookup", ["error_message__contains=x", "duration_seconds__gt=1", "payload__a=1", "id__lt=x"])
def test_a_column_without_an_index_cannot_be_asked_for(browser: Browser, lookup: str) -> None:
    assert browser.get(f"{LIST}?{lookup}").status_code == 400


def test_no_column_sorts_the_list(browser: Browser) -> None:
    history(3)

    sorted_links = re.findall(r"""href="[^"]*[?&;]o=""", browser.get(LIST).content.decode())

    assert sorted_links == []
    assert opened(browser, "?o=7").queryset.query.order_by == ("-event_at", "-id")


def test_nothing_of_the_list_scans_all_runs(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each statement of each page, explained: runs are read through their indexes only."""
    monkeypatch.setattr(changelist, "WALK", 1000)
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
    place = f"older_than={middle.event_at.isoformat().replace('+', '%2B')}_{middle.pk}"

    for address in (
        "", place, "q=r01", "event_at_from=2026-02-20&event_at_to=2026-02-21", "status__exact=failed",
        f"status__exact=success&{place}", "pipeline__platform__exact=airflow", "pipeline__environment__exact=dev",
        f"pipeline__client__id__exact={pipelines[3].client_id}", f"pipeline__id__exact={pipelines[3].pk}",
    ):  # fmt: skip
        with CaptureQueriesContext(connection) as captured:
            opened(browser, f"?{address}")
        statements = [query["sql"] for query in captured if '"runs"' in query["sql"]]
        assert statements
        for statement in statements:
            assert "COUNT(" not in statement
            with connection.cursor() as cursor:
                # Of so few runs, a plan may read all without need; without another way to them it does so all the same.
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute("EXPLAIN " + statement)
                plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan on runs" not in plan, f"{address}\n{statement}\n{plan}"


@pytest.mark.parametrize(
    ("address", "queries"),
    [
        ("", ["session", "person", "my clients", "page"]),
        ("?_facets=True", ["session", "person", "my clients", "page"]),
        ("?q=r00", ["session", "person", "my clients", "found", "page"]),
        ("?status__exact=success", ["session", "person", "my clients", "edge of the walk", "page"]),
        (
            "?pipeline__client__id__exact={client}",
            ["session", "person", "my clients", "page", "chosen client", "and as a choice"],
        ),
        (
            "?pipeline__id__exact={pipeline}",
            ["session", "person", "my clients", "page", "chosen pipeline", "and as a choice"],
        ),
    ],
)
def test_a_page_costs_these_queries(browser: Browser, address: str, queries: list[str]) -> None:
    history(120)
    pipeline = Pipeline.objects.get()

    with CaptureQueriesContext(connection) as captured:
        opened(browser, address.format(client=pipeline.client_id, pipeline=pipeline.pk))

    assert len(captured) == len(queries), "\n".join(query["sql"] for query in captured)


def test_a_list_shows_hostile_texts_as_text_and_fetches_no_payload(browser: Browser) -> None:
    hostile = "<script>alert(1)</script>"
    run = RunFactory.create(external_run_id=hostile, error_message=f"{hostile}\nmore", payload={hostile: hostile})
    Pipeline.objects.update(name=hostile)
    Client.objects.update(name=hostile)

    with CaptureQueriesContext(connection) as captured:
        page = browser.get(LIST).content.decode()

    assert hostile not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
    assert not [query for query in captured if '"runs"."payload"' in query["sql"]]
    assert hostile not in browser.get(f"{LIST}{run.pk}/change/").content.decode()
