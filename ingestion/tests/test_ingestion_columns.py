"""A walk writes the watermarks of its pipelines with one statement.

The statement leaves out pipelines whose source changed during the walk. It does not change updated_at.
"""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion.synthetic.airflow_replay import ALL_RUNS_ENDED, AirflowReplay
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.tests.support import airflow_connection, create_pipelines, generic_connection, ingest
from inventory.models import Pipeline

pytestmark = pytest.mark.django_db


def test_a_walk_moves_all_its_watermarks_in_one_statement(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    ingest(airflow_connection(airflow))
    Pipeline.objects.update(ingested_through=timezone.now() - timedelta(hours=1), last_ingest_at=None)

    with CaptureQueriesContext(database) as queries:
        ingest(airflow_connection(airflow))

    updates = [query["sql"] for query in queries if "UPDATE pipelines" in query["sql"]]
    assert len(updates) == 1
    assert Pipeline.objects.filter(ingested_through__gt=timezone.now() - timedelta(minutes=1)).count() == 8


def test_moving_a_watermark_does_not_change_updated_at(generic_partner: GenericPartner, db: None) -> None:
    create_pipelines("Northwind", "orders", "unknown")
    generic_partner.runs["orders"] = []
    before = list(Pipeline.objects.order_by("id").values_list("updated_at", flat=True))

    ingest(generic_connection(generic_partner))

    assert list(Pipeline.objects.order_by("id").values_list("updated_at", flat=True)) == before


def test_a_watermark_that_would_move_by_seconds_is_not_written(generic_partner: GenericPartner, db: None) -> None:
    create_pipelines("Northwind", "orders")
    generic_partner.runs["orders"] = []
    ingest(generic_connection(generic_partner, interval_seconds=3600))
    with database.cursor() as cursor:
        cursor.execute("SELECT ctid::text, xmin::text FROM pipelines")
        before = cursor.fetchall()

        ingest(generic_connection(generic_partner, interval_seconds=3600))

        cursor.execute("SELECT ctid::text, xmin::text FROM pipelines")
        assert cursor.fetchall() == before


def test_a_pipeline_is_stale_three_intervals_after_its_walk(generic_partner: GenericPartner, db: None) -> None:
    create_pipelines("Northwind", "orders")
    generic_partner.runs["orders"] = []

    ingest(generic_connection(generic_partner, interval_seconds=600))

    due = Pipeline.objects.get().ingest_due_at
    assert due is not None
    assert timedelta(minutes=29) < due - timezone.now() <= timedelta(minutes=30)


@pytest.mark.parametrize("change", [{"external_id": "other"}, {"platform": "dbt"}, {"client": "Contoso"}])
def test_a_pipeline_whose_source_changes_is_walked_from_the_beginning(
    generic_partner: GenericPartner, db: None, change: dict[str, str]
) -> None:
    pipeline = create_pipelines("Northwind", "orders")["orders"]
    other_pipeline = create_pipelines("Contoso", "stock")["stock"]
    generic_partner.runs = {"orders": [], "other": [], "stock": []}
    ingest(generic_connection(generic_partner))
    pipeline.refresh_from_db()
    assert pipeline.ingested_through is not None

    for field, value in change.items():
        setattr(pipeline, field, other_pipeline.client if field == "client" else value)
    pipeline.save()

    assert Pipeline.objects.get(pk=pipeline.pk).ingested_through is None


def test_a_change_that_does_not_concern_the_source_keeps_the_watermark(
    generic_partner: GenericPartner, db: None
) -> None:
    pipeline = create_pipelines("Northwind", "orders")["orders"]
    generic_partner.runs["orders"] = []
    ingest(generic_connection(generic_partner))
    pipeline.refresh_from_db()

    pipeline.description = "Nightly"
    pipeline.save()

    assert Pipeline.objects.get().ingested_through is not None


def test_a_pipeline_that_gets_another_source_during_its_walk_is_not_marked_as_walked(
    generic_partner: GenericPartner, db: None
) -> None:
    pipeline = create_pipelines("Northwind", "orders")["orders"]
    generic_partner.runs["orders"] = [{"id": "1", "status": "success"}]
    connection = generic_connection(generic_partner)
    before = list(Pipeline.objects.ingestible().select_related("client"))
    pipeline.external_id = "renamed"
    pipeline.save()

    from ingestion.services import ingest_connection

    ingest_connection(connection, before)

    assert Pipeline.objects.get().ingested_through is None


def test_a_new_pipeline_does_not_make_chm_read_older_runs_of_the_others(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    airflow.move_to(ALL_RUNS_ENDED)
    Pipeline.objects.exclude(external_id="manual_refund").update(ingested_through=timezone.now())

    ingest(airflow_connection(airflow))

    listings = {
        request.path: request.query_value("updated_at_gte")
        for request in airflow.requests
        if request.path.endswith("/dagRuns")
    }
    assert set(listings) == {"/api/v2/dags/~/dagRuns", "/api/v2/dags/manual_refund/dagRuns"}
    assert listings["/api/v2/dags/manual_refund/dagRuns"] is None
    since = listings["/api/v2/dags/~/dagRuns"]
    assert since is not None
    assert since.endswith("Z")
