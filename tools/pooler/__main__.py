"""python -m tools.pooler: run the suite through Debian's PgBouncer in transaction mode, on Debian's PostgreSQL 15.

--quick runs the tests that depend most on sessions: writes, locks, latest runs, pushes. Other arguments go to pytest.
"""

import os
import subprocess
import sys

import psycopg

from tools.support import debian_postgres as debian

QUICK = [
    "runs/tests/test_worked_sequences.py", "runs/tests/test_latest.py", "runs/tests/test_run_rows.py",
    "runs/tests/test_api_push.py", "runs/tests/test_pings.py", "runs/tests/test_concurrent_writers.py",
    "chm_project/tests/test_pooler.py",
]  # fmt: skip
# These test prepared statements, which are off behind a pooler.
PREPARED = ["runs/tests/test_prepared_write.py", "runs/tests/test_run_rows.py::test_a_session_prepares_a_query_once"]
# These start, stop and limit their own servers.
OTHERS = ["chm_project/local", "chm_project/web_server", "tools/tests"]


def main(arguments: list[str]) -> int:
    quick = "--quick" in arguments
    chosen = [argument for argument in arguments if argument != "--quick"]
    debian.install()
    with (
        debian.folder() as folder,
        debian.postgres(folder, {"max_connections": "50", "fsync": "off"}) as server,
        debian.pgbouncer(folder, server) as pooler,
    ):
        database = "test_chm"
        with psycopg.connect(server, autocommit=True) as session:
            session.execute(f"CREATE DATABASE {database}")
        environment = {
            **os.environ,
            "CHM_DATABASE_URL": pooler, "CHM_DATABASE_DIRECT_URL": server, "CHM_DATABASE_PREPARE": "false",
        }  # fmt: skip
        tests = chosen or (QUICK if quick else [f"--ignore={path}" for path in OTHERS])
        # Keep the test database: PostgreSQL cannot drop a database while PgBouncer is connected to it.
        deselected = [word for test in PREPARED for word in ("--deselect", test)]
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--reuse-db", *deselected, *tests]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
