"""Fill an empty database with copies of another one's runs: `python -m tools.bench.growth_database FROM TO`.

FROM has a year of runs, such as `manage.py generate_history` generates. TO is an empty database, and its user is a
superuser. The command copies the clients and pipelines once, and the runs ten times (option --copies).

Each of the ten copies becomes a tenth of the year: a run that started 10 days after the first run starts 1 day after
the first run of its copy. So each pipeline runs ten times as often, and as regularly as in FROM. The time from the
start to the end of a run is also divided by ten, but the column duration_seconds stays. Only the last copy has open
runs.

To need less disk space, the command copies no payloads, and omits two indexes that reports do not read. It loads the
rows without triggers and indexes. Then it builds the indexes and rebuilds the roll-up.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from typing import Any

import psycopg

from tools.bench.servers import ROOT

OMITTED_INDEXES = ("runs_pipeline_external_run_id_unique", "runs_by_external_id")
# The copied columns of a run. The other columns of a copy have their default values.
TIME_COLUMNS = ("created_at", "updated_at", "started_at", "finished_at", "source_updated_at", "ingested_at")
OTHER_COLUMNS = (
    "status",
    "duration_seconds",
    "rows_processed",
    "error_message",
    "status_reason",
    "pipeline_id",
    "started_at_kept",
)


def _time_in_copy_sql(column: str) -> str:
    """Return the SQL that computes the column's time in a copy from the time in the original.

    `first_at` is the time of the first run, and `length` is the time from the first run to the last run.
    """
    return f"first_at + %(copy)s * length / %(copies)s + ({column} - first_at) / %(copies)s"


# The id of a run is a UUID of version 7, which begins with the time of creation. CHM stores runs in the order of time,
# so this statement stores them in this order too.
INSERT_COPY_SQL = f"""
    INSERT INTO runs (id, external_run_id, {", ".join(TIME_COLUMNS)}, {", ".join(OTHER_COLUMNS)})
    SELECT
        (
            overlay(
                lpad(to_hex((extract(epoch FROM {_time_in_copy_sql("created_at")}) * 1000)::bigint), 12, '0')
                PLACING '-' FROM 9 FOR 0
            )
            || '-7' || substr(gen_random_uuid()::text, 16)
        )::uuid,
        %(copy)s || '.' || external_run_id,
        {", ".join(map(_time_in_copy_sql, TIME_COLUMNS))},
        {", ".join(OTHER_COLUMNS)}
    FROM history
    CROSS JOIN (SELECT min(event_at) AS first_at, max(event_at) - min(event_at) AS length FROM history) AS year
    WHERE status <> 'running' OR %(copy)s = %(copies)s - 1
    ORDER BY event_at
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="FROM", help="address of the database with a year of runs")
    parser.add_argument("target", metavar="TO", help="address of an empty database")
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--least-free-gb", type=int, default=8, help="stop if the root disk has less free space")
    options = parser.parse_args()
    _manage(options.target, "migrate", "--verbosity", "0")
    with psycopg.connect(options.source) as source, psycopg.connect(options.target) as target:
        target.execute("SET session_replication_role = replica")  # no triggers
        target.execute("SET maintenance_work_mem = '1GB'; SET work_mem = '512MB'; SET timezone = 'UTC'")
        for table in ("clients", "pipelines"):
            _copy(source, target, f"SELECT * FROM {table}", table)
        definitions = _drop_indexes(target)
        # After TRUNCATE, PostgreSQL writes the rows of the same transaction without WAL if wal_level is "minimal".
        target.execute("TRUNCATE runs")
        _copy_runs_to_history(source, target)
        for copy in range(options.copies):
            stored = target.execute(INSERT_COPY_SQL, {"copy": copy, "copies": options.copies}).rowcount
            _report(f"{stored:,} runs of copy {copy + 1}")
            if shutil.disk_usage("/").free < options.least_free_gb * 10**9:
                raise SystemExit("The disk is almost full.")
        target.execute("DROP TABLE history")
        target.commit()
        for definition in definitions:
            target.execute(definition)
            target.commit()
            _report(definition)
        target.autocommit = True
        target.execute("VACUUM (ANALYZE)")
        _report("vacuum")
    _manage(options.target, "rollup", "--rebuild")
    _report("roll-up")


def _drop_indexes(target: psycopg.Connection[Any]) -> list[str]:
    """Drop the indexes of runs. Return the statements that create them again, without the omitted indexes."""
    indexes = target.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'runs'").fetchall()
    for name in ("runs_pkey", "runs_pipeline_external_run_id_unique"):
        target.execute(f"ALTER TABLE runs DROP CONSTRAINT {name}")
    target.execute("DROP INDEX IF EXISTS " + ", ".join(name for name, _ in indexes))
    return [
        "ALTER TABLE runs ADD PRIMARY KEY (id)" if name == "runs_pkey" else definition
        for name, definition in indexes
        if name not in OMITTED_INDEXES
    ]


def _copy_runs_to_history(source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> None:
    """Copy the runs of the source to the table `history` of the target."""
    columns = ", ".join(("external_run_id", *TIME_COLUMNS, *OTHER_COLUMNS, "event_at"))
    target.execute(f"CREATE UNLOGGED TABLE history AS SELECT {columns} FROM runs")
    _copy(source, target, f"SELECT {columns} FROM runs", "history")
    target.execute("ANALYZE history")
    _report("history")


def _copy(source: psycopg.Connection[Any], target: psycopg.Connection[Any], query: str, table: str) -> None:
    with (
        source.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as read,
        target.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as write,
    ):
        for block in read:
            write.write(block)


def _manage(url: str, *arguments: str) -> None:
    environment = {**os.environ, "CHM_DATABASE_URL": url}
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


def _report(finished_step: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {finished_step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
