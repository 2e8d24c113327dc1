"""The state of the installation, read from the database and the broker when asked: web processes share no memory."""

from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.migrations.executor import MigrationExecutor

from chm_project.embedded import redis_url
from chm_project.operations.beat import DEAD_AFTER_SECONDS, pulse_age

QUEUE = "celery"

_NUMBERS = """
SELECT
    (SELECT count(*) FROM reporting.pipelines WHERE is_active),
    (SELECT count(*) FROM reporting.pipelines WHERE is_active AND ingest_due_at < now()),
    (SELECT extract(epoch FROM now() - min(last_ingest_at)) FROM reporting.pipelines
        WHERE is_active AND external_id IS NOT NULL),
    (SELECT count(*) FROM reporting.pipelines
        WHERE is_active AND external_id IS NOT NULL AND last_ingest_error IS NOT NULL),
    (SELECT count(*) FROM reporting.latest_runs WHERE is_active AND latest_status = 'failed')
"""
_RUNS = """
SELECT status, count(*) FROM reporting.runs
WHERE event_at >= now() - interval '24 hours' AND event_at < now() GROUP BY status
"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Pipelines of the active inventory; ages in seconds."""

    pipelines: int
    stale: int
    oldest_ingest_age: float | None
    failing_ingestion: int
    failing: int
    runs_24h: dict[str, int]


def numbers() -> Numbers:
    """Two queries, each by an index."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS)
        pipelines, stale, oldest, failing_ingestion, failing = cursor.fetchone()
        cursor.execute(_RUNS)
        runs = dict(cursor.fetchall())
    age = None if oldest is None else float(oldest)
    return Numbers(pipelines, stale, age, failing_ingestion, failing, runs)


def queue_length() -> int:
    """Tasks that wait for a worker; raises redis.RedisError."""
    with redis.Redis.from_url(
        redis_url(settings.CELERY_BROKER_URL), socket_connect_timeout=2, socket_timeout=2
    ) as broker:
        length: Any = broker.llen(QUEUE)
        return int(length)


def problems() -> dict[str, str]:
    """By part, what keeps this installation from working; never an address or a secret."""
    found: dict[str, str] = {}
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if waiting := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        found["database"] = f"{len(waiting)} migrations are not applied; run manage.py migrate"
    try:
        queue_length()
    except (redis.RedisError, OSError, ValueError):
        found["broker"] = "the broker cannot be reached"
        return found
    age = pulse_age()
    if age is None:
        found["beat"] = "beat has not shown a pulse yet; is it running?"
    elif age > DEAD_AFTER_SECONDS:
        found["beat"] = f"beat's last pulse was {age:.0f} s ago; is it running?"
    return found
