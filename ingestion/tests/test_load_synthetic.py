"""manage.py load_synthetic: the reports show the patterns of the data set, and a second load changes nothing."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from shutil import copytree
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from ingestion.locks import named_lock
from ingestion.synthetic import dataset as datasets
from ingestion.synthetic.generate import Plan
from ingestion.synthetic.loading import load
from ingestion.synthetic.vocabulary import INCIDENT_ERROR, ROW_RANGES
from inventory.models import Client, Environment, Pipeline, PipelineType, Platform
from runs.models import Run, Status
from runs.reporting.run_shapes import run_shape

END = datetime(2026, 11, 1, tzinfo=UTC)
SINCE = END - timedelta(days=123)


def load_synthetic(**options: Any) -> str:
    out = StringIO()
    call_command("load_synthetic", **options, stdout=out)
    return out.getvalue()


def row_versions() -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the loaded tables with the values that any write or lock changes."""
    with connection.cursor() as cursor:
        rows = {}
        for table in ("clients", "pipelines", "alert_rules", "runs"):
            cursor.execute(f"SELECT ctid::text, xmin::text, xmax::text, t::text FROM {table} AS t ORDER BY id")
            rows[table] = cursor.fetchall()
        return rows


@pytest.fixture
def v1(db: None) -> None:
    """Load the data set v1 with its own times."""
    load_synthetic(end="none")


@pytest.mark.usefixtures("v1")
def test_every_client_pipeline_rule_and_run_is_loaded() -> None:
    rules = apps.get_model("alerting", "AlertRule").objects
    assert (Client.objects.count(), Client.objects.active().count()) == (12, 10)
    assert (Pipeline.objects.count(), rules.count(), Run.objects.count()) == (44, 35, 2_500)
    for field, choices in (("platform", Platform), ("pipeline_type", PipelineType), ("environment", Environment)):
        assert set(Pipeline.objects.values_list(field, flat=True)) == set(choices.values)
    assert not Run.objects.filter(status_reason__contains="left out").exists()


@pytest.mark.usefixtures("v1")
def test_the_report_shows_the_planned_status_mix() -> None:
    mix: Counter[str] = Counter()
    for row in run_shape("weekly_status_mix", weeks=20, as_of=END):
        mix[row["status"]] += row["runs"]

    assert mix.total() == 2_500
    assert set(mix) == set(Status.values)
    assert 0.82 <= mix["success"] / 2_500 <= 0.90


@pytest.mark.usefixtures("v1")
def test_the_report_shows_the_incident_only_in_its_window_and_only_on_vendor_apis() -> None:
    begins, ends = (datetime.fromtimestamp(moment, UTC) for moment in Plan().incident())
    assert timedelta(minutes=90) <= ends - begins <= timedelta(minutes=120)
    day = timedelta(days=1)

    def count_failed_runs(since: datetime, until: datetime, platform: str) -> int:
        rows = run_shape("failures_over_time", since=since, until=until, bucket="minute", platform=platform, as_of=END)
        return sum(row["failed_runs"] for row in rows)

    failed_in_window = count_failed_runs(begins, ends + timedelta(minutes=20), "vendor_api")
    assert failed_in_window >= 30
    assert (
        count_failed_runs(begins - day, begins, "vendor_api")
        + count_failed_runs(ends + timedelta(minutes=20), ends + day, "vendor_api")
        < 5
    )
    assert sum(count_failed_runs(begins, ends, platform) for platform in ("airflow", "dbt", "cron", "custom")) < 5
    in_window = Run.objects.filter(pipeline__platform="vendor_api", started_at__gte=begins, started_at__lt=ends)
    assert set(in_window.values_list("status", "error_message", "status_reason")) == {("failed", *INCIDENT_ERROR)}
    hours = run_shape("failures_over_time", since=SINCE, until=END, bucket="hour", as_of=END)
    worst = max(hours, key=lambda row: row["failed_runs"])
    assert begins - timedelta(hours=1) < worst["ts_bucket"] < ends
    groups = {row["platform_group"]: row["failure_rate_30d"] for row in run_shape("vendor_dependency", as_of=END)}
    assert groups["vendor_api"] > 2 * groups["other_platforms"]


