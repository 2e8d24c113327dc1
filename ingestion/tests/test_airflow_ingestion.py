"""Ingestion of the recorded responses of a real Airflow."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from ingestion.synthetic.airflow_replay import (
    AIRFLOW_2_RUNS_ENDED,
    ALL_RUNS_ENDED,
    ALL_RUNS_ENDED_AGAIN,
    RUNS_CLEARED,
    RUNS_OPEN,
    RUNS_OPEN_LATER,
    Airflow2Replay,
    AirflowReplay,
)
from ingestion.synthetic.partner import Answer
from ingestion.tests.support import (
    PASSWORD_ENV,
    airflow_connection,
    create_pipelines,
    ingest,
    outcomes,
    row_versions,
)
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db

CLEARED_RUN = ("orders.reconcile-v2", "scheduled__2026-11-02T01:00:00+00:00")
STORED_STATUSES = {"queued": "running", "running": "running", "success": "success", "failed": "failed"}


def expected_runs(partner: AirflowReplay) -> set[tuple[Any, ...]]:
    """Return the partner's runs as CHM must store them, with the fields of stored_runs()."""

    def time_of(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    return {
        (*row.key, STORED_STATUSES[row.data["state"]], time_of(row.data["start_date"]), time_of(row.data["end_date"]))
        for row in partner.rows
    }


def stored_runs() -> set[tuple[Any, ...]]:
    fields = ("pipeline__external_id", "external_run_id", "status", "started_at", "finished_at")
    return set(Run.objects.values_list(*fields))


def run_of(key: tuple[str, str]) -> Run:
    return Run.objects.get(pipeline__external_id=key[0], external_run_id=key[1])


def paths_of_run_requests(partner: AirflowReplay) -> list[str]:
    """Return the paths of all requests for DAG runs."""
    return [
        request.path
        for request in partner.requests
        if "/dagRuns" in request.path and "/taskInstances" not in request.path
    ]


@pytest.mark.proves("FR-011", "FR-013")
def test_the_first_walk_stores_every_run_as_airflow_has_it(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    airflow.move_to(ALL_RUNS_ENDED)

    report = ingest(airflow_connection(airflow))

    assert outcomes(report) == {"created": 71}
    assert (report.errors, report.pipelines_processed) == ([], 8)
    assert stored_runs() == expected_runs(airflow)


@pytest.mark.proves("SC-002")
def test_only_the_first_of_three_equal_walks_changes_runs(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    airflow.move_to(ALL_RUNS_ENDED)
    ingest(airflow_connection(airflow))
    before = row_versions()

    for _ in range(2):
        assert outcomes(ingest(airflow_connection(airflow), full=True)) == {"unchanged": 71}

    assert row_versions() == before


def test_each_status_of_a_run_that_is_cleared_and_ends_again_is_stored(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    connection = airflow_connection(airflow)
    statuses = []
    for moment in (RUNS_OPEN, RUNS_OPEN_LATER, ALL_RUNS_ENDED, RUNS_CLEARED, ALL_RUNS_ENDED_AGAIN):
        airflow.move_to(moment)

        report = ingest(connection)

        assert (report.errors, report.rejected) == ([], 0)
        # CHM also has the ended runs that Airflow has deleted. Starts are not compared, because a cleared run keeps its
        # start in CHM until it starts again.
        assert {row[:3] for row in expected_runs(airflow)} <= {row[:3] for row in stored_runs()}
        statuses.append(Run.objects.filter(external_run_id=CLEARED_RUN[1]).values_list("status", flat=True).first())
    assert statuses == ["running", "failed", "failed", "running", "failed"]
    assert run_of(CLEARED_RUN).started_at == datetime.fromisoformat("2026-11-21T00:00:09.554228Z")


def test_a_queued_run_is_stored_as_running_without_a_start(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    ingest(airflow_connection(airflow))

    queued = run_of(("long_haul_export", "manual__2026-11-20T23:56:31.273019+00:00"))
    assert (queued.status, queued.started_at, queued.finished_at) == ("running", None, None)


def test_a_run_without_a_start_sorts_after_all_runs_with_a_start(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    airflow.move_to(RUNS_CLEARED)

    ingest(airflow_connection(airflow))

    runs = list(dags["long_haul_export"].runs.latest_first().values_list("external_run_id", flat=True))
    assert runs[0] == "stopped-by-hand"
    assert runs[-1] == "queued-then-failed"


def test_a_tick_without_changes_sends_one_request(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    airflow.move_to(ALL_RUNS_ENDED)
    connection = airflow_connection(airflow)
    ingest(connection)
    Pipeline.objects.update(ingested_through=timezone.now() + timedelta(seconds=150))
    airflow.requests.clear()

    ingest(connection)

    assert [request.path for request in airflow.requests] == ["/api/v2/dags/~/dagRuns"]


def test_open_runs_that_the_listing_did_not_return_are_read_again(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    connection = airflow_connection(airflow)
    ingest(connection)
    assert Run.objects.still_open().count() == 25
    airflow.rows = airflow.moments[ALL_RUNS_ENDED].rows  # their recorded update times are before the watermark
    Pipeline.objects.update(ingested_through=timezone.now())
    airflow.requests.clear()

    ingest(connection)

    assert not Run.objects.still_open().exists()
    assert expected_runs(airflow) >= stored_runs()
    changed_list_path, open_list_path, *single_run_paths = paths_of_run_requests(airflow)
    assert changed_list_path == open_list_path == "/api/v2/dags/~/dagRuns"
    assert len(single_run_paths) == 25  # these runs have ended, so the list of open runs does not contain them


def test_twenty_five_open_runs_are_read_with_one_list_of_open_runs(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    connection = airflow_connection(airflow)
    ingest(connection)
    Pipeline.objects.update(ingested_through=timezone.now() + timedelta(seconds=150))
    airflow.requests.clear()

    report = ingest(connection)

    assert outcomes(report) == {"unchanged": 25}
    assert len(paths_of_run_requests(airflow)) == 2


def test_an_open_run_that_airflow_no_longer_has_is_canceled(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    connection = airflow_connection(airflow)
    ingest(connection)
    key = ("long_haul_export", "manual__2026-11-20T23:56:31.245526+00:00")
    before = run_of(key)
    airflow.rows = [row for row in airflow.rows if row.key != key]

    ingest(connection)

    gone = run_of(key)
    assert (gone.status, gone.status_reason) == ("canceled", "gone at source")
    assert (gone.started_at, gone.payload) == (before.started_at, before.payload)
    assert Run.objects.filter(status="canceled").count() == 1


def test_a_404_of_a_proxy_in_front_of_airflow_does_not_cancel_a_run(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    connection = airflow_connection(airflow)
    ingest(connection)
    airflow.rows = []
    # The two listings get their usual responses. Later requests get the 404 page of a proxy.
    airflow.faults = [None, None, *[Answer(404, b"<html>404</html>", {"Content-Type": "text/html"})] * 50]

    report = ingest(connection)

    assert report.errors
    assert not Run.objects.filter(status="canceled").exists()


def test_ended_runs_stay_when_airflow_deletes_them(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    airflow.move_to(RUNS_CLEARED)
    connection = airflow_connection(airflow)
    ingest(connection)
    airflow.move_to(ALL_RUNS_ENDED_AGAIN)

    ingest(connection)

    assert run_of(("sales_daily_load", "scheduled__2026-11-01T00:00:00+00:00")).status == "success"


def test_the_same_run_id_in_two_dags_is_stored_as_two_runs(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    ingest(airflow_connection(airflow))

    assert Run.objects.filter(external_run_id="nightly:2026-11-20T02:00:00+01:00").count() == 2


def test_dags_that_are_not_in_the_inventory_are_counted_and_are_not_errors(airflow: AirflowReplay, db: None) -> None:
    airflow.move_to(ALL_RUNS_ENDED)
    create_pipelines("Northwind", "sales_daily_load", "manual_refund")
    connection = airflow_connection(airflow)
    ingest(connection)

    report = ingest(connection, since=datetime.fromisoformat("2026-11-01T00:00:00Z"))

    assert report.unknown_pipelines == 6
    assert report.errors == []
    assert Run.objects.count() == 27


def test_two_clients_that_share_a_dag_both_get_its_runs(airflow: AirflowReplay, db: None) -> None:
    create_pipelines("Northwind", "long_haul_export")
    create_pipelines("Contoso", "long_haul_export")

    ingest(airflow_connection(airflow))

    assert Run.objects.filter(pipeline__client__name="Northwind").count() == 4
    assert Run.objects.filter(pipeline__client__name="Contoso").count() == 4


@pytest.mark.parametrize("options", [{"maximum_page_limit": 10}, {"maximum_page_limit": 7, "offers_cursors": False}])
def test_no_run_is_lost_if_the_server_shortens_pages_or_ignores_cursors(
    options: dict[str, Any], dags: dict[str, Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    with AirflowReplay(moment=ALL_RUNS_ENDED, **options) as airflow:
        report = ingest(airflow_connection(airflow))

        assert report.errors == []
        assert stored_runs() == expected_runs(airflow)


def test_remaining_runs_are_stored_if_others_are_deleted_while_pages_are_read(
    dags: dict[str, Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    Pipeline.objects.update(ingested_through=timezone.now())
    with AirflowReplay(moment=ALL_RUNS_ENDED, maximum_page_limit=10, offers_cursors=False) as airflow:
        remaining = airflow.rows[5:]

        def delete_five(_request: object) -> Answer | None:
            airflow.rows = remaining
            return None

        # Four requests get their usual responses: the token, the version and two pages. Then five runs are deleted.
        airflow.faults = [None, None, None, None, delete_five]

        ingest(airflow_connection(airflow), since=datetime.fromisoformat("2026-11-01T00:00:00Z"))

        assert {row.key for row in remaining} <= set(
            Run.objects.values_list("pipeline__external_id", "external_run_id")
        )


@pytest.mark.parametrize("status", [400, 403])
def test_other_pipelines_do_not_request_a_token_after_wrong_credentials(
    airflow: AirflowReplay, dags: dict[str, Pipeline], status: int
) -> None:
    airflow.faults = [Answer(status, {"error": "invalid_client"})] * 50

    report = ingest(airflow_connection(airflow))

    assert len(dags) > 2
    assert len(airflow.requests) == 1
    assert report.errors
    assert Pipeline.objects.filter(last_ingest_error__contains="invalid_client").count() == len(dags)


@pytest.mark.parametrize("invalidate", ["expire_tokens", "rotate_secret"])
def test_a_refused_token_is_replaced_by_a_new_one(
    airflow: AirflowReplay, dags: dict[str, Pipeline], invalidate: str
) -> None:
    connection = airflow_connection(airflow)
    ingest(connection)
    getattr(airflow, invalidate)()
    airflow.requests.clear()

    report = ingest(connection)

    assert report.errors == []
    assert [request.path for request in airflow.requests].count("/auth/token") == 1


def test_a_wrong_password_is_reported_once_for_all_pipelines_and_never_shown(
    airflow: AirflowReplay, dags: dict[str, Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "wrong-horse-battery")

    report = ingest(airflow_connection(airflow, name="wrong"))

    errors = set(Pipeline.objects.values_list("last_ingest_error", flat=True))
    assert errors == {"POST /auth/token answered 401: Invalid credentials"}
    assert "wrong-horse-battery" not in str(report)
    assert len(airflow.requests) < 5


def test_airflow_2_is_ingested_through_its_own_api(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    from ingestion.connections import AuthSettings

    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    create_pipelines("Northwind", "legacy_daily")
    with Airflow2Replay(moment=RUNS_OPEN) as airflow:
        auth = AuthSettings(kind="basic", username="admin", secret_env=PASSWORD_ENV)
        connection = airflow_connection(airflow, auth=auth)
        ingest(connection)
        airflow.move_to(AIRFLOW_2_RUNS_ENDED)

        report = ingest(connection)

        assert report.errors == []
        assert stored_runs() == expected_runs(airflow)


@pytest.mark.proves("SE-003")
def test_no_planted_secret_reaches_the_database(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    for moment in (ALL_RUNS_ENDED, RUNS_CLEARED, ALL_RUNS_ENDED_AGAIN):
        airflow.move_to(moment)
        ingest(airflow_connection(airflow), full=True)

    with database.cursor() as cursor:
        cursor.execute("SELECT string_agg(runs::text, ' ') FROM runs")
        [[text_of_all_runs]] = cursor.fetchall()
    assert "FAKE" not in text_of_all_runs
    assert "hunter2" not in text_of_all_runs
    assert "[filtered]" in text_of_all_runs


def test_a_run_that_is_on_two_pages_is_stored_once(dags: dict[str, Pipeline], monkeypatch: pytest.MonkeyPatch) -> None:
    """New runs between two requests move other runs to the next page, which returns them a second time."""
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    with AirflowReplay(moment=RUNS_OPEN_LATER, maximum_page_limit=10, offers_cursors=False) as airflow:
        all_rows: Sequence[Any] = airflow.moments[ALL_RUNS_ENDED].rows

        def add_new_runs(_request: object) -> Answer | None:
            airflow.rows = [*all_rows[-11:], *airflow.moments[RUNS_OPEN_LATER].rows]
            return None

        # The first three requests get their usual responses: the token, the version and the first page.
        airflow.faults = [None, None, None, add_new_runs]
        ingest(airflow_connection(airflow), since=datetime.fromisoformat("2026-11-01T00:00:00Z"))

        assert Run.objects.count() == len(set(Run.objects.values_list("pipeline_id", "external_run_id")))


def test_the_second_ingestion_after_an_upgrade_to_airflow_3_uses_the_new_api(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    from ingestion.connections import AuthSettings

    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    create_pipelines("Northwind", "legacy_daily", "manual_refund")
    basic = AuthSettings(kind="basic", username="admin", secret_env=PASSWORD_ENV)
    with Airflow2Replay() as old:
        port = int(old.base_url.rpartition(":")[2])
        assert len(ingest(airflow_connection(old, auth=basic)).errors) == 0
    with AirflowReplay(port=port) as upgraded:
        assert ingest(airflow_connection(upgraded, name="upgraded")).errors

        assert ingest(airflow_connection(upgraded, name="upgraded")).errors == []
