"""Reading a source's list of pipelines: what CHM stores for each pipeline, and which pipelines are unmatched."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.utils import timezone

from ingestion import synthetic
from ingestion.connections import AuthSettings, Connection
from ingestion.source_pipelines import last_list_result
from ingestion.synthetic.airflow_replay import ALL_RUNS_ENDED, Airflow2Replay, AirflowReplay
from ingestion.synthetic.airflow_with_many_dags import AirflowWithManyDags
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer, Request
from ingestion.tests.scripted_partner import ScriptedPartner, WriteConnection, make_row
from ingestion.tests.support import (
    PASSWORD_ENV,
    SHORT_TIMEOUTS,
    airflow_connection,
    create_pipelines,
    generic_connection,
    ingest,
    row_versions,
)
from inventory.models import Pipeline

pytestmark = pytest.mark.django_db

RECORDINGS = Path(synthetic.__file__).parent / "recordings"


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def connection_with_list(airflow: AirflowReplay, **options: Any) -> Connection:
    return airflow_connection(airflow, inventory_seconds=300, **options)


def list_request_count(airflow: AirflowReplay | AirflowWithManyDags) -> int:
    return len([request for request in airflow.requests if request.path.endswith("/dags")])


def ingest_when_list_is_due(connection: Connection) -> None:
    """Remove the last list from the cache, so that it is due, and ingest."""
    cache.delete(f"listed-pipelines:{connection.name}")
    ingest(connection)


def pipeline_row_versions() -> object:
    """Return for each pipeline the values that any write changes: ctid and xmin."""
    with database.cursor() as cursor:
        cursor.execute("SELECT ctid::text, xmin::text FROM pipelines ORDER BY id")
        return cursor.fetchall()


def dag_row(airflow: AirflowReplay, name: str) -> dict[str, Any]:
    return next(row for row in airflow.dag_list if row["dag_id"] == name)


def test_a_pause_and_the_next_start_of_a_dag_are_stored_in_the_pipeline(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    dag_row(airflow, "manual_refund")["is_paused"] = True

    ingest(connection_with_list(airflow))

    paused = dict(Pipeline.objects.values_list("external_id", "source_paused"))
    assert (paused["manual_refund"], paused["sales_daily_load"]) == (True, False)
    assert Pipeline.objects.get(external_id="archive_backfill").source_next_run_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert Pipeline.objects.get(external_id="manual_refund").source_next_run_at is None


def test_a_paused_dag_has_no_next_start_although_airflow_returns_one(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    dag_row(airflow, "archive_backfill")["is_paused"] = True

    ingest(connection_with_list(airflow))

    assert Pipeline.objects.get(external_id="archive_backfill").source_next_run_at is None


def test_the_list_of_airflow_2_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    create_pipelines("Northwind", "legacy_daily")
    with Airflow2Replay() as airflow:
        dag_row(airflow, "legacy_daily")["next_dagrun_create_after"] = "2026-11-23T03:00:00+00:00"
        auth = AuthSettings(kind="basic", username="admin", secret_env=PASSWORD_ENV)
        ingest(connection_with_list(airflow, auth=auth))

    pipeline = Pipeline.objects.get()
    assert pipeline.source_paused is False
    assert pipeline.source_next_run_at == datetime(2026, 11, 23, 3, tzinfo=UTC)


def test_a_deleted_dag_is_missing_until_it_is_listed_again(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    connection = connection_with_list(airflow)
    ingest(connection)
    deleted = dag_row(airflow, "sales_daily_load")
    airflow.dag_list.remove(deleted)

    ingest_when_list_is_due(connection)
    missing_since = Pipeline.objects.get(external_id="sales_daily_load").source_missing_since
    ingest_when_list_is_due(connection)

    assert missing_since is not None
    assert timezone.now() - missing_since < timedelta(minutes=1)
    missing = Pipeline.objects.get(external_id="sales_daily_load")
    assert missing.source_missing_since == missing_since, "the time of the first list without the DAG"
    assert missing.ingestion_state(timezone.now(), has_runs=True) == "missing"
    assert Pipeline.objects.filter(source_missing_since=None).count() == len(dags) - 1
    airflow.dag_list.append(deleted)
    ingest_when_list_is_due(connection)
    assert not Pipeline.objects.exclude(source_missing_since=None).exists()


def test_a_deleted_dag_is_missing_for_both_clients_that_share_it(airflow: AirflowReplay) -> None:
    create_pipelines("Northwind", "deleted_dag")
    create_pipelines("Contoso", "deleted_dag")

    ingest(connection_with_list(airflow))

    assert Pipeline.objects.exclude(source_missing_since=None).count() == 2


def test_a_pipeline_that_gets_another_external_id_is_no_longer_missing(airflow: AirflowReplay) -> None:
    pipeline = create_pipelines("Northwind", "deleted_dag")["deleted_dag"]
    ingest(connection_with_list(airflow))
    pipeline.refresh_from_db()
    assert pipeline.source_missing_since

    pipeline.external_id = "sales_daily_load"
    pipeline.save()

    assert Pipeline.objects.get().source_missing_since is None


def test_an_unchanged_list_writes_no_row(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    connection = connection_with_list(airflow, interval_seconds=3600)
    create_pipelines("Northwind", "deleted_dag")
    ingest(connection)
    before = pipeline_row_versions()

    ingest_when_list_is_due(connection)

    after = pipeline_row_versions()
    assert after == before


def test_the_list_is_read_once_per_period_and_not_with_every_walk(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    connection = connection_with_list(airflow)
    for _ in range(3):
        ingest(connection)
    assert list_request_count(airflow) == 1

    ingest_when_list_is_due(connection)
    ingest(airflow_connection(airflow, inventory_seconds=0, name=connection.name))

    assert list_request_count(airflow) == 2


def test_the_list_needs_one_request_per_hundred_dags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "secret")
    with AirflowWithManyDags() as airflow:
        airflow.dag_ids = [f"dag-{number:04}" for number in range(990)]
        create_pipelines("Northwind", *airflow.dag_ids[:10])

        ingest(connection_with_list(airflow))  # type: ignore[arg-type]

        source_list = last_list_result(connection_with_list(airflow).name)  # type: ignore[arg-type]
    assert list_request_count(airflow) == 10, "each page begins with the last DAG of the page before"
    assert source_list is not None
    assert (source_list.listed, len(source_list.unmatched)) == (990, 980)


def test_a_walk_succeeds_if_airflow_refuses_its_list(
    airflow: AirflowReplay, dags: dict[str, Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow.move_to(ALL_RUNS_ENDED)
    forbidden = Answer(403, {"detail": "Forbidden"})
    monkeypatch.setattr(airflow, "_list_dags", lambda request: forbidden)
    connection = connection_with_list(airflow)

    reports = [ingest(connection) for _ in range(2)]

    assert [report.errors for report in reports] == [[], []]
    assert reports[0].created == 71
    assert reports[0].error_texts, "the error texts are still fetched"
    assert list_request_count(airflow) == 1, "after a refusal the list is not requested again for an hour"
    source_list = last_list_result(connection.name)
    assert source_list is not None
    assert source_list.refused
    assert "403" in source_list.error
    assert not Pipeline.objects.exclude(source_paused=None).exists()
    assert not Pipeline.objects.exclude(last_ingest_error=None).exists()


def test_a_walk_succeeds_if_the_list_of_dags_cannot_be_read(
    airflow: AirflowReplay, dags: dict[str, Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow, "_list_dags", lambda request: Answer(body={"dags": "none", "total_entries": 3}))

    report = ingest(connection_with_list(airflow))

    assert (report.errors, report.pipelines_processed) == ([], len(dags))
    source_list = last_list_result(connection_with_list(airflow).name)
    assert source_list is not None
    assert "dags" in source_list.error


def test_unmatched_pipelines_and_import_errors_are_stored(airflow: AirflowReplay) -> None:
    create_pipelines("Northwind", "sales_daily_load", "manual_refund")
    dag_row(airflow, "manual_refund")["has_import_errors"] = True
    dag_row(airflow, "branch_and_map")["is_paused"] = True

    ingest(connection_with_list(airflow))

    source_list = last_list_result(connection_with_list(airflow).name)
    assert source_list is not None
    assert source_list.import_errors == ("manual_refund",)
    assert len(source_list.unmatched) == 6
    assert source_list.unmatched["branch_and_map"] == ("branch_and_map", True)
    assert "sales_daily_load" not in source_list.unmatched


def test_an_unmatched_pipeline_can_have_an_id_that_the_cache_uses_for_times(airflow: AirflowReplay) -> None:
    airflow.dag_list[:] = [dag_row(airflow, "branch_and_map") | {"dag_id": "datetime"}]

    ingest(connection_with_list(airflow))

    source_list = last_list_result(connection_with_list(airflow).name)
    assert source_list is not None
    assert set(source_list.unmatched) == {"datetime"}


def test_a_connection_without_pipelines_reads_the_list(airflow: AirflowReplay) -> None:
    report = ingest(connection_with_list(airflow))

    source_list = last_list_result(connection_with_list(airflow).name)
    assert report.errors == []
    assert source_list is not None
    assert len(source_list.unmatched) == 8


def test_a_walk_of_one_client_or_a_dry_run_reads_no_list(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    ingest(connection_with_list(airflow), client_id=dags["manual_refund"].client_id)
    ingest(connection_with_list(airflow), dry_run=True)

    assert list_request_count(airflow) == 0


def test_prefect_lists_deployments_and_flows_by_their_names() -> None:
    def recorded(name: str) -> Any:
        return json.loads((RECORDINGS / "prefect" / "B-later" / f"{name}.json").read_text())["response"]["body"]

    deployments, flows = recorded("deployments"), recorded("flows")
    deployments[0]["paused"] = True

    def script(request: Request) -> Answer:
        match request.path:
            case "/api/deployments/filter":
                return Answer(body=deployments)
            case "/api/flows/filter":
                return Answer(body=flows)
            case "/api/flow_runs/filter":
                return Answer(body=[])
        return Answer(404, {"detail": "Not Found"})

    deployment, flow = deployments[0]["id"], flows[0]["id"]
    create_pipelines("Northwind", deployment, flow, "00000000-0000-4000-8000-000000000000", platform="vendor_api")
    with ScriptedPartner() as prefect:
        prefect.script = script
        ingest(Connection("prefect", "prefect", prefect.base_url, http_settings=SHORT_TIMEOUTS))

    paused = dict(Pipeline.objects.values_list("external_id", "source_paused"))
    assert (paused[deployment], paused[flow]) == (True, None)
    assert Pipeline.objects.exclude(source_missing_since=None).count() == 1
    source_list = last_list_result("prefect")
    assert source_list is not None
    assert deployments[0]["flow_id"] not in source_list.unmatched, "its deployment has the same runs"
    assert {name for name, _ in source_list.unmatched.values()} == {
        row["name"] for row in flows if row["id"] not in {flow, deployments[0]["flow_id"]}
    }


def test_dagster_jobs_get_pause_and_next_start_from_their_schedules() -> None:
    jobs = json.loads((RECORDINGS / "dagster" / "jobs-and-schedules.json").read_text())["response"]["body"]
    [node] = jobs["data"]["repositoriesOrError"]["nodes"]
    [schedule] = node["schedules"]
    scheduled = schedule["pipelineName"]
    others = {job["name"] for job in node["jobs"]} - {scheduled, "__ASSET_JOB"}
    unscheduled = min(others)

    def script(request: Request) -> Answer:
        if "repositoriesOrError" in json.loads(request.body)["query"]:
            return Answer(body=jobs)
        return Answer(body={"data": {"runsOrError": {"__typename": "Runs", "results": []}}})

    create_pipelines("Northwind", scheduled, unscheduled, "deleted_job", platform="vendor_api")
    with ScriptedPartner() as dagster:
        dagster.script = script
        connection = Connection("dagster", "dagster", dagster.base_url, http_settings=SHORT_TIMEOUTS)
        ingest(connection)
        running = Pipeline.objects.get(external_id=scheduled)
        schedule["scheduleState"]["status"] = "STOPPED"
        ingest_when_list_is_due(connection)

    assert running.source_paused is False
    [tick] = schedule["futureTicks"]["results"]
    assert running.source_next_run_at == datetime.fromtimestamp(tick["timestamp"], UTC)
    stopped = Pipeline.objects.get(external_id=scheduled)
    assert (stopped.source_paused, stopped.source_next_run_at) == (True, None)
    assert Pipeline.objects.get(external_id=unscheduled).source_paused is None, "no schedule or sensor starts it"
    assert Pipeline.objects.get(external_id="deleted_job").source_missing_since is not None
    source_list = last_list_result("dagster")
    assert source_list is not None
    assert set(source_list.unmatched) == others - {unscheduled}


def test_a_source_without_a_list_shows_the_unknown_ids_of_its_runs(write_connection: WriteConnection) -> None:
    source = """
items = "runs"
[request]
path = "/runs"
[fields]
external_run_id = "id"
pipeline = "job"
[status]
words = ["state"]
success = ["done"]
"""
    create_pipelines("Northwind", "orders", platform="custom")
    with ScriptedPartner() as house:
        house.script = lambda request: Answer(body={"runs": [make_row(1), make_row(2, job="stock")]})
        connection = write_connection(house, source)
        ingest(connection)
        house.script = lambda request: Answer(body={"runs": [make_row(3, job="returns")]})
        ingest(connection)

    source_list = last_list_result(connection.name)
    assert source_list is not None
    assert set(source_list.unmatched) == {"stock", "returns"}
    assert not Pipeline.objects.exclude(source_missing_since=None).exists()


def test_no_list_is_requested_from_the_generic_partner(generic_partner: GenericPartner) -> None:
    create_pipelines("Northwind", "orders")
    generic_partner.runs["orders"] = []

    ingest(generic_connection(generic_partner, inventory_seconds=300))

    assert {request.path for request in generic_partner.requests} == {"/pipelines/orders/runs"}
    assert row_versions() == {}