@pytest.mark.usefixtures("v1")
def test_only_dbt_pipelines_have_long_runs() -> None:
    def shares(platform: str) -> list[float]:
        """Return the share of the runs in the first two buckets, and the share of the longer runs."""
        rows = run_shape(
            "run_duration_distribution",
            since=SINCE, until=END, max_duration_seconds=20_000, bucket_count=20, platform=platform, as_of=END,
        )  # fmt: skip
        total = sum(row["run_count"] for row in rows)
        long_count = sum(row["run_count"] for row in rows if row["duration_bucket"] > 2)
        return [(total - long_count) / total, long_count / total]

    share_of_usual_runs, share_of_long_runs = shares("dbt")
    assert share_of_usual_runs > 0.9
    assert 0.02 < share_of_long_runs < 0.1
    for platform in ("airflow", "vendor_api", "cron", "custom"):
        assert shares(platform) == [1, 0]


@pytest.mark.usefixtures("v1")
def test_rows_processed_fit_the_kind_of_pipeline() -> None:
    for kind, (low, high) in ROW_RANGES.items():
        counts = Run.objects.filter(pipeline__pipeline_type=kind, rows_processed__isnull=False)
        assert counts.exists()
        assert not counts.exclude(rows_processed__range=(low, high)).exists()


@pytest.mark.usefixtures("v1")
def test_the_reports_of_the_boards_have_rows() -> None:
    for shape in ("top_flaky_pipelines", "failing_now", "late_pipelines", "client_risk", "governance_gaps",
                  "changes_since_yesterday", "freshness_watchlist", "reliability_by_environment"):  # fmt: skip
        assert run_shape(shape, as_of=END), shape
    assert Run.objects.still_open().count() == 4
    assert {row["gap"] for row in run_shape("governance_gaps", as_of=END)} >= {"no_external_id", "no_alert_rule"}


@pytest.mark.usefixtures("v1")
def test_the_report_shows_the_planted_incident_as_one_row_while_it_lasts() -> None:
    last_run = Run.objects.filter(error_message=INCIDENT_ERROR[0]).order_by("event_at").last()
    assert last_run is not None

    rows = run_shape("incidents", as_of=last_run.event_at)

    [outage] = [row for row in rows if row["error_message"] == INCIDENT_ERROR[0]]
    assert outage["platform"] == "vendor_api"
    failing = [
        row for row in run_shape("failing_now", as_of=last_run.event_at) if row["error_message"] == INCIDENT_ERROR[0]
    ]
    assert outage["pipelines"] == len(failing) > 5


@pytest.mark.django_db(transaction=True)
def test_a_second_load_on_a_later_day_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    load_synthetic()
    first = row_versions()
    latest = Run.objects.order_by("-source_updated_at").values_list("source_updated_at", flat=True)[0]
    assert latest is not None
    assert timedelta(0) <= timezone.now() - latest < timedelta(minutes=10)

    later = timezone.now() + timedelta(days=3)
    monkeypatch.setattr(timezone, "now", lambda: later)
    output = load_synthetic()

    assert "(as before); created 0 clients, 0 pipelines, 0 alert rules; runs: 2500 unchanged." in output
    assert row_versions() == first


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_load_is_completed_by_the_next_load_with_the_same_end() -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 1_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(datasets.dataset("v1"), end=END + timedelta(days=9), end_is_fixed=False, on_runs=interrupt)
    assert Run.objects.count() == 1_000

    output = load_synthetic()

    assert Run.objects.count() == 2_500
    assert "2026-11-10T00:00:00+00:00 (as before)" in output
    assert "1500 created, 1000 unchanged" in output


