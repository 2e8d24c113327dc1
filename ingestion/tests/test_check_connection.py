"""manage.py check_connection: its output, its errors and its exit codes. It stores nothing."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer
from ingestion.tests.documented_partners import PLANTED_SECRET, SECRET, Databricks
from ingestion.tests.support import PASSWORD_ENV, create_pipelines, row_versions
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner(generic_partner: GenericPartner, settings: Settings, tmp_path: Path) -> GenericPartner:
    """Return a partner with two pipelines. The connections file has one connection, to this partner."""
    path = tmp_path / "connections.toml"
    path.write_text(
        f'[connections.one]\nconnector = "generic"\nbase_url = "{generic_partner.base_url}"\nmax_retries = 0\n'
        'auth = { kind = "bearer", secret_env = "CHM_TEST_PARTNER_SECRET" }\n'
    )
    settings.CHM_CONNECTIONS_FILE = str(path)
    generic_partner.runs = {
        "orders": [
            {"id": "1", "status": "Succeeded", "started_at": "2026-03-01T10:00:00Z"},
            {"id": "[/2]", "status": "exploded", "rows_processed": -1},
            {"status": "failed"},
        ],
        "stock": [{"id": "9", "status": "failed"}],
    }
    return generic_partner


def check_connection(*arguments: Any) -> str:
    """Run the command and return its output."""
    out = StringIO()
    call_command("check_connection", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_shows_how_each_run_would_be_stored_and_stores_nothing(partner: GenericPartner) -> None:
    pipelines = create_pipelines("Northwind", "orders", "stock")

    output = check_connection("one", "--pipeline", str(pipelines["orders"].pk))

    for expected in ("selects 2 pipelines", "requested orders", "Succeeded", "2026-03-01 10:00:00", "unknown status",
                     "rows_processed left out", "no external_run_id", "[/2]",
                     "first page: 1 failed, 1 rejected, 1 success. Nothing was written."):  # fmt: skip
        assert expected in output, output
    assert row_versions() == {}
    assert not Pipeline.objects.exclude(last_ingest_at=None).exists()
    assert len(partner.requests) == 1


def test_the_command_requests_the_first_pipeline_by_default(partner: GenericPartner) -> None:
    create_pipelines("Northwind", "orders")
    assert "requested orders" in check_connection("one")


def test_each_kind_of_error_has_its_message_and_exit_code(partner: GenericPartner) -> None:
    with pytest.raises(CommandError, match="selects no pipeline") as refusal:
        check_connection("one")
    assert refusal.value.returncode == 2
    with pytest.raises(CommandError, match="there is no connection 'two'; there are: one"):
        check_connection("two")
    unselected_pipeline = PipelineFactory.create(external_id=None)
    with pytest.raises(CommandError, match="does not select"):
        check_connection("one", "--pipeline", str(unselected_pipeline.pk))
    create_pipelines("Northwind", "orders")
    partner.faults = [Answer(401, {"detail": "Invalid token"})]
    with pytest.raises(CommandError, match="answered 401") as failure:
        check_connection("one")
    assert failure.value.returncode == 1


def test_a_partner_without_runs_is_not_an_error(partner: GenericPartner) -> None:
    partner.runs = {"orders": []}
    create_pipelines("Northwind", "orders")
    assert "first page: no run." in check_connection("one")


def test_the_command_shows_where_each_field_comes_from_if_the_connection_has_a_description(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, SECRET)
    with Databricks(success_count=1) as databricks:
        path = tmp_path / "connections.toml"
        path.write_text(
            f'[connections.bricks]\nconnector = "databricks"\nbase_url = "{databricks.base_url}"\n'
            f'auth = {{ kind = "bearer", secret_env = "{PASSWORD_ENV}" }}\n'
        )
        settings.CHM_CONNECTIONS_FILE = str(path)
        create_pipelines("Northwind", databricks.pipelines[1], platform="vendor_api")

        output = check_connection("bricks")

    # The table is wider than 80 columns, so each field is a block of lines.
    blocks = [" ".join(block.split()) for block in output.split("\n\n") if "field " in block]
    status = next(block for block in blocks if "field status " in block)
    assert "expression status.state, status.termination_details.code" in status
    assert "partner's value TERMINATED/SKIPPED stored value skipped" in status
    finished = next(block for block in blocks if "field finished_at " in block)
    assert f"expression end_time partner's value {databricks.rows[-1]['end_time']}" in finished
    assert PLANTED_SECRET not in output
    assert SECRET not in output
    assert row_versions() == {}
