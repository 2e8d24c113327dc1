"""Read the state of the installation from the database and the broker."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from chm_project.db.replica import ReplicaState, replica_state
from chm_project.db.reporting.files import expanded, fragments
from chm_project.local.embedded import redis_url
from chm_project.operations.beat import STOPPED_AFTER_SECONDS, heartbeat_age
from runs.reporting.parameters import INFINITY

QUEUE_NAME = "celery"

_COUNTS_BY_GROUP_SQL = """
WITH failing AS (SELECT p.pipeline_id FROM {failing_pipelines} AS p)
SELECT
    p.client_name, p.platform,
    count(*),
    count(failing.pipeline_id),
    count(*) FILTER (WHERE {stale}),
    count(*) FILTER (WHERE p.external_id IS NOT NULL AND p.last_ingest_error IS NOT NULL),
    extract(epoch FROM now() - min(p.last_ingest_at) FILTER (WHERE p.external_id IS NOT NULL))
FROM reporting.pipelines AS p
LEFT JOIN failing USING (pipeline_id)
WHERE p.is_active
GROUP BY p.client_name, p.platform
ORDER BY p.client_name, p.platform
"""
_RUNS_BY_STATUS_SQL = """
SELECT status, count(*) FROM reporting.runs
WHERE event_at >= now() - interval '24 hours' AND event_at < now() GROUP BY status
"""


@dataclass(frozen=True, slots=True)
class PipelineGroup:
    """How many active pipelines a client has on a platform, and how many of them fail or are stale.

    `oldest_ingest_age_seconds` is the time since the last ingestion of the pipeline that was ingested longest ago. It
    is None if CHM has ingested no pipeline of the group yet.
    """

    client: str
    platform: str
    active_count: int
    failing_count: int
    stale_count: int
    failing_ingestion_count: int
    oldest_ingest_age_seconds: Decimal | None


@dataclass(frozen=True, slots=True)
class InstallationCounts:
    """Counts of the whole installation: pipelines by client and platform, and runs of the last 24 hours by status."""

    groups: list[PipelineGroup]
    run_counts_24h: dict[str, int]

    @property
    def oldest_ingest_age_seconds(self) -> float | None:
        """Return the largest age of all groups; None if no pipeline was ever ingested."""
        ages = [float(age) for group in self.groups if (age := group.oldest_ingest_age_seconds) is not None]
        return max(ages, default=None)


def installation_counts() -> InstallationCounts:
    """Read the counts from the database, with two queries."""
    with connection.cursor() as cursor:
        cursor.execute(expanded(_COUNTS_BY_GROUP_SQL, fragments()), {"as_of": timezone.now(), "state_at": INFINITY})
        groups = [PipelineGroup(*row) for row in cursor.fetchall()]
        cursor.execute(_RUNS_BY_STATUS_SQL)
        run_counts = dict(cursor.fetchall())
    return InstallationCounts(groups, run_counts)


def queue_length() -> int:
    """Return the number of tasks that wait for a worker. Raise redis.RedisError if the broker does not answer."""
    with redis.Redis.from_url(
        redis_url(settings.CELERY_BROKER_URL), socket_connect_timeout=2, socket_timeout=2
    ) as broker:
        length: Any = broker.llen(QUEUE_NAME)
        return int(length)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the installation can work. CHM is ready if `problems` is empty.

    The keys of `problems` are "database", "broker" and "beat". The texts contain no addresses or secrets.
    """

    problems: dict[str, str]
    stale_pipeline_count: int | None
    replica: ReplicaState | None = None


NO_DATABASE = Readiness({"database": "the database cannot be reached or has no tables"}, None)

_STALE_PIPELINES_SQL = "SELECT count(*) FROM reporting.pipelines AS p WHERE is_active AND {stale}"
# The names of databases whose migrations are all applied. CHM does not check these again, because the check is slow.
_migrated_databases: set[str] = set()


def readiness() -> Readiness:
    """Return the problems of the database, the broker and beat, the number of stale pipelines, and the replica's state.

    Stale pipelines do not count as problems. Neither does a replica that lags too far behind or does not answer: CHM
    then reads the primary database.
    """
    try:
        problems, stale_count = _migration_problems(), _count_stale_pipelines()
    except DatabaseError:
        return NO_DATABASE
    return Readiness(problems | _scheduling_problems(), stale_count, replica_state())


def can_serve() -> bool:
    """Return whether CHM can answer requests. Do not check the broker and beat, which only ingestion needs."""
    try:
        # After its first success, _migration_problems() sends no query. The count fails if the database is down.
        return not _migration_problems() and _count_stale_pipelines() >= 0
    except DatabaseError:
        return False


def _count_stale_pipelines() -> int:
    with connection.cursor() as cursor:
        cursor.execute(expanded(_STALE_PIPELINES_SQL, fragments()), {"as_of": timezone.now()})
        return int(cursor.fetchone()[0])


def _migration_problems() -> dict[str, str]:
    name = str(connection.settings_dict["NAME"])
    if name in _migrated_databases:
        return {}
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    if unapplied_migrations := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return {"database": f"{len(unapplied_migrations)} migrations are not applied; run manage.py migrate"}
    _migrated_databases.add(name)
    return {}


def _scheduling_problems() -> dict[str, str]:
    """Return the problem of the broker, or else of beat. Return an empty dict if both work."""
    try:
        queue_length()
    except (redis.RedisError, OSError, ValueError):  # ValueError: redis-py cannot read the URL
        return {"broker": "the broker cannot be reached"}
    age = heartbeat_age()
    if age is None:
        return {"beat": "beat has not sent a heartbeat yet; is it running?"}
    return {"beat": f"beat's last heartbeat was {age:.0f} s ago; is it running?"} if age > STOPPED_AFTER_SECONDS else {}
