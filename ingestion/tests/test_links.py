"""Links to the source: what a walk stores for each kind of partner, and the key `ui_url`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database

from ingestion.connections import ConfigurationError, Connection, read_connections_file
from ingestion.connectors.source_description import PRESETS, read_preset
from ingestion.http import PartnerSession
from ingestion.links import Links
from ingestion.synthetic.partner import Answer, PartnerServer, Request
from ingestion.tests.support import SHORT_TIMEOUTS, create_pipelines, ingest
from inventory.models import Pipeline
from runs.models import Run

FLOW, DEPLOYMENT = "0190a1b2-0000-7000-8000-000000000001", "0190a1b2-0000-7000-8000-000000000002"


def links_of(connector: str, base_url: str, external_id: str, **options: Any) -> Links:
    """Return the links of a pipeline with this external id."""
    connection = Connection("c", connector, base_url, http_settings=SHORT_TIMEOUTS, **options)
    with PartnerSession(base_url, auth=connection.create_auth(), settings=SHORT_TIMEOUTS) as session:
        links_by_id = connection.links(connection.create_connector(session, {external_id}.__contains__), {external_id})
    return links_by_id[external_id]


class PartnerWithoutRuns(PartnerServer):
    """A partner without runs. It answers like an Airflow with the API at `api`, and like a Prefect with one flow."""

    api = "/api/v2"

    def answer(self, request: Request) -> Answer:
        if request.path == f"{self.api}/version":
            return Answer(body={"version": "x"})
        if request.path == "/api/flows/filter":
            return Answer(body=[{"id": FLOW}])
        return Answer(404, {"detail": "Not Found"})


def test_airflow_3_links_to_a_page_per_run() -> None:
    with PartnerWithoutRuns() as partner:
        result = links_of("airflow", partner.base_url, "übersicht täglich")

    dag = f"{partner.base_url}/dags/%C3%BCbersicht%20t%C3%A4glich"
    assert result == Links(dag, f"{dag}/runs/{{run_id}}")


def test_airflow_2_links_to_the_run_in_the_grid_of_its_dag() -> None:
    with PartnerWithoutRuns() as partner:
        partner.api = "/api/v1"
        result = links_of("airflow", partner.base_url, "sales")

    assert result == Links(
        f"{partner.base_url}/dags/sales/grid", f"{partner.base_url}/dags/sales/grid?dag_run_id={{run_id}}"
    )


@pytest.mark.parametrize(
    ("external_id", "page"),
    [(FLOW, f"flows/flow/{FLOW}"), (DEPLOYMENT, f"deployments/deployment/{DEPLOYMENT}")],
    ids=["flow", "deployment"],
)
def test_prefect_has_different_links_for_flows_and_deployments(external_id: str, page: str) -> None:
    with PartnerWithoutRuns() as partner:
        result = links_of("prefect", partner.base_url, external_id)

    assert result == Links(f"{partner.base_url}/{page}", f"{partner.base_url}/runs/flow-run/{{run_id}}")


def test_dagster_links_to_a_job_by_its_name() -> None:
    result = links_of("dagster", "https://dagster.example", "daily load")

    assert result == Links("https://dagster.example/guess/daily%20load", "https://dagster.example/runs/{run_id}")


def links_of_preset(name: str, base_url: str, external_id: str, tmp_path: Path, options_text: str = "") -> Links:
    file = tmp_path / "connections.toml"
    file.write_text(f'[connections.c]\nconnector = "{name}"\nbase_url = "{base_url}"\n{options_text}')
    connection = read_connections_file(file)["c"]
    with PartnerSession(base_url, auth=connection.create_auth(), settings=SHORT_TIMEOUTS) as session:
        return connection.links(connection.create_connector(session, lambda _external_id: True), {external_id}).get(
            external_id, Links()
        )


def test_presets_link_to_the_pages_of_their_partners(tmp_path: Path) -> None:
    factory = (
        "https://management.azure.com/subscriptions/S/resourceGroups/G/providers/Microsoft.DataFactory/factories/F"
    )

    azure = links_of_preset("azure_data_factory", factory, "copy orders", tmp_path)
    databricks = links_of_preset("databricks", "https://adb-1.azuredatabricks.net", "77", tmp_path)

    path = factory.removeprefix("https://management.azure.com")
    assert azure == Links(
        f"https://adf.azure.com/authoring/pipeline/copy%20orders?factory={path}",
        f"https://adf.azure.com/monitoring/pipelineruns/{{run_id}}?factory={path}",
    )
    assert databricks == Links(
        "https://adb-1.azuredatabricks.net/jobs/77", "https://adb-1.azuredatabricks.net/jobs/77/runs/{run_id}"
    )


def test_every_preset_except_airbyte_has_links_to_runs(tmp_path: Path) -> None:
    base_url = "https://partner.example/x"
    presets_without_links = {
        name
        for name in PRESETS
        if links_of_preset(name, base_url, "p", tmp_path).run_url_template is None
        and "source_url" not in read_preset(name)["fields"]
    }

    assert presets_without_links == {"airbyte"}, "its API gives neither the address nor the id of the workspace"


def test_a_ui_url_that_is_a_template_is_used_unchanged(tmp_path: Path) -> None:
    options_text = 'ui_url = "https://ui.example/c/{external_id}/jobs/{run_id}"'

    result = links_of_preset("airbyte", "https://api.example/v1", "a/b", tmp_path, options_text)

    assert result == Links("https://ui.example/c/a%2Fb", "https://ui.example/c/a%2Fb/jobs/{run_id}")


def test_a_ui_url_without_placeholders_replaces_base_url(tmp_path: Path) -> None:
    result = links_of_preset(
        "dagster", "http://dagster.internal:3000", "load", tmp_path, 'ui_url = "https://ui.example/"'
    )

    assert result == Links("https://ui.example/guess/load", "https://ui.example/runs/{run_id}")


@pytest.mark.parametrize(
    ("ui_url", "mistake"),
    [
        ("javascript:alert(1)", "is not an http:// or https:// address"),
        ("javascript:alert({run_id})", "is not an http:// or https:// address"),
        ("https://{external_id}.example/{run_id}", "is not an http:// or https:// address"),
        ("https://user:hunter2@ui.example/{run_id}", "is not an http:// or https:// address"),
        ("https://ui.example/{dag}/{run_id}", "the only placeholders are {external_id} and {run_id}"),
        ("https://ui.example/{external_id}", "a template must contain {run_id}, because it is for pages of runs"),
    ],
)
def test_an_invalid_ui_url_is_a_mistake_in_the_file(tmp_path: Path, ui_url: str, mistake: str) -> None:
    file = tmp_path / "connections.toml"
    file.write_text(f'[connections.c]\nconnector = "generic"\nbase_url = "https://x"\nui_url = "{ui_url}"\n')

    with pytest.raises(ConfigurationError) as caught:
        read_connections_file(file)

    assert caught.value.mistakes == [f"{file}: connections.c.ui_url: {mistake}"]


class PartnerWithTwoRuns(PartnerServer):
    """A partner with the generic API and two runs. Only the second run has a source_url."""

    def answer(self, request: Request) -> Answer:
        runs = [
            {"id": "r 1", "status": "failed", "updated_at": "2026-03-01T10:00:00Z"},
            {
                "id": "r2",
                "status": "failed",
                "updated_at": "2026-03-01T10:00:00Z",
                "source_url": "https://own.example/2",
            },
        ]
        return Answer(body={"runs": runs, "next_cursor": None})


@pytest.mark.django_db
def test_a_walk_stores_the_links_without_changing_updated_at_and_a_second_walk_writes_nothing() -> None:
    pipeline = create_pipelines("Northwind", "sales/daily", platform="custom")["sales/daily"]
    with PartnerWithTwoRuns() as partner:
        connection = Connection("generic", "generic", partner.base_url, http_settings=SHORT_TIMEOUTS)
        connection = replace(connection, ui_url="https://ui.example/p/{external_id}/{run_id}")
        ingest(connection)
        stored = Pipeline.objects.get()
        version = pipeline_row_versions()
        ingest(connection)

    assert (stored.source_url, stored.source_url_template) == (
        "https://ui.example/p/sales%2Fdaily",
        "https://ui.example/p/sales%2Fdaily/{run_id}",
    )
    assert stored.updated_at == pipeline.updated_at
    assert pipeline_row_versions() == version
    runs: Any = Run.objects.with_source_url().order_by("external_run_id")
    assert [run.source_url for run in runs] == ["https://ui.example/p/sales%2Fdaily/r%201", "https://own.example/2"]


@pytest.mark.django_db
def test_a_walk_succeeds_and_keeps_the_stored_links_if_prefect_refuses_to_list_flows() -> None:
    class PartnerRefusingFlows(PartnerServer):
        def answer(self, request: Request) -> Answer:
            return Answer(body=[]) if request.path == "/api/flow_runs/filter" else Answer(403, {"detail": "no"})

    create_pipelines("Northwind", FLOW)
    Pipeline.objects.update(source_url="https://before.example/", source_url_template="https://before.example/{run_id}")
    with PartnerRefusingFlows() as partner:
        report = ingest(Connection("prefect", "prefect", partner.base_url, http_settings=SHORT_TIMEOUTS))

    assert report.errors == []
    assert Pipeline.objects.get().source_url == "https://before.example/"


def pipeline_row_versions() -> Any:
    """Return for each pipeline the values that any write changes: ctid and xmin."""
    with database.cursor() as cursor:
        cursor.execute("SELECT ctid::text, xmin::text FROM pipelines")
        return cursor.fetchall()
