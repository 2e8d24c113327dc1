"""A few runs are written by a statement that is planned once for each database session."""

import pytest
from django.db import connection

from runs.services import record_runs
from runs.tests.writes import Source

pytestmark = pytest.mark.django_db


def plans() -> tuple[int, int]:
    """Made for any values, and made for one execution alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE name = 'chm_record_runs'"
        )
        general, special = cursor.fetchone()
    return general or 0, special or 0


def test_a_few_runs_are_never_planned_again(source: Source) -> None:
    record_runs([source.snapshot("running", "10:00")])
    before = plans()

    for minute in range(10):
        record_runs([source.snapshot("running", f"10:{minute + 10}", rows_processed=minute)])

    assert plans() == (before[0] + 10, before[1])


def test_a_page_is_planned_for_its_own_size(source: Source) -> None:
    before = plans()
    record_runs([source.snapshot("running", "10:00", external_run_id=f"run-{number}") for number in range(21)])
    assert plans() == before
