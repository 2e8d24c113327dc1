"""Sixty runs for tests of shapes. The expected rows of the shapes (expected_shapes.py) were calculated by hand.

The runs include nulls, ties, disabled inventory and times at the edges of windows. All times are hours before AS_OF, a
Wednesday at noon: `hours_ago(24)` is Tuesday at noon.
"""

from datetime import UTC, datetime, timedelta

from alerting.models import AlertRule
from inventory.models import Client, Pipeline
from runs.models import Run

AS_OF = datetime(2026, 6, 17, 12, tzinfo=UTC)
DAY = 24  # hours


def hours_ago(hours: float) -> datetime:
    return AS_OF - timedelta(hours=hours)


ORDERS_URL = "https://airflow.example/dags/orders/runs"


def create_seed() -> None:
    acme, borealis, delta = (Client.objects.create(name=name) for name in ("Acme", "Borealis", "Delta"))
    cygnus = Client.objects.create(name="Cygnus", is_active=False)
    orders = _pipeline(
        acme, "Orders", "airflow", "prod", external_id="orders", source_url_template=f"{ORDERS_URL}/{{run_id}}"
    )
    payments = _pipeline(acme, "Payments", "vendor_api", "prod", external_id="payments")
    legacy = _pipeline(acme, "Legacy", "cron", "dev", external_id="legacy", is_active=False)
    hourly = _pipeline(borealis, "Hourly", "dbt", "prod", external_id="hourly")
    sync = _pipeline(borealis, "Sync", "vendor_api", "staging")
    new = _pipeline(borealis, "New", "custom", "dev")
    _pipeline(delta, "Empty", "custom", "staging")
    archive = _pipeline(cygnus, "Archive", "airflow", "prod", external_id="archive")

    _run(orders, "success", 40 * DAY, minutes=60, rows=1_000)  # before the window of 30 days
    _run(orders, "success", 8 * DAY, minutes=10, rows=100)
    _run(orders, "failed", 7 * DAY, minutes=20)  # exactly 7 days ago: inside the window of 7 days
    _run(orders, "success", 5 * DAY, minutes=30, rows=300)
    _run(orders, "failed", 26, minutes=10)
    _run(orders, "canceled", 10, minutes=5)  # not part of the streak of failures, which continues
    _run(orders, "failed", 2, minutes=90, error="relation staging.orders does not exist")

    for day in range(9, 24):
        _run(payments, "success", day * DAY, minutes=2, rows=50)
    _run(payments, "success", 30, minutes=1, rows=500)
    _run(payments, "failed", 24, minutes=1)  # exactly 24 hours ago: inside the window of 24 hours
    _run(payments, "failed", 3, minutes=1)
    # Both runs have the same times, so the second one is the latest run, because it was stored later.
    _run(payments, "failed", 1, minutes=1)
    _run(payments, "success", 1, minutes=1)

    _run(legacy, "success", 90 * DAY, minutes=2)
    _run(legacy, "failed", 40, minutes=2)

    for hour in range(28, 4, -1):
        _run(hourly, "success", hour - 1 / 6, minutes=10, rows=10)  # starts every hour; the last start was 5 hours ago

    _run(sync, "skipped", None, stored_hours=20 * DAY)  # without any times
    _run(sync, "failed", 30, minutes=1)
    _run(sync, "success", 4, minutes=1)
    _run(sync, "running", None, started_hours=0.5)

    _run(new, "success", 2, minutes=0, rows=0)

    _run(archive, "failed", 1, minutes=1)
    _run(archive, "success", 0, minutes=1)  # at the end of every window: outside of it

    Pipeline.objects.filter(pk=orders.pk).update(
        ingest_due_at=hours_ago(1), last_ingest_at=hours_ago(2), last_ingest_error="GET /dagRuns answered 503"
    )
    Pipeline.objects.filter(pk=hourly.pk).update(source_next_run_at=hours_ago(4))
    Pipeline.objects.filter(pk=payments.pk).update(
        ingest_due_at=hours_ago(0), last_ingest_at=hours_ago(0.25), source_missing_since=hours_ago(3)
    )
    AlertRule.objects.create(client=acme, rule_type="on_failure", channel="slack", destination="#acme")
    AlertRule.objects.create(pipeline=new, rule_type="on_failure", channel="slack", destination="#new")
    AlertRule.objects.create(
        pipeline=hourly, rule_type="on_failure", channel="slack", destination="#hourly", is_enabled=False
    )


def _pipeline(client: Client, name: str, platform: str, environment: str, **fields: object) -> Pipeline:
    return Pipeline.objects.create(
        client=client, name=name, platform=platform, environment=environment, pipeline_type="ingestion", **fields
    )


def _run(
    pipeline: Pipeline,
    status: str,
    finished_hours: float | None,
    *,
    minutes: int = 0,
    started_hours: float | None = None,
    stored_hours: float | None = None,
    rows: int | None = None,
    error: str | None = None,
) -> None:
    """Create a run; `finished_hours`, `started_hours` and `stored_hours` are hours before AS_OF."""
    run = Run.objects.create(
        pipeline=pipeline,
        external_run_id=f"run {Run.objects.count()}",
        status=status,
        finished_at=None if finished_hours is None else hours_ago(finished_hours),
        started_at=hours_ago(started_hours)
        if started_hours is not None
        else hours_ago(finished_hours + minutes / 60)
        if finished_hours is not None
        else None,
        duration_seconds=None if finished_hours is None else minutes * 60,
        rows_processed=rows,
        error_message=error,
    )
    if stored_hours is not None:
        Run.objects.filter(pk=run.pk).update(created_at=hours_ago(stored_hours))
