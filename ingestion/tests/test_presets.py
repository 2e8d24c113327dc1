"""Tests of the presets with simulated partners that follow the documentation of the systems."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from pytest_django import Settings

from chm_project.settings.config_reader import ConfigReader
from ingestion.connections import Connection, configured_connections
from ingestion.connectors.source_description import PRESETS, read_preset, read_source
from ingestion.synthetic.partner import Answer
from ingestion.tests.documented_partners import (
    FIRST_START,
    PARTNERS,
    PLANTED_SECRET,
    SECRET,
    Airbyte,
    AzureDataFactory,
    CursorApi,
    Databricks,
    DbtCloud,
    DocumentedPartner,
    GitHubActions,
    iso_text,
)
from ingestion.tests.support import PASSWORD_ENV, create_pipelines, ingest, outcomes, row_versions
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture(params=PARTNERS, ids=lambda kind: kind.preset)
def partner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DocumentedPartner]:
    """Run the partner of a preset, with its two pipelines in the inventory.

    A test that names no presets runs once for each.
    """
    monkeypatch.setenv(PASSWORD_ENV, SECRET)
    with request.param() as server:
        create_pipelines("Northwind", *server.pipelines, platform="vendor_api")
        yield server


@pytest.fixture
def write_connection(tmp_path: Path, settings: Settings) -> Any:
    def write(partner: DocumentedPartner, options_text: str = "") -> Connection:
        """Write a connections file as an operator does, and return its connection."""
        auth = dict(partner.auth)
        if "token_url" in auth:
            auth["token_url"] = partner.base_url + auth["token_url"]
        auth_text = ", ".join(f'{key} = "{value}"' for key, value in auth.items())
        path = tmp_path / "connections.toml"
        path.write_text(
            f"""
            [connections.{partner.preset}]
            connector = "{partner.preset}"
            base_url = "{partner.base_url}{partner.prefix}"
            timeout_seconds = 2
            backoff_seconds = 0.01
            auth = {{ {auth_text}, secret_env = "{PASSWORD_ENV}" }}
            {options_text}
            """
        )
        settings.CHM_CONNECTIONS_FILE = str(path)
        return configured_connections()[partner.preset]

    return write


def only_partner(kind: type[DocumentedPartner]) -> pytest.MarkDecorator:
    """Return a mark that runs the test only with this partner."""
    return pytest.mark.parametrize("partner", [pytest.param(kind, id=kind.preset)], indirect=True)


def stored_runs() -> dict[str, Run]:
    return {run.external_run_id: run for run in Run.objects.select_related("pipeline")}


def test_every_preset_has_a_simulated_partner() -> None:
    assert {kind.preset for kind in PARTNERS} == set(PRESETS)


def test_every_page_is_read_and_each_run_is_stored_as_the_partner_returned_it(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    report = ingest(write_connection(partner))

    assert (report.errors, report.rejections, report.unknown) == ([], [], set())
    assert report.created == len(partner.rows)
    assert report.pages_processed > 2
    runs = stored_runs()
    for number, row in enumerate(partner.rows, start=1):
        run = runs[str(row[partner.id_field])]
        assert run.pipeline.external_id == str(row[partner.pipeline_field])
        assert run.status == partner.status_of(row), row
        assert run.status_reason is None
        assert run.started_at == FIRST_START + timedelta(minutes=number)
        assert (run.finished_at is None) == (run.status == "running")
        assert run.duration_seconds == (None if run.status == "running" else 90)
    assert {"running", "success", "failed", "canceled"} <= {run.status for run in runs.values()}


def test_a_second_walk_writes_no_row(partner: DocumentedPartner, write_connection: Any) -> None:
    ingest(write_connection(partner))
    before = row_versions()

    for scope in ({"full": True}, {}):
        report = ingest(write_connection(partner), **scope)
        assert not report.errors
        assert set(outcomes(report)) <= {"unchanged"}

    assert row_versions() == before


def test_the_status_table_has_exactly_the_documented_words(partner: DocumentedPartner) -> None:
    table = read_source(ConfigReader(), "source", {}, read_preset(partner.preset)).statuses
    documented = {
        "/".join(str(word) for word in words if word is not None).lower(): status
        for words, status in partner.documented_statuses.items()
    }
    assert table.items() >= documented.items()
    # "cancelling" is another spelling in some of Microsoft's documents.
    assert table.keys() - documented.keys() <= {"cancelling"}


def test_no_planted_secret_and_no_credential_is_stored_or_in_an_error(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    ingest(write_connection(partner))
    assert PLANTED_SECRET in json.dumps(partner.rows)
    partner.faults = [Answer(400, {"message": f"who sends {SECRET} and password={PLANTED_SECRET}?"})] * 3
    report = ingest(write_connection(partner))
    with database.cursor() as cursor:
        cursor.execute("SELECT string_agg(runs::text, '') FROM runs")
        text = str(cursor.fetchone()[0])
    errors = str(report.errors) + str(list(Pipeline.objects.values_list("last_ingest_error", flat=True)))
    assert report.errors
    assert PLANTED_SECRET not in text + errors
    assert SECRET not in text + errors


def test_refused_credentials_are_an_error_with_the_partners_message(
    partner: DocumentedPartner, write_connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(partner), "required_header", ("authorization", "something else"))
    problems = ingest(write_connection(partner)).errors
    assert len(problems) == 2
    assert all("401: Bad credentials" in str(problem["error"]) for problem in problems)
    listed = [request for request in partner.requests if not request.path.endswith("/token")]
    assert len(listed) <= 2, "no further pipeline is requested with refused credentials"


@pytest.mark.parametrize(
    "partner",
    [pytest.param(kind, id=kind.preset) for kind in PARTNERS if kind is not CursorApi],
    indirect=True,
)
def test_open_runs_gone_at_the_partner_are_canceled_and_an_ended_run_gets_its_status(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    ingest(write_connection(partner))
    open_runs = set(Run.objects.still_open().values_list("external_run_id", flat=True))
    assert len(open_runs) > 2
    ended = next(row for row in partner.rows if str(row[partner.id_field]) in open_runs)
    words = next(words for words, status in partner.documented_statuses.items() if status == "success")
    moment = FIRST_START + timedelta(minutes=1)
    success_row = partner.row(1, str(ended[partner.pipeline_field]), words, moment)
    ended |= success_row | {partner.id_field: ended[partner.id_field]}
    for name in ("updated_at", "lastUpdatedAt", "lastUpdated"):
        if name in ended:
            ended[name] = iso_text(FIRST_START + timedelta(days=1))
    partner.rows = [ended]

    ingest(write_connection(partner))

    runs = stored_runs()
    assert runs[str(ended[partner.id_field])].status == "success"
    gone = [runs[external_run_id] for external_run_id in open_runs - {str(ended[partner.id_field])}]
    assert {(run.status, run.status_reason) for run in gone} == {("canceled", "gone at source")}


def requests_of_a_second_walk(partner: DocumentedPartner, connection: Connection) -> list[Any]:
    """Ingest again, and return the requests without those for error texts."""
    Run.objects.all().delete()  # so that no open run is requested again
    partner.requests.clear()
    assert not ingest(connection).errors
    error_text_requests = re.compile(r"/actions/runs/\d+/jobs")
    return [request for request in partner.requests if not error_text_requests.search(request.path)]


@pytest.mark.parametrize(
    ("partner", "name", "expected"),
    [
        pytest.param(Databricks, "start_time_from", "epoch_ms", id="databricks"),
        pytest.param(Airbyte, "updatedAtStart", "iso", id="airbyte"),
        pytest.param(CursorApi, "updated_since", "iso", id="cursor_api"),
    ],
    indirect=["partner"],
)
def test_a_later_walk_requests_only_runs_since_the_watermark_with_one_request(
    partner: DocumentedPartner, name: str, expected: str, write_connection: Any
) -> None:
    ingest(write_connection(partner))
    watermark = Pipeline.objects.order_by("ingested_through")[0].ingested_through
    assert watermark is not None
    [request] = requests_of_a_second_walk(partner, write_connection(partner))
    since = watermark - timedelta(seconds=120)
    if expected == "epoch_ms":
        assert request.query_value(name) == str(int((since - timedelta(days=1)).timestamp() * 1000))
    else:
        assert request.query_value(name) == since.isoformat().replace("+00:00", "Z")


@only_partner(AzureDataFactory)
def test_data_factory_requests_have_start_and_end_and_the_first_walk_starts_45_days_ago(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    ingest(write_connection(partner))
    bodies = [json.loads(request.body) for request in partner.requests if "queryPipelineRuns" in request.path]
    assert {body["filters"][0]["values"][0] for body in bodies} == set(partner.pipelines)
    first = bodies[0]
    assert first["lastUpdatedAfter"] < iso_text(FIRST_START - timedelta(days=30)) < first["lastUpdatedBefore"]
    [request] = requests_of_a_second_walk(partner, write_connection(partner))
    later = json.loads(request.body)
    assert "filters" not in later
    assert first["lastUpdatedAfter"] < later["lastUpdatedAfter"] < later["lastUpdatedBefore"]


@pytest.mark.parametrize("partner", [GitHubActions, DbtCloud], ids=lambda kind: kind.preset, indirect=True)
def test_a_listing_without_a_filter_ends_at_a_page_older_than_the_watermark(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    ingest(write_connection(partner))
    [request] = requests_of_a_second_walk(partner, write_connection(partner))
    assert request.path.rstrip("/").endswith("/runs")


@only_partner(GitHubActions)
def test_a_workflow_run_that_is_started_again_becomes_running_again(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    ingest(write_connection(partner))
    row = partner.rows[-1]
    row |= {
        "status": "in_progress",
        "conclusion": None,
        "run_attempt": 2,
        "updated_at": iso_text(FIRST_START + timedelta(days=1)),
    }
    ingest(write_connection(partner), full=True)
    run = Run.objects.get(external_run_id=str(row["id"]))
    assert (run.status, run.finished_at) == ("running", None)


@only_partner(GitHubActions)
def test_a_walk_waits_for_the_reset_of_a_used_up_rate_limit(partner: DocumentedPartner, write_connection: Any) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}
    partner.faults = [Answer(403, {"message": "API rate limit exceeded"}, headers)]
    report = ingest(write_connection(partner))
    assert not report.errors
    assert report.created == len(partner.rows)


@only_partner(Airbyte)
def test_a_token_is_requested_once_and_again_when_it_is_refused(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    def tokens() -> int:
        return sum(request.path.endswith("/token") for request in partner.requests)

    ingest(write_connection(partner))
    ingest(write_connection(partner))
    assert tokens() == 1
    partner.faults = [Answer(401, {"title": "unauthorized"})]
    assert not ingest(write_connection(partner)).errors
    assert tokens() == 2


@only_partner(Databricks)
def test_open_runs_in_the_list_of_open_runs_are_not_requested_one_by_one(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    ingest(write_connection(partner))
    partner.requests.clear()
    report = ingest(write_connection(partner))
    assert outcomes(report) == {"unchanged": 6}
    assert [request.query_value("active_only") for request in partner.requests] == [None, "true"]


@only_partner(CursorApi)
def test_a_walk_without_changes_sends_one_request_for_any_number_of_pipelines(
    partner: DocumentedPartner, write_connection: Any
) -> None:
    partner.rows = []
    create_pipelines("Northwind", *(f"job-{number}" for number in range(300)), platform="custom")
    ingest(write_connection(partner))
    assert len(partner.requests) == 1, "one listing covers many new pipelines too"
    ingest(write_connection(partner))
    assert len(partner.requests) == 2


@only_partner(CursorApi)
def test_single_keys_of_a_preset_can_be_replaced(partner: DocumentedPartner, write_connection: Any) -> None:
    options_text = """
            [connections.cursor_api.source.status]
            skipped = ["aborted"]
            canceled = ["canceled", "cancelled"]
    """
    ingest(write_connection(partner, options_text))
    runs = stored_runs()
    assert {runs[row["id"]].status for row in partner.rows if row["status"] == "aborted"} == {"skipped"}
    assert {runs[row["id"]].status for row in partner.rows if row["status"] == "cancelled"} == {"canceled"}
