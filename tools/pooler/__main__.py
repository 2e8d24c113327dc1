"""python -m tools.pooler: run CHM's tests with Debian's PgBouncer (in transaction mode) and PostgreSQL 15.

With --quick, run only the tests that depend most on database sessions: writes, locks, latest runs, pushes. All other
arguments are passed to pytest, and replace this choice of tests.
"""

import argparse
import os
import subprocess
import sys

import psycopg

from tools.support import debian_postgres as debian

QUICK_TESTS = [
    "runs/tests/test_worked_sequences.py", "runs/tests/test_latest.py", "runs/tests/test_run_rows.py",
    "runs/tests/test_api_push.py", "runs/tests/test_pings.py", "runs/tests/test_concurrent_writers.py",
    "chm_project/tests/test_pooler.py",
]  # fmt: skip
# These tests do not run here. In transaction mode, the next transaction may use another session, which does not have
# the prepared statements of the previous one. So CHM does not prepare statements.
PREPARED_STATEMENT_TESTS = [
    "runs/tests/test_prepared_write.py",
    "runs/tests/test_run_rows.py::test_a_session_prepares_a_query_once",
]
# These tests start embedded servers of their own.
OWN_SERVER_TESTS = ["chm_project/local"]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.pooler", description=__doc__, allow_abbrev=False)
    parser.add_argument("--quick", action="store_true", help="run only the tests that depend most on sessions")
    options, pytest_arguments = parser.parse_known_args(arguments)
    debian.install()
    with (
        debian.temporary_folder() as folder,
        # fsync=off is faster, and the data is deleted after the tests.
        debian.postgres(folder, {"max_connections": "50", "fsync": "off"}) as server_url,
        debian.pgbouncer(folder, server_url) as pooler_url,
    ):
        database = "test_chm"
        with psycopg.connect(server_url, autocommit=True) as session:
            session.execute(f"CREATE DATABASE {database}")
        environment = {
            **os.environ,
            "CHM_DATABASE_URL": pooler_url, "CHM_DATABASE_DIRECT_URL": server_url, "CHM_DATABASE_PREPARE": "false",
        }  # fmt: skip
        tests = pytest_arguments or (
            QUICK_TESTS if options.quick else [f"--ignore={path}" for path in OWN_SERVER_TESTS]
        )
        # --reuse-db keeps the test database. PostgreSQL could not drop it, because PgBouncer is connected to it.
        deselect_options = [word for test in PREPARED_STATEMENT_TESTS for word in ("--deselect", test)]
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--reuse-db", *deselect_options, *tests]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
