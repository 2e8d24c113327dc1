"""Writes of few runs use a prepared statement, which each database session plans once."""

import psycopg
import pytest
from django.db import OperationalError, connection

from runs.services import record_runs
from runs.tests.source_writes import Source

pytestmark = pytest.mark.django_db


def plan_counts() -> tuple[int, int]:
    """Return how often the prepared statement ran with a generic plan, and how often with a custom plan."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements"
            " WHERE statement LIKE '%INSERT INTO runs%'"
        )
        generic, custom = cursor.fetchone()
    return generic or 0, custom or 0


def test_the_statement_for_few_runs_is_planned_only_once(source: Source) -> None:
    record_runs([source.snapshot("running", "10:00")])
    before = plan_counts()

    for minute in range(10):
        record_runs([source.snapshot("running", f"10:{minute + 10}", rows_processed=minute)])

    assert plan_counts() == (before[0] + 10, before[1])


def test_a_write_of_21_runs_does_not_use_the_prepared_statement(source: Source) -> None:
    before = plan_counts()
    record_runs([source.snapshot("running", "10:00", external_run_id=f"run-{number}") for number in range(21)])
    assert plan_counts() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run_count", [20, 21], ids=["prepared", "not prepared"])
def test_a_write_on_a_connection_that_the_server_has_closed_raises_the_error_of_django(
    source: Source, run_count: int
) -> None:
    # The API answers 503 to this error, and 500 to an error of psycopg.
    events = [source.snapshot("running", "10:00", external_run_id=f"run-{number}") for number in range(run_count)]
    connection.ensure_connection()
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other_session:
        other_session.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])

    with pytest.raises(OperationalError):
        record_runs(events)
    connection.close()
