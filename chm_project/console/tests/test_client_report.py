"""The report of a client. For every period, its page, CSV files and HTML file show the numbers of the shapes."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from alerting.models import AlertRule
from chm_project.access.models import Binding
from chm_project.console.drawing.axis import SECONDS, axis_bottom, axis_top
from chm_project.console.drawing.charts import Bar, ChartPoint, draw_bars, draw_rates
from chm_project.console.drawing.text_format import day_and_month, duration, percent
from chm_project.console.pages.client_report import UnknownPeriod, period_of
from chm_project.tests import controlled_seed
from chm_project.tests.api import ROOT, api_with_scope, create_bound_user
from chm_project.tests.pages import browser, html, tables
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

FIGURE = re.compile(r'data-figure="(\w+)"><span class="chm-number">([^<]+)</span>')
NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)


def utc_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def create_run(pipeline: Pipeline, status: str, moment: datetime, **fields: Any) -> Run:
    new_run: Run = RunFactory.create(pipeline=pipeline, status=status, started_at=moment, finished_at=moment, **fields)
    return new_run


def client_page(browser: Browser, client: Client, period: str) -> str:
    return html(browser.get(f"{reverse('console:client', args=[client.pk])}?period={period}"))


def figures(text: str) -> dict[str, str]:
    return dict(FIGURE.findall(text))


def recovery_text(text: str | None) -> str:
    return text or "not recovered"


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client of the controlled seed, whose runs are dated as if the seed were created now."""
    monkeypatch.setattr(controlled_seed, "AS_OF", timezone.now().replace(microsecond=0) - timedelta(seconds=1))
    controlled_seed.create_seed()
    return Client.objects.get(name="Acme")


