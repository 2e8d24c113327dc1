"""python -m tools.fuzz: send generated requests to every operation of the API, and check the responses.

The program schemathesis generates the requests from the API's schema. The test uses an admin token, `manage.py serve`,
and a new database with 2,000 runs.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tools.bench.servers import ROOT, UNLIMITED_RATES, create_database, manage, web_server

# With the default rate limits, most of the generated requests would get 429. UNLIMITED_RATES lacks the limit for
# requests with a refused token, and many of the generated requests have one.
RATE_LIMITS = UNLIMITED_RATES | {"CHM_THROTTLE_REFUSED": "100000000/minute"}
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=150, help="generated cases per operation")
    parser.add_argument(
        "--seconds", type=int, default=60, help="seconds for scenarios of several requests; 0: no scenarios"
    )
    parser.add_argument("--seed", type=int, help="generate other cases than CI's, which are always the same")
    options = parser.parse_args()
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    url = create_database(os.environ["CHM_DATABASE_URL"], "chm_fuzz")
    environment = {"CHM_DATABASE_URL": url, "CHM_DEBUG": "0", **RATE_LIMITS}
    manage("migrate", "--verbosity", "0", **environment)
    manage("generate_history", "--clients", "3", "--pipelines", "12", "--runs", "2000", "--days", "60", **environment)
    token = manage("create_api_token", "fuzz", "--scope", "admin", **environment).strip()
    with psycopg.connect(url) as connection:
        [[pipeline_id]] = connection.execute("SELECT id FROM pipelines ORDER BY name LIMIT 1").fetchall()
    # Lineage events and pings need a bound token. schemathesis.toml reads this variable.
    os.environ["CHM_FUZZ_BOUND_TOKEN"] = manage(
        "create_api_token", "fuzz bound", "--scope", "ingest", "--pipeline", str(pipeline_id), **environment
    ).strip()
    with web_server(**environment) as (port, _):
        request_options = ["--phases", "examples,coverage,fuzzing", "--max-examples", str(options.cases)]
        # With --generation-deterministic, schemathesis would stop after about 18 scenarios. With --max-time it
        # continues until the time is over.
        scenario_options = ["--phases", "stateful", "--seed", "1", "--max-time", str(options.seconds)]
        seed_options = ["--generation-deterministic"] if options.seed is None else ["--seed", str(options.seed)]
        # Use only one thread: hypothesis calls Python's parser, which can fail in Python 3.11 if two threads call it.
        statuses = [_schemathesis(port, token, *request_options, *seed_options)]
        if options.seconds:
            statuses.append(_schemathesis(port, token, *scenario_options))
    sys.exit(max(statuses))


def _schemathesis(port: int, token: str, *arguments: str) -> int:
    completed = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION),
            "run", f"http://127.0.0.1:{port}/api/v1/schema", "--header", f"Authorization: Bearer {token}",
            "--request-timeout", "30", *arguments,
        ],
        cwd=ROOT, check=False,
    )  # fmt: skip
    return completed.returncode


if __name__ == "__main__":
    main()
