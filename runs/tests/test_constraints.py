"""Insert invalid runs by SQL. A named constraint refuses each of them."""

import pytest
from django.db import connection

from chm_project.tests.sql_rows import insert, insert_pipeline, violated_constraint

pytestmark = pytest.mark.django_db


@pytest.mark.proves("DI-004")
def test_a_run_is_unique_by_pipeline_and_external_run_id() -> None:
    pipeline = insert_pipeline()
    insert("runs", pipeline_id=pipeline)

    assert violated_constraint("runs", pipeline_id=pipeline) == "runs_pipeline_external_run_id_unique"


@pytest.mark.proves("DI-005")
@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("status", "queued", "runs_status_valid"),
        ("external_run_id", "", "runs_external_run_id_not_empty"),
        ("duration_seconds", -1, "runs_duration_seconds_not_negative"),
        ("rows_processed", -1, "runs_rows_processed_not_negative"),
        ("payload", "[1]", "runs_payload_is_object"),
        ("payload", '"text"', "runs_payload_is_object"),
    ],
)
def test_an_invalid_value_of_a_run_is_refused(column: str, value: object, constraint: str) -> None:
    pipeline = insert_pipeline()
    assert violated_constraint("runs", pipeline_id=pipeline, **{column: value}) == constraint


def test_event_at_is_finished_at_else_started_at_else_created_at() -> None:
    pipeline = insert_pipeline()
    finished = insert(
        "runs", pipeline_id=pipeline, external_run_id="a", started_at="2026-01-01Z", finished_at="2026-01-02Z"
    )
    started = insert("runs", pipeline_id=pipeline, external_run_id="b", started_at="2026-01-01Z")
    stored = insert("runs", pipeline_id=pipeline, external_run_id="c")

    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text, event_at, finished_at, started_at, created_at FROM runs")
        rows = {row[0]: row[1:] for row in cursor.fetchall()}

    assert rows[finished][0] == rows[finished][1]
    assert rows[started][0] == rows[started][2]
    assert rows[stored][0] == rows[stored][3]
