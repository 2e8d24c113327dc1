"""Collect the metrics of /metrics from all processes, from the database and from the broker."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator

import redis
from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector as PrometheusCollector

from chm_project.db import best_effort_cache
from chm_project.db.replica import ReplicaState, replica_state
from chm_project.operations.alert_metrics import alert_metrics
from chm_project.operations.beat import heartbeat_age
from chm_project.operations.installation_state import InstallationCounts, installation_counts, queue_length
from chm_project.settings.version import VERSION
from chm_project.telemetry.process_values import collect_all
from runs.models import Status
from runs.push.unmatched_jobs import unmatched_total
from runs.reporting.run_shapes import run_shape

logger = logging.getLogger(__name__)

# The counts of late pipelines are cached for this time, because they take longer than all other metrics.
LATE_CACHE_SECONDS = 60
_LATE_CACHE_KEY = "metrics:late"


class Collector(PrometheusCollector):
    """Collect all metrics for one scrape. If the database or the broker is down, its metrics are missing."""

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("chm_build_info", "Always 1; the label is CHM's version", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        yield from collect_all()
        try:
            counts = installation_counts()
        except DatabaseError:
            yield _gauge("chm_database_up", "Whether the database answers", 0)
        else:
            yield _gauge("chm_database_up", "Whether the database answers", 1)
            yield from _count_metrics(counts)
            yield from _late_metric(counts)
            yield from alert_metrics()
        yield from _replica_metrics(replica_state())
        yield from _broker_metrics()


def _replica_metrics(state: ReplicaState | None) -> Iterator[Metric]:
    if state is None:
        return
    yield _gauge("chm_replica_read", "Whether reports and pages read the replica", state.is_read)
    yield _gauge(
        "chm_replica_max_lag_seconds",
        "Configured limit: CHM does not read a replica with a larger lag",
        state.max_lag_seconds,
    )
    if state.lag_seconds is not None:
        yield _gauge("chm_replica_lag_seconds", "How far behind the replica is", state.lag_seconds)


def _count_metrics(counts: InstallationCounts) -> Iterator[Metric]:
    yield _by_group("chm_pipelines_active", "Pipelines of the active inventory", counts, "active_count")
    yield _by_group(
        "chm_pipelines_failing", "Active pipelines whose latest decisive run failed", counts, "failing_count"
    )
    yield _by_group("chm_pipelines_stale", "Active pipelines whose ingestion is overdue", counts, "stale_count")
    yield _by_group(
        "chm_pipelines_failing_ingestion", "Active pipelines whose last walk failed", counts, "failing_ingestion_count"
    )
    if counts.oldest_ingest_age_seconds is not None:
        yield _gauge(
            "chm_ingest_oldest_age_seconds",
            "Largest time in seconds since the last finished walk of a pipeline",
            counts.oldest_ingest_age_seconds,
        )
    runs = GaugeMetricFamily("chm_runs_24h", "Runs that happened in the last 24 hours", labels=["status"])
    for status in Status.values:
        runs.add_metric([status], counts.run_counts_24h.get(status, 0))
    yield runs


def _late_metric(counts: InstallationCounts) -> Iterator[Metric]:
    try:
        late_counts = _late_by_group()
    except DatabaseError:
        logger.warning("late pipelines are not counted: a database query failed")
        return
    count_by_group = {(client, platform): number for client, platform, number in late_counts}
    metric = GaugeMetricFamily(
        "chm_pipelines_late",
        f"Late pipelines, counted at most {LATE_CACHE_SECONDS} seconds ago",
        labels=["client", "platform"],
    )  # fmt: skip
    for group in counts.groups:
        metric.add_metric([group.client, group.platform], count_by_group.get((group.client, group.platform), 0))
    yield metric


def _late_by_group() -> Iterable[tuple[str, str, int]]:
    """Return client, platform and number of late pipelines, from the cache if possible."""
    if (cached := best_effort_cache.read(_LATE_CACHE_KEY)) is not None:
        return [(client, platform, number) for client, platform, number in cached]
    counts = Counter((row["client_name"], row["platform"]) for row in run_shape("late_pipelines"))
    groups = [(client, platform, number) for (client, platform), number in sorted(counts.items())]
    best_effort_cache.write(_LATE_CACHE_KEY, groups, LATE_CACHE_SECONDS)
    return groups


def _broker_metrics() -> Iterator[Metric]:
    try:
        unmatched = CounterMetricFamily(
            "chm_lineage_unmatched_events", "Lineage events whose job belongs to no pipeline"
        )
        unmatched.add_metric([], unmatched_total())
        yield unmatched
    except (redis.RedisError, OSError, ValueError):
        pass  # the counter is in the broker's Redis; chm_broker_up below shows that Redis is down
    try:
        yield _gauge("chm_queue_length", "Tasks that wait for a worker", queue_length())
    except (redis.RedisError, OSError, ValueError):
        yield _gauge("chm_broker_up", "Whether the broker answers", 0)
        return
    yield _gauge("chm_broker_up", "Whether the broker answers", 1)
    if (age := heartbeat_age()) is not None:
        yield _gauge("chm_beat_age_seconds", "Seconds since beat's last heartbeat", age)


def _by_group(name: str, documentation: str, counts: InstallationCounts, count_field: str) -> Metric:
    metric = GaugeMetricFamily(name, documentation, labels=["client", "platform"])
    for group in counts.groups:
        metric.add_metric([group.client, group.platform], getattr(group, count_field))
    return metric


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)
