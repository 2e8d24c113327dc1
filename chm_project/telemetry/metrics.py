"""The metrics that each process counts while it works.

CHM reads all other metrics from the database and the broker when Prometheus requests /metrics
(chm_project.operations.collector).
docs/monitoring.md lists all metrics. Their names follow Prometheus' rules, such as the suffix `_seconds` or `_total`.
"""

import functools
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ParamSpec

from django.db import connection
from django.utils import timezone
from prometheus_client import Counter, Gauge, Histogram

from chm_project.telemetry.context import process_role
from chm_project.telemetry.process_values import REGISTRY

logger = logging.getLogger(__name__)
P = ParamSpec("P")

_REQUEST_SECONDS = Histogram(
    "chm_http_request_duration_seconds", "Time from the start of a request to its response",
    ["method", "route", "status"], buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10), registry=REGISTRY,
)  # fmt: skip
_TASK_SECONDS = Histogram(
    "chm_task_duration_seconds", "Time that a task ran, by its final state", ["task", "state"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 600), registry=REGISTRY,
)  # fmt: skip
_TASK_WAIT_SECONDS = Histogram(
    "chm_task_wait_seconds", "Time that a task waited in the queue", ["task"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 600), registry=REGISTRY,
)  # fmt: skip
_PAGE_SECONDS = Histogram(
    "chm_ingest_page_duration_seconds", "Time to fetch and store one page of runs", ["connection"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60), registry=REGISTRY,
)  # fmt: skip
_RUN_COUNT = Counter(
    "chm_ingest_runs", "Runs read from a source, by outcome", ["connection", "outcome"], registry=REGISTRY
)
_WALK_ERROR_COUNT = Counter(
    "chm_ingest_errors", "Walks of a source that failed, by kind", ["connection", "kind"], registry=REGISTRY
)
_SUCCEEDED_AT = Gauge(
    "chm_ingest_last_success_timestamp_seconds", "When a walk of this connection last succeeded", ["connection"],
    multiprocess_mode="mostrecent", registry=REGISTRY,
)  # fmt: skip
_WATERMARK = Gauge(
    "chm_ingest_watermark_timestamp_seconds", "Time up to which all changes of this connection's pipelines are stored",
    ["connection"], multiprocess_mode="mostrecent", registry=REGISTRY,
)  # fmt: skip
_INTERVAL = Gauge(
    "chm_ingest_interval_seconds", "Configured interval between two reads of this connection", ["connection"],
    multiprocess_mode="mostrecent", registry=REGISTRY,
)  # fmt: skip
_POOL_CONNECTIONS = Gauge(
    "chm_database_pool_connections", "Connections in the pools of processes, after their last request or task",
    ["process", "state"], multiprocess_mode="livesum", registry=REGISTRY,
)  # fmt: skip
_POOL_WAIT_SECONDS = Counter(
    "chm_database_pool_wait_seconds",
    "Time that requests and tasks waited for a pooled connection",
    ["process"],
    registry=REGISTRY,
)
_POOL_ERROR_COUNT = Counter(
    "chm_database_pool_errors",
    "Requests and tasks that got no pooled connection in time",
    ["process"],
    registry=REGISTRY,
)

POOL_INTERVAL_SECONDS = 1.0
_pool_recorded_at = 0.0
_last_pool_counts: dict[str, float] = {}
# Clients can send any word as a method. Any other method counts as OTHER, so that the label has few values.
COUNTED_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}


def _suppress_errors(record: Callable[P, None]) -> Callable[P, None]:
    """Log errors of the decorated function and do not raise them.

    If the disk is full or the folder of the metrics is deleted, the measured work must still succeed.
    """

    @functools.wraps(record)
    def recorded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            record(*args, **kwargs)
        except (OSError, ValueError) as error:
            logger.warning("metric not recorded: %s", error)

    return recorded


@_suppress_errors
def count_request(method: str, route: str, status: int, seconds: float) -> None:
    _REQUEST_SECONDS.labels(method if method in COUNTED_METHODS else "OTHER", route, str(status)).observe(seconds)


@_suppress_errors
def count_task(name: str, state: str, seconds: float) -> None:
    _TASK_SECONDS.labels(name, state).observe(seconds)


@_suppress_errors
def count_task_wait(name: str, seconds: float) -> None:
    # The difference can be negative, because the clocks of two machines can differ.
    _TASK_WAIT_SECONDS.labels(name).observe(max(0.0, seconds))


@_suppress_errors
def count_page(connection_name: str, seconds: float, outcomes: Mapping[str, int]) -> None:
    _PAGE_SECONDS.labels(connection_name).observe(seconds)
    for outcome, count in outcomes.items():
        _RUN_COUNT.labels(connection_name, outcome).inc(count)


@_suppress_errors
def count_failed_walk(connection_name: str, error_kind: str) -> None:
    _WALK_ERROR_COUNT.labels(connection_name, error_kind).inc()


@_suppress_errors
def record_walk(
    connection_name: str, *, interval_seconds: float, has_succeeded: bool, watermark: datetime | None
) -> None:
    """Set the gauges of a connection after a walk.

    `watermark` is the oldest watermark of the connection's pipelines. It is None if a pipeline has none.
    """
    _INTERVAL.labels(connection_name).set(interval_seconds)
    if has_succeeded:
        _SUCCEEDED_AT.labels(connection_name).set(timezone.now().timestamp())
    if watermark is not None:
        _WATERMARK.labels(connection_name).set(watermark.timestamp())


@_suppress_errors
def record_pool() -> None:
    """Record the state of the connection pool. Call this at the end of each request and task.

    If the state was recorded less than a second ago, do nothing.
    """
    global _pool_recorded_at
    now = time.monotonic()
    if now < _pool_recorded_at + POOL_INTERVAL_SECONDS or not (pool := getattr(connection, "pool", None)):
        return
    _pool_recorded_at = now
    stats = pool.get_stats()
    idle = stats.get("pool_available", 0)
    _POOL_CONNECTIONS.labels(process_role(), "idle").set(idle)
    _POOL_CONNECTIONS.labels(process_role(), "used").set(stats.get("pool_size", 0) - idle)
    _POOL_CONNECTIONS.labels(process_role(), "max").set(stats.get("pool_max", 0))
    _POOL_WAIT_SECONDS.labels(process_role()).inc(_increase("requests_wait_ms", stats) / 1000)
    _POOL_ERROR_COUNT.labels(process_role()).inc(_increase("requests_errors", stats))


def _increase(name: str, stats: Mapping[str, int]) -> float:
    """Return how much a counter of the pool has grown since the last call.

    If two threads call this function at the same time, both can return the same growth.
    """
    last_count, current_count = _last_pool_counts.get(name, 0), stats.get(name, 0)
    _last_pool_counts[name] = current_count
    return max(0, current_count - last_count)
