"""Measure ingestion over HTTP (first, repeated, half changed), compared with a plain upsert of the same rows."""

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tools.bench.raw import raw_upsert
from tools.bench.servers import connections_file, empty_tables, fill_inventory, partner, postgres_memory_mb, timed

PAGE_SIZE = 1_000
PIPELINES = 100


def measure(url: str, *, runs: int) -> dict[str, Any]:
    """Return rates and memory of each ingestion; exit if an ingestion does not store the expected number of runs."""
    # Rounded up, so that every pipeline has the same number of runs.
    runs = -(-runs // PIPELINES) * PIPELINES
    pipelines = fill_inventory(url, [f"pipeline_{number}" for number in range(PIPELINES)])
    rates: dict[str, Any] = {"runs": runs, "page": PAGE_SIZE}
    with (
        tempfile.TemporaryDirectory() as folder,
        partner("--pipelines", str(PIPELINES), "--runs", str(runs), "--page", str(PAGE_SIZE)) as base_url,
    ):
        environment = {
            "CHM_DATABASE_URL": url,
            "CHM_CONNECTIONS_FILE": str(connections_file(Path(folder), base_url)),
        }
        for name, expected in (("cold", "created"), ("replay", "unchanged"), ("half changed", "updated")):
            if name == "half changed":
                urlopen(f"{base_url}/version/1", timeout=600).close()
            # --full, because an ordinary walk would not read the unchanged runs again.
            done = timed("ingest_runs", "--full", "--json", **environment)
            [report] = json.loads(done.printed)["connections"]
            expected_count = runs // 2 if name == "half changed" else runs
            if report[expected] != expected_count or report["runs_processed"] != runs:
                raise SystemExit(f"{name}: {report}")
            rates[f"{name}, runs/s"] = round(runs / done.seconds)
            rates[f"{name}, peak MB"] = round(done.peak_mb)
    rates["raw upsert, runs/s"] = round(raw_upsert(url, pipelines=pipelines, runs=runs, page=PAGE_SIZE))
    without_report_indexes = raw_upsert(
        url, pipelines=pipelines, runs=runs, page=PAGE_SIZE, without_report_indexes=True
    )
    rates["raw upsert without the shapes' indexes, runs/s"] = round(without_report_indexes)
    rates["cold ÷ raw"] = round(rates["cold, runs/s"] / rates["raw upsert, runs/s"], 2)
    rates["replay ÷ cold"] = round(rates["replay, runs/s"] / rates["cold, runs/s"], 2)
    rates["PostgreSQL MB"] = postgres_memory_mb()
    empty_tables(url)
    return rates
