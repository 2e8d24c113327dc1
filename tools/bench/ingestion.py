"""Measure three ingestions over HTTP, and compare them with a plain upsert of the same rows.

1. cold: CHM reads runs that it has not stored before.
2. replay: CHM reads the same runs again.
3. half changed: half of the runs change at the partner. Then CHM reads all runs again.
"""

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tools.bench.raw import raw_upsert
from tools.bench.servers import (
    empty_tables,
    fill_inventory,
    partner,
    postgres_memory_mb,
    run_timed,
    write_connections_file,
)

PAGE_SIZE = 1_000
PIPELINE_COUNT = 100


def measure(url: str, *, run_count: int) -> dict[str, Any]:
    """Return rate and memory of each ingestion; exit if an ingestion does not store the expected number of runs."""
    # Every pipeline has the same number of runs, and the partner changes every second of them. So round up to an even
    # number of runs per pipeline.
    run_count = -(-run_count // (2 * PIPELINE_COUNT)) * 2 * PIPELINE_COUNT
    pipeline_ids = fill_inventory(url, [f"pipeline_{number}" for number in range(PIPELINE_COUNT)])
    figures: dict[str, Any] = {"runs": run_count, "page": PAGE_SIZE}
    with (
        tempfile.TemporaryDirectory() as folder,
        partner("--pipelines", str(PIPELINE_COUNT), "--runs", str(run_count), "--page", str(PAGE_SIZE)) as base_url,
    ):
        environment = {
            "CHM_DATABASE_URL": url,
            "CHM_CONNECTIONS_FILE": str(write_connections_file(Path(folder), base_url)),
        }
        for ingestion_name, expected_outcome in (
            ("cold", "created"),
            ("replay", "unchanged"),
            ("half changed", "updated"),
        ):
            if ingestion_name == "half changed":
                urlopen(f"{base_url}/version/1", timeout=600).close()
            # An ordinary walk reads only changed runs. With --full CHM reads all runs.
            command = run_timed("ingest_runs", "--full", "--json", **environment)
            [connection_result] = json.loads(command.output)["connections"]
            expected_count = run_count // 2 if ingestion_name == "half changed" else run_count
            if (
                connection_result[expected_outcome] != expected_count
                or connection_result["runs_processed"] != run_count
            ):
                raise SystemExit(f"{ingestion_name}: {connection_result}")
            figures[f"{ingestion_name}, runs/s"] = round(run_count / command.seconds)
            figures[f"{ingestion_name}, peak MB"] = round(command.peak_mb)
    figures["raw upsert, runs/s"] = round(
        raw_upsert(url, pipeline_ids=pipeline_ids, run_count=run_count, page_size=PAGE_SIZE)
    )
    rate_without_report_indexes = raw_upsert(
        url, pipeline_ids=pipeline_ids, run_count=run_count, page_size=PAGE_SIZE, without_report_indexes=True
    )
    figures["raw upsert without the shapes' indexes, runs/s"] = round(rate_without_report_indexes)
    figures["cold ÷ raw"] = round(figures["cold, runs/s"] / figures["raw upsert, runs/s"], 2)
    figures["replay ÷ cold"] = round(figures["replay, runs/s"] / figures["cold, runs/s"], 2)
    figures["PostgreSQL MB"] = postgres_memory_mb()
    empty_tables(url)
    return figures
