"""Measure three ingestions over HTTP, compared with a plain upsert of the same rows.

The first one stores new runs, the second one reads the same runs again, and before the third one half of them change.
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
    # Rounded up, so that every pipeline has the same number of runs.
    run_count = -(-run_count // PIPELINE_COUNT) * PIPELINE_COUNT
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
        for walk_name, expected_outcome in (("cold", "created"), ("replay", "unchanged"), ("half changed", "updated")):
            if walk_name == "half changed":
                urlopen(f"{base_url}/version/1", timeout=600).close()
            # --full, because an ordinary walk would not read the unchanged runs again.
            command = run_timed("ingest_runs", "--full", "--json", **environment)
            [report] = json.loads(command.output)["connections"]
            expected_count = run_count // 2 if walk_name == "half changed" else run_count
            if report[expected_outcome] != expected_count or report["runs_processed"] != run_count:
                raise SystemExit(f"{walk_name}: {report}")
            figures[f"{walk_name}, runs/s"] = round(run_count / command.seconds)
            figures[f"{walk_name}, peak MB"] = round(command.peak_mb)
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
