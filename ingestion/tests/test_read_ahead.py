"""While PostgreSQL writes a page, CHM reads one further page."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import connection as database

from chm_project.db.direct_connection import direct_parameters
from ingestion.http import HttpSettings
from ingestion.report import Report
from ingestion.scope import StopCondition
from ingestion.services import ingest_connection
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer
from ingestion.tests.support import PASSWORD_ENV, create_pipelines, generic_connection, ingest
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> Iterator[GenericPartner]:
    """Run a partner with five pages of two runs."""
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    with GenericPartner(token="partner-token-1", page_size=2) as partner:
        partner.runs["orders"] = [{"id": str(number), "status": "success"} for number in range(10)]
        create_pipelines("Northwind", "orders")
        yield partner


def ingest_in_thread(partner: GenericPartner) -> Report:
    try:
        return ingest(generic_connection(partner))
    finally:
        database.close()


def test_one_page_is_read_while_the_page_before_it_waits_for_the_database(partner: GenericPartner) -> None:
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(**direct_parameters(database)) as other:
            other.execute("LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE")
            report = pool.submit(ingest_in_thread, partner)
            while len(partner.requests) < 2:
                time.sleep(0.01)
            time.sleep(0.3)
            requests_meanwhile = len(partner.requests)
        assert report.result().created == 10

    assert requests_meanwhile == 2
    assert Run.objects.count() == 10


def test_pages_before_a_failed_page_are_stored(partner: GenericPartner) -> None:
    partner.faults = [None, None, Answer(400, {"detail": "no third page"})]
    report = ingest(generic_connection(partner))
    assert [error["error"] for error in report.errors] == ["GET /pipelines/orders/runs answered 400: no third page"]
    assert Run.objects.count() == 4
    assert Pipeline.objects.get().ingested_through is None


class TimeIsUp(Exception):
    pass


def test_an_interrupt_does_not_wait_for_a_slow_page(partner: GenericPartner) -> None:
    def interrupt(*_: Any) -> None:
        raise TimeIsUp

    partner.faults = [None, Answer(delay_seconds=20, body={"runs": []})]
    connection_with_long_timeout = replace(generic_connection(partner), http_settings=HttpSettings(timeout_seconds=60))
    previous_handler = signal.signal(signal.SIGUSR1, interrupt)

    def interrupt_at_the_second_request() -> None:
        while len(partner.requests) < 2 or not Run.objects.exists():
            time.sleep(0.01)
        database.close()
        os.kill(os.getpid(), signal.SIGUSR1)

    started = time.monotonic()
    threading.Thread(target=interrupt_at_the_second_request, daemon=True).start()
    try:
        with pytest.raises(TimeIsUp):
            ingest_connection(
                connection_with_long_timeout, list(Pipeline.objects.all()), stop=StopCondition(interrupts=(TimeIsUp,))
            )
    finally:
        signal.signal(signal.SIGUSR1, previous_handler)

    assert time.monotonic() - started < 15
    assert Run.objects.count() == 2
