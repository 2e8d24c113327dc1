"""Profile one ingestion in one process: `python -m tools.bench.profiling`.

CHM_CONNECTIONS_FILE must have exactly one connection. The command ingests its runs into the database of
CHM_DATABASE_URL, and prints as JSON which share of the time each part took. `python -m tools.bench --only profile`
starts a simulated partner, and then this command.
"""

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.bench.ingestion import PAGE_SIZE, PIPELINE_COUNT
from tools.bench.servers import ROOT, fill_inventory, partner, write_connections_file

# The functions of each part, as pairs of file and name. The time of a part is the sum of the cumulative times of its
# functions. The function for HTTP also decodes the JSON, so main() subtracts the time of decoding from the time for
# HTTP.
FUNCTIONS_BY_PART = {
    "waiting for and reading HTTP": [("http.py", "_send_once")],
    "decoding JSON": [("json_bodies.py", "decode")],
    "translating": [("generic.py", "to_run_event")],
    "repairing and scrubbing": [("events.py", "to_storable_run")],
    "PostgreSQL, and passing the rows to it": [("services.py", "_write"), ("services.py", "_to_json")],
}


def measure(url: str, *, runs: int) -> dict[str, float]:
    """Profile an ingestion in a separate process; return each part's share of the time, from 0 to 1."""
    fill_inventory(url, [f"pipeline_{number}" for number in range(PIPELINE_COUNT)])
    with (
        tempfile.TemporaryDirectory() as folder,
        partner("--pipelines", str(PIPELINE_COUNT), "--runs", str(runs), "--page", str(PAGE_SIZE)) as base_url,
    ):
        file = write_connections_file(Path(folder), base_url)
        environment = {**os.environ, "CHM_DATABASE_URL": url, "CHM_CONNECTIONS_FILE": str(file)}
        completed = subprocess.run(
            [sys.executable, "-m", "tools.bench.profiling"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            check=True,
        )
    shares: dict[str, float] = json.loads(completed.stdout)
    return shares


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    import django

    django.setup()
    from ingestion.assignment import assign_pipelines
    from ingestion.connections import configured_connections
    from ingestion.read_ahead import ReadAhead
    from ingestion.services import ingest_connection

    connections = configured_connections()
    [connection] = connections.values()
    pipelines = assign_pipelines(connections)[connection.name]
    ReadAhead.pages = lambda self, pages: pages  # type: ignore[method-assign]  # the profiler measures only one thread
    profiler = cProfile.Profile()
    profiler.runcall(ingest_connection, connection, pipelines)
    stats: Any = pstats.Stats(profiler)
    seconds_by_part = {}
    for part, functions in FUNCTIONS_BY_PART.items():
        seconds_by_part[part] = sum(
            cumulative
            for (path, _, function), (_, _, _, cumulative, _) in stats.stats.items()
            if any(path.endswith(f"{os.sep}{file}") and function == name for file, name in functions)
        )
    # If a function of FUNCTIONS_BY_PART has another name now, the profile has no time for it.
    if unmeasured := [part for part, seconds in seconds_by_part.items() if not seconds]:
        raise SystemExit(f"the profile has no function of these parts: {', '.join(unmeasured)}")
    seconds_by_part["waiting for and reading HTTP"] -= seconds_by_part["decoding JSON"]
    seconds_by_part["the rest"] = stats.total_tt - sum(seconds_by_part.values())
    print(json.dumps({part: round(seconds / stats.total_tt, 3) for part, seconds in seconds_by_part.items()}))


if __name__ == "__main__":
    main()
