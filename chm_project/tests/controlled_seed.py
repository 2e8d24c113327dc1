"""Sixty runs whose results were calculated by hand: nulls, ties, disabled inventory, edges of windows.

All times are hours before AS_OF, a Wednesday at noon; `at(24)` is the same time yesterday.
"""

from datetime import UTC, datetime, timedelta

from alerting.models import AlertRule
from inventory.models import Client, Pipeline
from runs.models import Run

AS_OF = datetime(2026, 6, 17, 12, tzinfo=UTC)
DAY = 24


def at(hours: float) -> datetime:
    return AS_OF - timedelta(hours=hours)


SOURCE = "https://airflow.example/dags/orders/runs"


def create_seed() -> None:
    acme, borealis, delta = (Client.objects.create(name=name) for name in ("Acme", "Borealis", "Delta"))
    cygnus = Client.objects.create(name="Cygnus", is_active=False)
    orders = _pipeline(
        acme, "Orders", "airflow", "prod", external_id="orders", source_url_template=f"{SOURCE}/{{run_id}}"
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
    _run(orders, "failed", 7 * DAY, minutes=20)  # on the edge of the window of 7 days: within it
    _run(orders, "success", 5 * DAY, minutes=30, rows=300)
    _run(orders, "failed", 26, minutes=10)
    _run(orders, "canceled", 10, minutes=5)  # is not part of the streak of failures and does not end it
    _run(orders, "failed", 2, minutes=90, error="relation staging.orders does not exist")

    for day in range(9, 24):
        _run(payments, "success", day * DAY, minutes=2, rows=50)
    _run(payments, "success", 30, minutes=1, rows=500)
    _run(payments, "failed", 24, minutes=1)  # on the edge of the window of 24 hours: within it
    _run(payments, "failed", 3, minutes=1)
    _run(
        payments, "failed", 1, minutes=1
    )  # the same times as the next run, which is the latest because its row is younger
    _run(payments, "success", 1, minutes=1)

    _run(legacy, "success", 90 * DAY, minutes=2)
    _run(legacy, "failed", 40, minutes=2)

    for hour in range(28, 4, -1):
        _run(hourly, "success", hour - 1 / 6, minutes=10, rows=10)  # started on the hour, for the last time 5 hours ago

    _run(sync, "skipped", None, stored=20 * DAY)  # no times at all
    _run(sync, "failed", 30, minutes=1)
    _run(sync, "success", 4, minutes=1)
    _run(sync, "running", None, started=0.5)

    _run(new, "success", 2, minutes=0, rows=0)

    _run(archive, "failed", 1, minutes=1)
    _run(archive, "success", 0, minutes=1)  # on the end of every window: outside

    Pipeline.objects.filter(pk=orders.pk).update(
        ingest_due_at=at(1), last_ingest_at=at(2), last_ingest_error="GET /dagRuns answered 503"
    )
    Pipeline.objects.filter(pk=hourly.pk).update(source_next_run_at=at(4))
    Pipeline.objects.filter(pk=payments.pk).update(
        ingest_due_at=at(0), last_ingest_at=at(0.25), source_missing_since=at(3)
    )
    AlertRule.objects.create(client=acme, rule_type="on_failure", channel="slack", destination="#acme")
    AlertRule.objects.create(pipeline=new, rule_type="on_failure", channel="slack", destination="#new")
    AlertRule.objects.create(
        pipeline=hourly, rule_type="on_failure", channel="slack", destination="#hourly", is_enabled=False
    )


def _pipeline(client: Client, name: str, platform: str, environment: str, **rest: object) -> Pipeline:
    return Pipeline.objects.create(
        client=client, name=name, platform=platform, environment=environment, pipeline_type="ingestion", **rest
    )


def _run(
    pipeline: Pipeline,
    status: str,
    finished: float | None,
    *,
    minutes: int = 0,
    started: float | None = None,
    stored: float | None = None,
    rows: int | None = None,
    error: str | None = None,
) -> None:
    """Create a run; `finished`, `started` and `stored` are hours before AS_OF."""
    run = Run.objects.create(
        pipeline=pipeline,
        external_run_id=f"run {Run.objects.count()}",
        status=status,
        finished_at=None if finished is None else at(finished),
        started_at=at(started)
        if started is not None
        else at(finished + minutes / 60)
        if finished is not None
        else None,
        duration_seconds=None if finished is None else minutes * 60,
        rows_processed=rows,
        error_message=error,
    )
    if stored is not None:
        Run.objects.filter(pk=run.pk).update(created_at=at(stored))
