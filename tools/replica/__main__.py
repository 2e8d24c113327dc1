"""python -m tools.replica: test the console with a replica of Debian's PostgreSQL 15 that lags behind.

In some steps the replica does not apply changes until the step has ended, so the result does not depend on the
machine's speed.

- The health board must show by how many seconds the replica lags.
- After a user has changed something, CHM must read this user's pages from the main database.
- Pages must still work after the replica has stopped.

The command prints one line per expectation. The exit status is 1 if an expectation is not met.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg

from tools.support import debian_postgres as debian

APPLIED_WITHIN_SECONDS = 30


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    debian.install()
    with debian.temporary_folder() as folder, ExitStack() as server_stack:
        primary_url = server_stack.enter_context(
            debian.postgres(_new_folder(folder, "primary"), {"wal_level": "replica"})
        )
        standby_folder = _new_folder(folder, "standby")
        debian.run_as_account(
            debian.PROGRAM_FOLDER / "pg_basebackup",
            "-d",
            primary_url,
            "-D",
            standby_folder / "data",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        )
        replica_stack = ExitStack()
        server_stack.enter_context(replica_stack)
        # With hot_standby_feedback, the replica does not cancel queries when it applies changes of the main database.
        settings = {"hot_standby_feedback": "on"}
        replica_url = replica_stack.enter_context(debian.postgres(standby_folder, settings, is_new=False))
        os.environ |= {
            # CHM_BOARD_REUSE_SECONDS=0: a cached board would not show which server CHM reads.
            "CHM_DATABASE_URL": primary_url, "CHM_REPLICA_URL": replica_url, "CHM_BOARD_REUSE_SECONDS": "0",
            "CHM_DEBUG": "0", "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
        }  # fmt: skip
        return 1 if _count_failed_expectations(replica_url, replica_stack.close) else 0


def _new_folder(parent: Any, name: str) -> Any:
    debian.run_as_account("mkdir", parent / name)
    return parent / name


def _count_failed_expectations(replica_url: str, stop_replica: Callable[[], None]) -> int:
    """Test the pages with the replica and without it; return how many expectations failed."""
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client as Browser
    from django.utils import timezone

    from chm_project.db import replica
    from inventory.models import Client, Pipeline
    from runs.services import insert_run

    # If the replica does not answer, CHM waits before it tries again: usually 10 s, in this test only 0.5 s.
    replica.RETRY_SECONDS = 0.5
    call_command("migrate", verbosity=0)
    user = User.objects.create_superuser("replica", password=None)
    client = Client.objects.create(name="Acme")

    def failing_pipeline(name: str) -> Pipeline:
        pipeline = Pipeline.objects.create(
            client=client, name=name, platform="airflow", pipeline_type="ingestion", external_id=name
        )
        now = timezone.now()
        insert_run(pipeline_id=pipeline.pk, external_run_id=None, status="failed", started_at=now, finished_at=now)
        return pipeline

    pipeline_seen_by_both = failing_pipeline("seen_by_both")

    def pause_replica() -> None:
        """Wait until the replica has applied all changes. Then let it apply no more changes."""
        with connection.cursor() as cursor, psycopg.connect(replica_url, autocommit=True) as standby:
            cursor.execute("SELECT pg_current_wal_lsn()")
            [last_change] = cursor.fetchone()
            deadline = time.monotonic() + APPLIED_WITHIN_SECONDS
            while standby.execute("SELECT pg_last_wal_replay_lsn() < %s", [last_change]).fetchone() == (True,):
                if time.monotonic() > deadline:
                    raise TimeoutError("the replica does not apply the changes")
                time.sleep(0.1)
            standby.execute("SELECT pg_wal_replay_pause()")

    def resume_replica() -> None:
        with psycopg.connect(replica_url, autocommit=True) as standby:
            standby.execute("SELECT pg_wal_replay_resume()")

    pause_replica()
    reading_browser, changing_browser = Browser(), Browser()
    for browser in (reading_browser, changing_browser):
        browser.force_login(user)
    failed_count = 0

    def expect(description: str, is_true: bool) -> None:
        nonlocal failed_count
        failed_count += not is_true
        print(f"{'ok ' if is_true else 'NOT'} {description}")

    def read_board(browser: Browser) -> tuple[str, int | None]:
        """Return the board's HTML, and the lag in seconds that the board shows.

        The lag is None if CHM has read the board from the main database.
        """
        text = browser.get("/admin/", HTTP_HOST="localhost").content.decode()
        match = re.search(r"Read from a replica that is (\d+) s behind", text)
        return text, int(match[1]) if match else None

    def read_readiness() -> dict[str, Any]:
        readiness: dict[str, Any] = reading_browser.get("/ready", HTTP_HOST="localhost").json()
        return readiness

    failing_pipeline("at_first_only_in_the_main_database")
    time.sleep(2)
    text, lag_seconds = read_board(reading_browser)
    expect(
        f"a board shows how far behind the replica is: {lag_seconds} s",
        lag_seconds is not None and lag_seconds >= 2,
    )
    expect(
        "this board shows only what the replica has",
        "seen_by_both" in text and "at_first_only_in_the_main_database" not in text,
    )
    readiness = read_readiness()
    expect(
        f"/ready shows the same lag: {readiness['replica_lag_seconds']} s",
        readiness["replica_is_read"] and readiness["replica_lag_seconds"] >= (lag_seconds or 0) - 1,
    )
    metrics_text = reading_browser.get("/metrics", HTTP_HOST="localhost").content.decode()
    expect(
        "/metrics shows the lag too",
        "chm_replica_read 1.0" in metrics_text and "chm_replica_lag_seconds " in metrics_text,
    )
    settings.CHM_REPLICA_MAX_LAG_SECONDS = 0
    readiness = read_readiness()
    expect(
        "with a limit of 0 s /ready shows that the replica is not read",
        not readiness["replica_is_read"] and readiness["replica_max_lag_seconds"] == 0,
    )
    expect("with this limit no page reads the replica", read_board(reading_browser)[1] is None)
    settings.CHM_REPLICA_MAX_LAG_SECONDS = 60
    response = changing_browser.post(
        f"/admin/console/pipeline/{pipeline_seen_by_both.pk}/known/", {"reason": "planned work"}, HTTP_HOST="localhost"
    )
    text, lag_seconds = read_board(changing_browser)
    expect("a user's own change is on the board immediately", response.status_code == 302 and "planned work" in text)
    expect("this board is read from the main database", lag_seconds is None)
    text, lag_seconds = read_board(reading_browser)
    expect("other users still read the replica", lag_seconds is not None and "planned work" not in text)
    resume_replica()
    pause_replica()
    text, lag_seconds = read_board(reading_browser)
    expect("the replica catches up", "planned work" in text and "at_first_only_in_the_main_database" in text)
    stop_replica()
    start_time = time.monotonic()
    text, lag_seconds = read_board(reading_browser)
    expect(
        f"without the replica the board is read from the main database, {time.monotonic() - start_time:.1f} s",
        lag_seconds is None,
    )
    readiness = read_readiness()
    expect(
        "/ready shows that the replica does not answer",
        readiness["replica_lag_seconds"] is None and not readiness["replica_is_read"],
    )
    expect("the board without the replica is complete", "seen_by_both" in text and "planned work" in text)
    return failed_count


if __name__ == "__main__":
    sys.exit(main())
