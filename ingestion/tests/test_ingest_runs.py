"""manage.py ingest_runs: its output and its exit codes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer
from ingestion.tests.support import create_pipelines
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run

pytestmark = pytest.mark.django_db

RUN = {"external_run_id": "run-1", "status": "success"}


@pytest.fixture
def partner(settings: Settings) -> Iterator[GenericPartner]:
    """Run a partner with two pipelines, and point the default connection to it."""
    with GenericPartner({"orders": [RUN], "stock": [RUN]}, token="t0ken") as partner:
        settings.CHM_PARTNER_API_BASE_URL = partner.base_url
        settings.CHM_PARTNER_API_TOKEN = "t0ken"
        settings.CHM_HTTP_MAX_RETRIES = 0
        yield partner


class CommandResult:
    def __init__(self, exit_code: int, out: str, err: str) -> None:
        self.exit_code, self.out, self.err = exit_code, out, err


@pytest.fixture
def run_command(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs the command and returns its result."""

    def call(*arguments: str) -> CommandResult:
        exit_code = 0
        try:
            call_command("ingest_runs", *arguments)
        except SystemExit as error:
            exit_code = int(error.code or 0)
        captured = capsys.readouterr()
        return CommandResult(exit_code, captured.out, captured.err)

    return call


def test_success_prints_a_table_and_exits_with_0(partner: GenericPartner, run_command: Any) -> None:
    create_pipelines("Northwind", "orders", "stock")

    result = run_command()

    assert result.exit_code == 0
    for text in ("connection", "default", "created", "unchanged", "stale", "rejected", "errors"):
        assert text in result.out
    assert Run.objects.count() == 2


def test_a_failed_walk_is_reported_with_exit_code_1_and_the_others_are_ingested(
    partner: GenericPartner, run_command: Any
) -> None:
    create_pipelines("Northwind", "orders", "nowhere")

    result = run_command()

    assert result.exit_code == 1
    assert "default nowhere: GET /pipelines/nowhere/runs answered 404: No such pipeline" in result.err
    assert Run.objects.count() == 1


def test_the_option_json_prints_the_report_as_json(partner: GenericPartner, run_command: Any) -> None:
    create_pipelines("Northwind", "orders")

    [report] = json.loads(run_command("--json").out)["connections"]

    assert (report["connection"], report["created"], report["errors"]) == ("default", 1, [])


def test_a_dry_run_reports_and_stores_nothing(partner: GenericPartner, run_command: Any) -> None:
    create_pipelines("Northwind", "orders")

    [report] = json.loads(run_command("--dry-run", "--json").out)["connections"]

    assert report["created"] == 1
    assert Run.objects.count() == 0
    assert Pipeline.objects.get().ingested_through is None


def test_an_ingestion_can_be_limited_to_a_client_or_a_pipeline(partner: GenericPartner, run_command: Any) -> None:
    create_pipelines("Northwind", "orders")
    stock = create_pipelines("Contoso", "stock")["stock"]

    run_command("--client", "Northwind")
    assert set(Run.objects.values_list("pipeline__external_id", flat=True)) == {"orders"}

    run_command("--pipeline", str(stock.id))
    assert set(Run.objects.values_list("pipeline__external_id", flat=True)) == {"orders", "stock"}


def test_the_option_since_starts_at_that_time_and_sets_no_watermark(partner: GenericPartner, run_command: Any) -> None:
    create_pipelines("Northwind", "orders")

    run_command("--since", "2026-11-01T00:00:00Z")

    assert partner.requests[0].query_value("updated_since") == "2026-11-01T00:00:00Z"
    assert Pipeline.objects.get().ingested_through is None
    assert Pipeline.objects.get().last_ingest_at is not None


def test_the_option_full_starts_at_the_beginning(partner: GenericPartner, run_command: Any) -> None:
    create_pipelines("Northwind", "orders")
    run_command()
    run_command("--full")

    assert [request.query_value("updated_since") for request in partner.requests] == [None, None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--connection", "nowhere"], "no connection 'nowhere'; there are: default"),
        (["--client", "Nobody"], "no client named 'Nobody'"),
        (["--pipeline", "01a1fc1c-34ac-721e-8075-51773fad7d78"], "no pipeline 01a1fc1c"),
        (["--pipeline", "seven"], "'seven' is not a UUID"),
        (["--since", "yesterday"], "'yesterday' is not an ISO 8601 time"),
        (["--since", "2026-11-01", "--full"], "not allowed with"),
    ],
)
def test_bad_arguments_are_explained_and_exit_with_2(
    partner: GenericPartner, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message) as error:
        call_command("ingest_runs", *arguments)

    # In a shell, errors of argparse exit with status 2. call_command does not show this status.
    assert error.value.returncode == 2 or str(error.value).startswith("Error: ")


def test_a_pipeline_that_would_not_be_ingested_is_refused_with_the_reason(partner: GenericPartner) -> None:
    orders = create_pipelines("Northwind", "orders")["orders"]
    pipeline_without_external_id = PipelineFactory.create(external_id=None)
    for arguments, message in (
        (
            ["--pipeline", str(pipeline_without_external_id.pk)],
            f"{pipeline_without_external_id.name}: This pipeline is not ingested: it",
        ),
        (
            ["--pipeline", str(orders.pk), "--client", pipeline_without_external_id.client.name],
            "orders: This pipeline belongs to another",
        ),
    ):
        with pytest.raises(CommandError, match=message) as error:
            call_command("ingest_runs", *arguments)

        assert error.value.returncode == 2


def test_the_command_exits_with_2_without_configuration(db: None) -> None:
    with pytest.raises(CommandError, match="No partner is configured") as error:
        call_command("ingest_runs")

    assert error.value.returncode == 2


def test_after_ctrl_c_stored_runs_stay_and_the_message_says_how_to_continue(
    partner: GenericPartner, run_command: Any
) -> None:
    import signal
    import threading

    create_pipelines("Northwind", "orders", "stock")

    def interrupt(_request: object) -> Answer:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return Answer(200, {"runs": []}, delay_seconds=0.5)

    partner.faults = [None, interrupt]

    result = run_command()

    assert result.exit_code == 130
    assert "run the command again" in result.err
    assert Run.objects.count() >= 1


def test_pipelines_that_no_connection_selects_are_reported(
    partner: GenericPartner, run_command: Any, settings: Settings, tmp_path: Any
) -> None:
    create_pipelines("Northwind", "orders")
    create_pipelines("Contoso", "stock")
    path = tmp_path / "connections.toml"
    path.write_text(
        f'[connections.a]\nconnector = "generic"\nbase_url = "{partner.base_url}"\n'
        'pipelines = { clients = ["Northwind"] }\n'
    )
    settings.CHM_CONNECTIONS_FILE = str(path)

    assert "pipelines that no connection selects: 1, such as Contoso/stock" in run_command().err
