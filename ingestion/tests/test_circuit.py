"""The circuit breaker: how often CHM sends requests to a partner that is down or has asked for a pause."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings

from ingestion.circuit import CircuitBreaker
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer
from ingestion.tasks import ingest as ingest_task
from ingestion.tests.support import PASSWORD_ENV, create_pipelines, generic_connection, ingest
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db


class FakeClock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Replace the clock of the circuit breaker, and empty the cache with its state."""
    cache.clear()
    clock = FakeClock()
    monkeypatch.setattr("ingestion.circuit.time.time", clock)
    return clock


@pytest.fixture
def partner(generic_partner: GenericPartner, settings: Settings, tmp_path: Path) -> Iterator[GenericPartner]:
    """Yield a partner with ten pipelines. The connections file has one connection, to this partner."""
    path = tmp_path / "connections.toml"
    path.write_text(
        f'[connections.one]\nconnector = "generic"\nbase_url = "{generic_partner.base_url}"\ninterval_seconds = 60\n'
        f'max_retries = 0\nauth = {{ kind = "bearer", secret_env = "{PASSWORD_ENV}" }}\n'
    )
    settings.CHM_CONNECTIONS_FILE = str(path)
    names = [f"p{number}" for number in range(10)]
    create_pipelines("Northwind", *names)
    generic_partner.runs = {name: [{"id": "1", "status": "success"}] for name in names}
    yield generic_partner
    generic_partner.faults = []


def request_count_of_a_tick(partner: GenericPartner) -> int:
    """Return the number of requests that one tick sends."""
    before = len(partner.requests)
    ingest_task.apply(args=("one",)).get()
    return len(partner.requests) - before


def test_a_partner_that_stays_down_gets_fewer_and_fewer_requests(partner: GenericPartner, clock: FakeClock) -> None:
    partner.faults = [Answer(503)] * 1000
    request_counts = []
    for _ in range(90):  # minutes
        request_counts.append(request_count_of_a_tick(partner))
        clock.now += 60

    minutes_with_requests = [minute for minute, count in enumerate(request_counts) if count]
    assert [request_counts[minute] for minute in minutes_with_requests[:4]] == [3, 3, 3, 1], (
        "three failed requests per tick; a trial sends a single request"
    )
    assert [later - earlier for earlier, later in itertools.pairwise(minutes_with_requests)] == [
        1,
        1,
        2,
        4,
        8,
        15,
        15,
        15,
        15,
    ]


def test_a_partner_is_walked_as_usual_after_its_first_response(partner: GenericPartner, clock: FakeClock) -> None:
    partner.faults = [Answer(503)] * 1000
    for _ in range(12):
        request_count_of_a_tick(partner)
        clock.now += 60
    assert Pipeline.objects.exclude(last_ingest_error=None).count() == 10

    partner.faults = []
    clock.now += 900
    assert request_count_of_a_tick(partner) == 10
    clock.now += 60
    assert request_count_of_a_tick(partner) == 10
    assert Run.objects.count() == 10
    assert not Pipeline.objects.exclude(last_ingest_error=None).exists()


def test_one_failing_pipeline_does_not_open_the_circuit(partner: GenericPartner, clock: FakeClock) -> None:
    for _ in range(6):
        partner.faults = [Answer(503)]
        assert request_count_of_a_tick(partner) == 10
        clock.now += 60


def test_a_refused_token_does_not_open_the_circuit(partner: GenericPartner, clock: FakeClock) -> None:
    partner.token = "another"
    for _ in range(6):
        assert request_count_of_a_tick(partner) > 0
        clock.now += 60


def test_manual_ingestion_ignores_an_open_circuit(partner: GenericPartner, clock: FakeClock) -> None:
    for _ in range(5):
        CircuitBreaker("generic", 60).record_outage()
    assert CircuitBreaker("generic", 60).pause_seconds() > 0

    assert ingest(generic_connection(partner)).errors == []
    assert CircuitBreaker("generic", 60).pause_seconds() == 0


def test_a_requested_ingestion_ignores_an_open_circuit_and_a_scheduled_one_waits(
    partner: GenericPartner, clock: FakeClock
) -> None:
    for _ in range(5):
        CircuitBreaker("one", 60).record_outage()

    scheduled = ingest_task.apply(args=("one",)).get()
    assert (scheduled["pipelines_processed"], partner.requests) == (0, [])

    requested = ingest_task.apply(args=("one",), kwargs={"requested": True}).get()
    assert requested["pipelines_processed"] == 10
    assert CircuitBreaker("one", 60).pause_seconds() == 0, "a response closes the circuit for the schedule too"


def test_a_long_retry_after_pauses_scheduled_and_manual_ingestion(partner: GenericPartner, clock: FakeClock) -> None:
    partner.faults = [Answer(429, headers={"Retry-After": "600"})]
    assert request_count_of_a_tick(partner) == 1
    clock.now += 60
    assert request_count_of_a_tick(partner) == 0, "a scheduled ingestion waits"
    CircuitBreaker("generic", 60).set_partner_pause(540)
    report = ingest(generic_connection(partner))
    assert "540 s of it remain" in str(report.errors[0]["error"]), "a manual ingestion ends with an error"
    assert len(partner.requests) == 1

    clock.now += 541
    assert request_count_of_a_tick(partner) == 10
    assert Run.objects.count() == 10


def test_a_partner_is_requested_at_every_tick_if_the_cache_is_down(
    partner: GenericPartner, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenCache:
        def __getattr__(self, name: str) -> Any:
            raise ConnectionError("no cache")

    monkeypatch.setattr("chm_project.db.best_effort_cache.cache", BrokenCache())
    partner.faults = [Answer(503)] * 1000
    for _ in range(8):
        assert request_count_of_a_tick(partner) == 3
        clock.now += 60
    partner.faults = []
    assert request_count_of_a_tick(partner) == 10
    assert Run.objects.count() == 10