@pytest.mark.parametrize("length", ["7d", "30d", "90d", "month"])
def test_every_number_of_the_report_equals_its_shape(acme: Client, length: str) -> None:
    key = f"{timezone.now():%Y-%m}" if length == "month" else length
    period = period_of(key, timezone.now())
    window = {"client_id": str(acme.pk), "since": period.since.isoformat()}

    def request_report(name: str, **parameters: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = api_with_scope("read").get(f"{ROOT}/reports/{name}", parameters).json()["items"]
        return items

    days, streaks = request_report("daily_success", **window), request_report("failure_streaks", **window)
    failing = request_report("failing_now", client_id=str(acme.pk))
    worst = request_report("top_flaky_pipelines", **window)
    flips = [row for row in request_report("top_flaky_pipelines", **window, order="flips") if row["flips"]]
    recovered = [
        (datetime.fromisoformat(row["recovered_at"]) - datetime.fromisoformat(row["began_at"])).total_seconds()
        for row in streaks
        if row["recovered_at"] and row["began_at"] >= f"{period.since:%Y-%m-%dT%H:%M:%SZ}"
    ]

    text = client_page(browser("viewer"), acme, key)

    runs, success, failed = (sum(row[name] for row in days) for name in ("runs", "success", "failed"))
    assert figures(text) == {
        "runs": str(runs), "failed": str(failed), "success_rate": percent(success / runs if runs else None),
        "incidents": str(len(streaks)), "failing": str(len(failing)),
        "recovery": duration(sum(recovered) / len(recovered) if recovered else None),
    }  # fmt: skip
    shown = tables(text)
    assert [row[:4] for row in shown["days"]] == [
        [row["day"], *(str(row[name]) for name in ("runs", "success", "failed"))] for row in days
    ]
    assert [(row[1], row[2], row[4]) for row in shown["incidents"]] == [
        (row["began_at"], recovery_text(row["recovered_at"]), str(row["failed_runs"])) for row in streaks
    ]
    assert [row[1:] for row in shown["worst"]] == [
        [str(row["failure_count"]), str(row["total_runs"]), percent(row["failure_rate"])] for row in worst
    ]
    assert [row[1:] for row in shown["flakiest"]] == [
        [str(row[name]) for name in ("flips", "failure_count", "total_runs")] for row in flips
    ]
    assert [row[2].split()[0] for row in shown["failing"]] == [row["failing_since"] for row in failing]


def test_the_mean_time_to_recovery_counts_only_streaks_that_began_and_ended_in_the_period() -> None:
    load = PipelineFactory.create(client__name="Baltic Foods", name="load")
    other = PipelineFactory.create(client=load.client, name="other")
    for status, time in (
        ("failed", "2026-09-30 20:00"), ("success", "2026-10-01 02:00"),  # not counted: began before
        ("failed", "2026-10-05 10:00"), ("failed", "2026-10-05 11:00"), ("success", "2026-10-05 12:00"),  # 2 hours
        ("failed", "2026-10-20 10:00"), ("canceled", "2026-10-20 11:00"), ("success", "2026-10-20 14:00"),  # 4 hours
        ("failed", "2026-10-31 23:00"), ("success", "2026-11-01 01:00"),  # not counted: ended after
    ):  # fmt: skip
        create_run(load, status, utc_time(time))
    create_run(other, "success", utc_time("2026-10-07 10:00"))

    text = client_page(browser("viewer"), load.client, "2026-10")

    assert figures(text) == {
        "runs": "9", "failed": "4", "success_rate": "44.4 %", "incidents": "4", "recovery": "3 h", "failing": "1",
    }  # fmt: skip
    assert [(row[1], row[2], row[3], row[4]) for row in tables(text)["incidents"]] == [
        ("2026-10-31T23:00:00Z", "not recovered", "1 h", "1"),
        ("2026-10-20T10:00:00Z", "2026-10-20T14:00:00Z", "4 h", "1"),
        ("2026-10-05T10:00:00Z", "2026-10-05T12:00:00Z", "2 h", "2"),
        ("2026-09-30T20:00:00Z", "2026-10-01T02:00:00Z", "6 h", "1"),
    ]
    assert "failing at the end" in text


def test_all_failing_pipelines_of_a_past_month_are_listed_as_they_were_at_its_end() -> None:
    client = ClientFactory.create(name="Baltic Foods")
    for number in range(26):
        pipeline = PipelineFactory.create(client=client, name=f"load {number}")
        create_run(pipeline, "failed", utc_time("2026-10-31 20:00"))
        create_run(pipeline, "success", utc_time("2026-11-01 20:00"))
    viewer = browser("viewer")

    link = re.search(r'href="([^"]+)">All 26</a>', client_page(viewer, client, "2026-10"))

    assert link is not None
    rows = tables(html(viewer.get(unescape(link[1]))))["all_failing"]
    assert len(rows) == 26
    assert all(row[0].startswith("load ") for row in rows)


@pytest.mark.parametrize(
    ("key", "since", "until", "days"),
    [
        ("7d", "2026-06-11", "2026-06-17 12:00", 7),
        ("30d", "2026-05-19", "2026-06-17 12:00", 30),
        ("90d", "2026-03-20", "2026-06-17 12:00", 90),
        ("2026-06", "2026-06-01", "2026-06-17 12:00", 17),
        ("2026-02", "2026-02-01", "2026-03-01", 28),
        ("2025-12", "2025-12-01", "2026-01-01", 31),
    ],
)
def test_a_period_consists_of_whole_utc_days_and_ends_now_at_the_latest(
    key: str, since: str, until: str, days: int
) -> None:
    period = period_of(key, NOW)
    assert (period.since, period.until, len(period.days)) == (utc_time(since), utc_time(until), days)
    assert period.is_over == (key < "2026-06" and "-" in key)


@pytest.mark.parametrize("key", ["2026-07", "2026-13", "0000-01", "8d", "month", "9999-12", "2026-6"])
def test_an_invalid_or_future_period_is_not_found(key: str) -> None:
    with pytest.raises(UnknownPeriod):
        period_of(key, NOW)
    client = PipelineFactory.create().client
    unknown = key if key != "2026-07" else "2099-01"
    assert browser("viewer").get(f"{reverse('console:client', args=[client.pk])}?period={unknown}").status_code == 404


def test_the_csv_files_contain_the_rows_of_the_shapes(acme: Client) -> None:
    window = {"client_id": str(acme.pk), "since": period_of("30d", timezone.now()).since.isoformat()}
    viewer = browser("viewer")
    for table, shape in (
        ("days", "daily_success"), ("incidents", "failure_streaks"), ("pipelines", "top_flaky_pipelines"),
    ):  # fmt: skip
        response: Any = viewer.get(reverse("console:client-csv", args=[acme.pk, table]) + "?period=30d")
        rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))
        expected = api_with_scope("read").get(f"{ROOT}/reports/{shape}", window).json()["items"]
        assert rows
        assert rows == [
            {name: "" if item[name] is None else str(item[name]) for name in rows[0]} for item in expected
        ], table
        assert response["Content-Disposition"] == f'attachment; filename="acme-{table}-30d.csv"'
    assert viewer.get(reverse("console:client-csv", args=[acme.pk, "secrets"])).status_code == 404


def test_the_command_writes_the_numbers_of_the_page_into_one_standalone_html_file(acme: Client, tmp_path: Path) -> None:
    AlertRule.objects.create(
        client=acme, rule_type="on_failure", channel="webhook", destination="https://hooks.example/secret/part"
    )
    month, path = f"{timezone.now():%Y-%m}", tmp_path / "report.html"
    output = io.StringIO()

    call_command("client_report", "acme", "--month", month, "--output", str(path), stdout=output)

    written = path.read_text()
    on_page = client_page(browser("viewer"), acme, month)
    assert output.getvalue() == f"{path}\n"
    assert figures(written) == figures(on_page)
    for name in ("days", "incidents", "worst", "flakiest", "rules"):
        assert tables(written)[name] == tables(on_page)[name], name
    assert not re.search(r"<script|<link|<img|\shref=|\ssrc=|url\(", written)
    assert "@page" in written
    assert "secret/part" not in written


