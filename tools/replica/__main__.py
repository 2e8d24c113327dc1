"""python -m tools.replica: test the console with a streaming replica of Debian's PostgreSQL 15 that lags by 5 s.

Print one line per expectation, and end with status 1 if one fails: the board shows how far behind the replica is, a
user who has changed something gets pages from the main database, and pages still work after the replica has stopped.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tools.support import debian_postgres as debian

DELAY_SECONDS = 5


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    debian.install()
    with debian.temporary_folder() as folder, ExitStack() as servers:
        primary = servers.enter_context(debian.postgres(_new_folder(folder, "primary"), {"wal_level": "replica"}))
        standby = _new_folder(folder, "standby")
        debian.run_as_account(
            debian.PROGRAM_FOLDER / "pg_basebackup",
            "-d",
            primary,
            "-D",
            standby / "data",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        )
        replica_server = ExitStack()
        servers.enter_context(replica_server)
        # Without hot_standby_feedback, PostgreSQL could cancel reads of the replica when it applies changes.
        settings = {"recovery_min_apply_delay": f"{DELAY_SECONDS}s", "hot_standby_feedback": "on"}
        replica = replica_server.enter_context(debian.postgres(standby, settings, is_new=False))
        os.environ |= {
            # A cached board would not show which server CHM reads.
            "CHM_DATABASE_URL": primary, "CHM_REPLICA_URL": replica, "CHM_BOARD_REUSE_SECONDS": "0", "CHM_DEBUG": "0",
            "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
        }  # fmt: skip
        return 1 if _count_failed_expectations(replica_server.close) else 0


def _new_folder(parent: Any, name: str) -> Any:
    debian.run_as_account("mkdir", parent / name)
    return parent / name


def _count_failed_expectations(stop_replica: Callable[[], None]) -> int:
    """Test the pages with the replica and without it; return how many expectations failed."""
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client as Browser
    from django.utils import timezone

    from chm_project.db import replica
    from inventory.models import Client, Pipeline
    from runs.services import insert_run

    # In production CHM waits 10 s before it tries a replica again that did not answer.
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

    first = failing_pipeline("seen_by_both")
    # Until the replica has applied the change.
    time.sleep(DELAY_SECONDS + 2)
    reader, changer = Browser(), Browser()
    for browser in (reader, changer):
        browser.force_login(user)
    failed = 0

    def expect(description: str, is_true: bool) -> None:
        nonlocal failed
        failed += not is_true
        print(f"{'ok ' if is_true else 'NOT'} {description}")

    def board(browser: Browser) -> tuple[str, int | None]:
        text = browser.get("/admin/", HTTP_HOST="localhost").content.decode()
        lag = re.search(r"Read from a replica that is (\d+) s behind", text)
        return text, int(lag[1]) if lag else None

    def ready() -> dict[str, Any]:
        state: dict[str, Any] = reader.get("/ready", HTTP_HOST="localhost").json()
        return state

    failing_pipeline("seen_by_the_database_first")
    # Less than the delay, so the replica does not have the change yet.
    time.sleep(2)
    text, lag = board(reader)
    expect(f"a board within the delay shows how far behind it is: {lag} s", lag is not None and lag >= 2)
    expect(
        "this board shows only what the replica has",
        "seen_by_both" in text and "seen_by_the_database_first" not in text,
    )
    state = ready()
    expect(
        f"/ready shows the same lag: {state['replica_lag_seconds']} s",
        state["replica_is_read"] and 0 <= state["replica_lag_seconds"] - (lag or 0) < 3,
    )
    scraped = reader.get("/metrics", HTTP_HOST="localhost").content.decode()
    expect("/metrics shows it too", "chm_replica_read 1.0" in scraped and "chm_replica_lag_seconds " in scraped)
    settings.CHM_REPLICA_MAX_LAG_SECONDS = 0
    state = ready()
    expect("with a limit of 0 s it is not read", not state["replica_is_read"] and state["replica_max_lag_seconds"] == 0)
    expect("nor do pages read it", board(reader)[1] is None)
    settings.CHM_REPLICA_MAX_LAG_SECONDS = 60
    response = changer.post(
        f"/admin/console/pipeline/{first.pk}/known/", {"reason": "planned work"}, HTTP_HOST="localhost"
    )
    text, lag = board(changer)
    expect("a user's own change is on the board immediately", response.status_code == 302 and "planned work" in text)
    expect("this board is read from the main database", lag is None)
    text, lag = board(reader)
    expect("other users still read the replica", lag is not None and "planned work" not in text)
    time.sleep(DELAY_SECONDS + 2)
    text, lag = board(reader)
    expect("the replica catches up", "planned work" in text and "seen_by_the_database_first" in text)
    stop_replica()
    begun = time.monotonic()
    text, lag = board(reader)
    expect(
        f"without the replica the board is read from the main database, {time.monotonic() - begun:.1f} s", lag is None
    )
    state = ready()
    expect(
        "/ready shows that it does not answer", state["replica_lag_seconds"] is None and not state["replica_is_read"]
    )
    expect("this board is complete", "seen_by_both" in text and "planned work" in text)
    return failed


if __name__ == "__main__":
    sys.exit(main())