@pytest.mark.django_db(transaction=True)
def test_a_second_load_keeps_runs_that_changed_after_the_first_load() -> None:
    load_synthetic(end="none")
    run = Run.objects.still_open().first()
    assert run is not None
    Run.objects.filter(pk=run.pk).update(status="success", finished_at=END, source_updated_at=END)

    assert "2499 unchanged" in load_synthetic()
    run.refresh_from_db()
    assert run.status == "success"


@pytest.mark.usefixtures("v1")
def test_a_second_load_keeps_changes_by_users() -> None:
    client = Client.objects.get(name="Baltic Foods")
    client.name, client.is_active = "Baltic Foods plc", False
    client.save()
    Pipeline.objects.filter(pk=client.pipelines.order_by("id")[0].pk).update(name="Renamed")

    assert "created 0 clients, 0 pipelines, 0 alert rules; runs: 2500 unchanged" in load_synthetic()
    assert Client.objects.filter(name="Baltic Foods plc", is_active=False).exists()


@pytest.mark.usefixtures("v1")
def test_a_disabled_rule_that_is_stored_twice_is_not_created_again() -> None:
    alert_rules = apps.get_model("alerting", "AlertRule").objects
    [disabled_rule] = alert_rules.filter(is_enabled=False)
    rule_count = alert_rules.count()
    alert_rules.filter(pk=disabled_rule.pk).delete()
    for _ in range(2):
        disabled_rule.pk, disabled_rule._state.adding = uuid4(), True
        disabled_rule.save()

    assert "0 alert rules" in load_synthetic()
    assert alert_rules.count() == rule_count + 1


def test_existing_clients_with_other_ids_are_found_by_name(db: None) -> None:
    baltic = Client.objects.create(name="Baltic Foods")

    load_synthetic(end="none")

    assert Client.objects.count() == 12
    assert baltic.pipelines.count() > 0


@pytest.mark.usefixtures("v1")
def test_an_end_that_differs_from_the_stored_end_is_refused_and_nothing_changes() -> None:
    before = row_versions()

    with pytest.raises(CommandError, match="is loaded already, and ends at 2026-11-01T00:00:00") as refusal:
        load_synthetic(end=END + timedelta(days=1))

    assert refusal.value.returncode == 1
    assert row_versions() == before


def test_a_faulty_data_set_is_refused_with_its_faults_and_nothing_is_stored(
    db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "v1"
    copytree(datasets.dataset("v1").root, root)
    batch = root / "batches" / "runs_2026-10.csv"
    batch.write_text(batch.read_text().replace(",success,", ",succeeded,", 1))

    monkeypatch.setattr("ingestion.management.commands.load_synthetic.dataset", lambda name: datasets.Dataset(root))
    with pytest.raises(CommandError, match=r'runs_2026-10\.csv:\d+: status: "succeeded" is not one of') as refusal:
        load_synthetic()

    assert refusal.value.returncode == 2
    assert not Client.objects.exists()


def test_a_second_load_at_the_same_time_is_refused(db: None) -> None:
    with named_lock("load_synthetic v1"), pytest.raises(CommandError, match="Another load"):
        load_synthetic()
    assert not Client.objects.exists()


@pytest.mark.parametrize("name", ["v9", "../v1", "", "/etc"])
def test_the_error_for_an_unknown_data_set_lists_the_data_sets(name: str) -> None:
    with pytest.raises(CommandError, match=r"There is no data set .*; the data sets are: v1"):
        load_synthetic(dataset=name)


def test_a_bad_time_is_named_and_the_help_has_examples() -> None:
    with pytest.raises(CommandError, match="is not now, none, or a time"):
        call_command("load_synthetic", "--end", "soon")
    command = [sys.executable, "manage.py", "load_synthetic", "--help"]
    help_text = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    ).stdout
    assert "examples:" in help_text
    assert "Safe to repeat" in help_text
