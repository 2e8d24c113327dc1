"""The schedule of beat and the Celery task."""

import itertools
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.cache import cache
from pytest_django import Settings

from ingestion.locks import named_lock
from ingestion.schedule import Phased
from ingestion.source_pipelines import last_list_result
from ingestion.synthetic.airflow_replay import AirflowReplay
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.tasks import beat_schedule, ingest
from ingestion.tests.support import create_pipelines
from runs.models import Run


@pytest.fixture
def partner(generic_partner: GenericPartner, settings: Settings, tmp_path: Path) -> GenericPartner:
    """Return a partner with two pipelines. The connections file has one connection, to this partner."""
    path = tmp_path / "connections.toml"
    path.write_text(
        f'[connections.one]\nconnector = "generic"\nbase_url = "{generic_partner.base_url}"\ninterval_seconds = 20\n'
        'auth = { kind = "bearer", secret_env = "CHM_TEST_PARTNER_SECRET" }\n'
    )
    settings.CHM_CONNECTIONS_FILE = str(path)
    generic_partner.runs = {"orders": [{"id": "1", "status": "success"}], "stock": [{"id": "1", "status": "failed"}]}
    return generic_partner


def test_beat_has_an_entry_per_connection_whose_task_expires_before_the_next_one(partner: GenericPartner) -> None:
    schedule = beat_schedule()

    assert schedule == {
        "ingest one": {
            "task": "ingestion.ingest",
            "schedule": Phased(20, "one"),
            "args": ["one"],
            "options": {"expires": 18.0},
        }
    }


def test_nothing_is_scheduled_without_a_usable_configuration(db: None) -> None:
    assert beat_schedule() == {}


@pytest.mark.django_db
def test_the_task_ingests_its_connection_and_returns_the_counts(partner: GenericPartner) -> None:
    create_pipelines("Northwind", "orders", "stock")

    report = ingest.apply(args=("one",)).get()

    assert (report["created"], report["pipelines_processed"], report["errors"]) == (2, 2, [])


@pytest.mark.django_db
def test_the_task_of_a_connection_without_pipelines_reads_its_sources_list(
    airflow: AirflowReplay, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "connections.toml"
    path.write_text(
        f'[connections.new]\nconnector = "airflow"\nbase_url = "{airflow.base_url}"\n'
        'auth = { kind = "airflow_token", username = "admin", secret_env = "CHM_TEST_PARTNER_SECRET" }\n'
    )
    settings.CHM_CONNECTIONS_FILE = str(path)
    cache.delete("listed-pipelines:new")

    report = ingest.apply(args=("new",)).get()

    source_list = last_list_result("new")
    assert report["errors"] == []
    assert source_list is not None
    assert len(source_list.unmatched) == 8


@pytest.mark.django_db
def test_the_task_can_be_limited_to_one_pipeline(partner: GenericPartner) -> None:
    stock = create_pipelines("Northwind", "orders", "stock")["stock"]

    ingest.apply(args=("one",), kwargs={"pipeline_id": str(stock.id)}).get()

    assert set(Run.objects.values_list("pipeline_id", flat=True)) == {stock.id}


@pytest.mark.django_db
def test_a_connection_is_not_walked_twice_at_the_same_time(partner: GenericPartner) -> None:
    create_pipelines("Northwind", "orders")
    with named_lock("one") as acquired:
        assert acquired

        report = ingest.apply(args=("one",)).get()

    assert report["pipelines_processed"] == 0
    assert partner.requests == []


@pytest.mark.django_db
def test_a_lock_is_released_at_the_end_of_its_block() -> None:
    name = str(uuid.uuid4())
    for _ in range(2):
        with named_lock(name) as acquired:
            assert acquired


def test_missed_periods_are_due_only_once_and_connections_are_due_at_different_times() -> None:
    class PhasedAtMoment(Phased):
        moment = datetime(2026, 11, 20, 12, tzinfo=UTC)

        def now(self) -> datetime:
            return self.moment

    schedules = [PhasedAtMoment(60, f"connection {number}") for number in range(50)]
    assert len({round(schedule.phase) for schedule in schedules}) > 25

    for schedule in schedules:
        due = []
        last = datetime(2026, 11, 20, 9, tzinfo=UTC)  # beat was down for three hours
        for second in range(300):
            schedule.moment = datetime(2026, 11, 20, 12, second // 60, second % 60, tzinfo=UTC)
            state = schedule.is_due(last)
            assert 0 < state.next <= 60
            if state.is_due:
                due.append(second)
                last = schedule.moment
        assert due[0] == 0
        assert [later - earlier for earlier, later in itertools.pairwise(due[1:])] == [60] * (len(due) - 2)
        assert len(due) in {5, 6}
