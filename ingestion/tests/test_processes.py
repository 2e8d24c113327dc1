"""manage.py ingest_runs in separate processes: no run is lost or stored twice if processes are killed or overlap."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection as database

from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer
from ingestion.tests.support import create_pipelines
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = 4
ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """Return the URL of the test database."""
    return urlsplit(os.environ["CHM_DATABASE_URL"])._replace(path=f"/{database.settings_dict['NAME']}").geturl()


@contextmanager
def ingesting(partner: GenericPartner) -> Iterator["subprocess.Popen[bytes]"]:
    """Run manage.py ingest_runs on the test database, with this partner."""
    environment = os.environ | {
        "CHM_DATABASE_URL": database_url(),
        "CHM_PARTNER_API_BASE_URL": partner.base_url,
        "CHM_PARTNER_API_TOKEN": partner.token,
        "CHM_CONNECTIONS_FILE": "",
        "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "ingest_runs"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def stored_rows() -> list[dict[str, Any]]:
    fields = [field.name for field in Run._meta.concrete_fields]
    excluded = {"id", "created_at", "updated_at", "ingested_at", "event_at"}
    return list(Run.objects.order_by("external_run_id").values(*[name for name in fields if name not in excluded]))


@pytest.fixture
def orders(generic_partner: GenericPartner, db: None) -> Pipeline:
    generic_partner.page_size = 10
    generic_partner.runs["orders"] = [
        {
            "external_run_id": f"run-{number:03}",
            "status": "failed",
            "error_message": "x",
            "finished_at": f"2026-11-20T12:{number:02}:00Z",
        }
        for number in range(PAGES * 10)
    ]
    return create_pipelines("Northwind", "orders")["orders"]


def rows_without_interruption(generic_partner: GenericPartner) -> list[dict[str, Any]]:
    with ingesting(generic_partner) as process:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    return stored_rows()


def wait_until_stored(runs: int) -> None:
    """Wait until this many runs are stored.

    The partner's thread calls this before it answers, because CHM requests a page while it writes the page before.
    """
    deadline = time.monotonic() + 60
    try:
        while Run.objects.count() < runs and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        database.close()


def test_a_process_that_is_killed_at_a_page_boundary_loses_no_run(
    generic_partner: GenericPartner, orders: Pipeline
) -> None:
    for page in range(PAGES):
        with ingesting(generic_partner) as process:

            def kill(_request: object, process: "subprocess.Popen[bytes]" = process, page: int = page) -> Answer:
                wait_until_stored(page * 10)
                process.send_signal(signal.SIGKILL)
                return Answer(closes_connection=True)

            generic_partner.faults = [*[None] * page, kill]
            process.wait(timeout=60)

        assert process.returncode == -signal.SIGKILL
        assert Run.objects.count() == page * 10
        assert Pipeline.objects.get().ingested_through is None
    after_kills = rows_without_interruption(generic_partner)

    Run.objects.all().delete()
    assert after_kills == rows_without_interruption(generic_partner)
    assert len(after_kills) == PAGES * 10


def test_a_process_that_is_killed_while_it_writes_a_page_loses_no_run(
    generic_partner: GenericPartner, orders: Pipeline
) -> None:
    """The process is killed while a lock stops the statement that writes the page."""
    for page in range(PAGES):
        with ingesting(generic_partner) as process, database.cursor() as cursor:
            cursor.execute("BEGIN")
            is_waiting = False

            def lock_runs(_request: object, cursor: Any = cursor, page: int = page) -> None:
                wait_until_stored(page * 10)
                cursor.execute("LOCK TABLE runs IN SHARE MODE")

            generic_partner.faults = [*[None] * page, lock_runs]
            deadline = time.monotonic() + 60
            while not is_waiting and time.monotonic() < deadline:
                time.sleep(0.05)
                is_locked = len(generic_partner.requests) and not generic_partner.faults
                if is_locked:
                    cursor.execute("SELECT count(*) FROM pg_locks WHERE relation = 'runs'::regclass AND NOT granted")
                    is_waiting = cursor.fetchone()[0] > 0
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
            cursor.execute("ROLLBACK")

        assert is_waiting
        assert Run.objects.count() == page * 10
        generic_partner.requests.clear()
    after_kills = rows_without_interruption(generic_partner)

    Run.objects.all().delete()
    assert after_kills == rows_without_interruption(generic_partner)


def test_two_processes_on_the_same_pages_store_each_run_once(generic_partner: GenericPartner, orders: Pipeline) -> None:
    expected = rows_without_interruption(generic_partner)
    Run.objects.all().delete()
    Pipeline.objects.update(ingested_through=None)

    with ingesting(generic_partner) as first, ingesting(generic_partner) as second:
        errors = [process.communicate(timeout=60)[1].decode() for process in (first, second)]

    assert (first.returncode, second.returncode) == (0, 0), errors
    assert stored_rows() == expected