@pytest.mark.parametrize(
    "arguments", [["Nobody", "--month", "2026-01"], ["Acme", "--month", "2999-01"], ["Acme", "--month", "January"]]
)
def test_the_command_refuses_an_unknown_client_and_an_invalid_month(arguments: list[str], tmp_path: Path) -> None:
    Client.objects.create(name="Acme")
    with pytest.raises(CommandError) as refused:
        call_command("client_report", *arguments, "--output", str(tmp_path / "report.html"))
    assert refused.value.returncode == 2
    assert not list(tmp_path.iterdir())


def test_a_bound_user_gets_reports_of_their_own_clients_only(acme: Client) -> None:
    other = Client.objects.get(name="Borealis")
    person = Browser()
    person.force_login(create_bound_user("person", str(acme.pk)))
    assert Binding.objects.exists()
    for client, status in ((acme, 200), (other, 404)):
        for url in (
            reverse("console:client", args=[client.pk]), reverse("console:client-csv", args=[client.pk, "days"]),
        ):  # fmt: skip
            assert person.get(url).status_code == status, url


def test_a_bar_opens_the_runs_that_it_counts() -> None:
    pipeline, day = PipelineFactory.create(), timezone.now() - timedelta(days=2)
    failed = create_run(pipeline, "failed", day)
    other_runs = [create_run(pipeline, "success", day), create_run(pipeline, "failed", day - timedelta(days=1)),
              create_run(PipelineFactory.create(), "failed", day)]  # fmt: skip
    viewer = browser("viewer")
    text = client_page(viewer, pipeline.client, "7d")

    [url] = re.findall(rf'href="([^"]+)"[^>]+aria-label="{day:%a} {day_and_month(day)}: 1 failed"', text)
    listed = html(viewer.get(url.replace("&amp;", "&")))

    assert str(failed.pk) in listed
    assert not [other for other in other_runs if str(other.pk) in listed]


def test_a_bar_of_the_board_opens_the_failed_runs_of_its_hour() -> None:
    pipeline = PipelineFactory.create()
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=30)
    failed = create_run(pipeline, "failed", hour + timedelta(minutes=10))
    other_runs = [
        create_run(pipeline, "failed", hour - timedelta(minutes=1)),
        create_run(pipeline, "failed", hour + timedelta(hours=1)),
        create_run(pipeline, "success", hour + timedelta(minutes=20)),
    ]
    viewer = browser("viewer")

    board = html(viewer.get("/admin/"))
    [url] = re.findall(
        rf'href="([^"]+)"[^>]+aria-label="{hour:%a} {day_and_month(hour)} {hour:%H:%M} UTC: 1 failed"', board
    )
    listed = html(viewer.get(url.replace("&amp;", "&")))

    assert str(failed.pk) in listed
    assert not [other for other in other_runs if str(other.pk) in listed]


def test_a_spike_is_cut_off_and_listed_below_the_chart() -> None:
    usual = [Bar(f"day {number}", 2) for number in range(10)]

    with_spike = draw_bars([*usual, Bar("the spike", 500)], label="failed")
    without = draw_bars(usual, label="failed")

    assert "Above the axis: the spike." in with_spike
    assert "chm-cut" in with_spike
    assert axis_top([2] * 10 + [500]) == 4
    assert "Above the axis" not in without
    assert axis_top([1, 1, 500]) == 600, "with fewer than five values, no value is a spike"
    assert [axis_top([value]) for value in (0, 1, 7, 41, 950)] == [2, 2, 8, 60, 1000]
    assert [axis_top([value], SECONDS) for value in (50, 61, 1500, 5000, 90_000)] == [60, 120, 2400, 7200, 2 * 86_400]
    assert [axis_bottom([1, share]) for share in (0.99, 0.95, 0.85, 0.6, 0.2, 0)] == [0.98, 0.9, 0.8, 0.5, 0, 0]


def test_each_point_has_a_label_and_can_be_reached_with_the_keyboard() -> None:
    points = [
        ChartPoint("Monday: 90.0 %", 0.9, "/runs"),
        ChartPoint("Tuesday: no runs", None),
        ChartPoint("Wednesday", 1.0),
    ]

    chart = draw_rates(points, label="success", dates=["Mon", "Wed"])

    assert re.findall(r'tabindex="(-?\d)" aria-label="([^"]+)"', chart) == [
        ("0", "Monday: 90.0 %"), ("-1", "Wednesday"),
    ]  # fmt: skip
    assert '<a href="/runs"' in chart
    assert ">100 %<" in chart
