"""CHM reads the last days of each connection or pipeline again once a day. The times are spread over the day."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from ingestion.reconciliation import since_of_walk
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.tests.support import create_pipelines, generic_connection, ingest
from inventory.models import Pipeline

MINUTE = timedelta(minutes=1)


def times_of_reconciliation(name: str, days: int) -> list[datetime]:
    """Return the times of the walks that read the last days again, during a day with a tick every minute."""
    times = []
    now = datetime(2026, 11, 20, tzinfo=UTC)
    watermark = now - MINUTE
    for _ in range(24 * 60):
        now += MINUTE
        since = watermark - 2 * MINUTE
        start = since_of_walk(since, watermark=watermark, now=now, reconcile_days=days, spread_by=name)
        if start != since:
            assert timedelta(days=days) <= now - start < timedelta(days=days, minutes=2)
            times.append(now)
        watermark = now
    return times


def test_each_connection_reads_its_last_days_once_a_day_at_its_own_time() -> None:
    times_by_name = {name: times_of_reconciliation(name, 3) for name in ("airflow", "dagster", "prefect")}

    assert [len(times) for times in times_by_name.values()] == [1, 1, 1]
    assert len({times[0] for times in times_by_name.values()}) == 3
    assert times_of_reconciliation("airflow", 0) == []


def test_pipelines_with_their_own_listing_are_spread_over_the_day() -> None:
    hours = [0] * 24
    for number in range(240):
        [moment] = times_of_reconciliation(f"pipeline-{number}", 3)
        hours[moment.hour] += 1

    assert max(hours) < 40, "not all in one hour"


def test_the_next_walk_does_a_missed_daily_reconciliation() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    watermark = now - timedelta(days=4)

    assert since_of_walk(watermark, watermark=watermark, now=now, reconcile_days=3, spread_by="x") == watermark
    assert since_of_walk(
        now, watermark=now - timedelta(hours=25), now=now, reconcile_days=3, spread_by="x"
    ) < now - timedelta(days=2)


@pytest.mark.django_db
@pytest.mark.parametrize("days", [3, 0])
def test_only_the_first_walk_after_the_daily_time_reads_the_last_days(
    generic_partner: GenericPartner, days: int
) -> None:
    create_pipelines("Northwind", "orders")
    generic_partner.runs = {"orders": [{"id": "1", "status": "failed"}]}
    connection = generic_connection(generic_partner, reconcile_days=days)
    ingest(connection)
    Pipeline.objects.update(ingested_through=timezone.now() - timedelta(hours=25))
    generic_partner.requests.clear()

    ingest(connection)
    ingest(connection)

    ages = [
        timezone.now() - datetime.fromisoformat(request.query_value("updated_since") or "")
        for request in generic_partner.requests
    ]
    assert [age > timedelta(days=2) for age in ages] == [days == 3, False]
