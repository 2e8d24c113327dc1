"""The query of every panel of Grafana's boards returns the rows of its shape to the reporting role."""

import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.db import DataError, transaction
from django.urls import resolve

from chm_project.dashboards import expand, grafana
from chm_project.dashboards.boards import BUSINESS, GOVERNANCE, OPERATIONS, placed_shapes
from chm_project.tests.controlled_seed import AS_OF, create_seed, hours_ago
from chm_project.tests.expected_shapes import EXPECTED_ROWS, expected_rows
from chm_project.tests.reporting_role import query_as_reporting_role
from inventory.models import Client, Pipeline
from runs.models import Run, Status
from runs.reporting.run_shapes import run_shape
from runs.reporting.shapes import shapes

pytestmark = pytest.mark.django_db

FOLDER = Path(settings.BASE_DIR) / "docker" / "grafana"
BOARDS = {
    title: json.loads((FOLDER / "dashboards" / f"{uid}.json").read_text()) for title, uid in grafana.BOARD_UIDS.items()
}
PANELS = [
    (title, panel, placed.shape.name)
    for title, document in BOARDS.items()
    for panel, placed in zip(document["panels"], placed_shapes(title), strict=True)
]
every_panel = pytest.mark.parametrize(
    ("title", "panel", "name"), PANELS, ids=[f"{grafana.BOARD_UIDS[title]}-{name}" for title, _, name in PANELS]
)


@pytest.fixture
def seed() -> None:
    create_seed()


def panel_rows(
    title: str, panel: dict[str, Any], *, days: int = 7, selected: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the panel's rows for a time range that ends at AS_OF, with the query that Grafana sends."""
    (target,) = panel["targets"]
    return query_as_reporting_role(
        expand.expand_for_grafana(target["rawSql"], BOARDS[title], AS_OF - timedelta(days=days), AS_OF, selected or {})
    )


def row_values(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("name", sorted(grafana.board_files()))
def test_the_file_of_a_board_is_up_to_date(name: str) -> None:
    """Regenerate with `make dashboards`."""
    assert (FOLDER / "dashboards" / name).read_text() == grafana.board_files()[name]


def test_the_command_writes_the_same_files_as_the_committed_ones(tmp_path: Path) -> None:
    call_command("generate_dashboards", "--folder", str(tmp_path), stdout=io.StringIO())

    written = list(tmp_path.rglob("*.json"))
    assert len(written) == 5
    for path in written:
        assert path.read_text() == (FOLDER.parent / path.relative_to(tmp_path)).read_text()


def test_the_boards_show_every_shape_that_has_a_panel() -> None:
    assert {name for _, _, name in PANELS} == {name for name in EXPECTED_ROWS if shapes()[name].panel != "none"}
    assert min(len(BOARDS[title]["panels"]) for title in (OPERATIONS, BUSINESS, GOVERNANCE)) >= 6
    assert {path.name for path in (FOLDER / "dashboards").iterdir()} == set(grafana.board_files())


@every_panel
def test_a_panel_returns_the_rows_calculated_by_hand(seed: None, title: str, panel: dict[str, Any], name: str) -> None:
    assert row_values(panel_rows(title, panel)) == expected_rows(name)


@every_panel
def test_a_panel_with_selected_variables_returns_the_same_rows_as_the_shape(
    seed: None, title: str, panel: dict[str, Any], name: str
) -> None:
    acme = str(Client.objects.get(name="Acme").pk)
    cases: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"client": acme}, {"client_id": acme}),
        ({"platform": "vendor_api"}, {"platform": "vendor_api"}),
        ({"environment": "staging"}, {"environment": "staging"}),
        ({"client": acme, "platform": "airflow", "environment": "prod"},
         {"client_id": acme, "platform": "airflow", "environment": "prod"}),
    ]  # fmt: skip
    for selected, scope in cases:
        expected = run_shape(name, as_of=AS_OF, **scope)
        assert panel_rows(title, panel, selected=selected) == expected
    delta_only = {"client": str(Client.objects.get(name="Delta").pk)}
    assert panel_rows(title, panel, selected=delta_only) != panel_rows(title, panel)


@pytest.mark.parametrize("name", ["failures_over_time", "failure_rate_by_platform", "run_duration_distribution"])
def test_the_time_range_of_the_board_is_the_window_of_the_shape(seed: None, name: str) -> None:
    title, panel = next((title, panel) for title, panel, shape in PANELS if shape == name)

    rows = panel_rows(title, panel, days=1)

    assert rows == run_shape(name, as_of=AS_OF, since=hours_ago(24))
    assert rows != panel_rows(title, panel)


def test_a_panel_uses_the_selected_bucket(seed: None) -> None:
    panel = next(panel for _, panel, name in PANELS if name == "failures_over_time")
    rows = panel_rows(OPERATIONS, panel, selected={"bucket": "week"})
    assert rows == run_shape("failures_over_time", as_of=AS_OF, bucket="week")


@pytest.mark.parametrize("variable", ["client", "platform", "environment"])
def test_a_variable_value_in_the_url_is_never_run_as_sql(seed: None, variable: str) -> None:
    panel = next(panel for _, panel, name in PANELS if name == "client_risk")
    for value in ("x' OR true --", "'; SELECT 1; --", "NULL", "$$", '"', "\\' OR true --"):
        if variable == "client":  # the value is the id of a client
            with pytest.raises(DataError, match="invalid input syntax for type uuid"), transaction.atomic():
                panel_rows(BUSINESS, panel, selected={variable: value})
        else:
            assert panel_rows(BUSINESS, panel, selected={variable: value}) == []


def test_the_client_variable_offers_every_client_by_name(seed: None) -> None:
    for document in BOARDS.values():
        (client,) = (variable for variable in document["templating"]["list"] if variable["name"] == "client")
        assert query_as_reporting_role(client["query"]) == [
            {"__text": name, "__value": str(key)}
            for name, key in Client.objects.order_by("name").values_list("name", "pk")
        ]


LINKED_MODELS = {
    "client": ("client_id", Client),
    "pipeline": ("pipeline_id", Pipeline),
    "runs_run_change": ("run_id", Run),
}


def test_every_row_of_a_table_links_to_its_client_pipeline_and_run(seed: None) -> None:
    opened_links = set()
    for title, panel, name in PANELS:
        if panel["type"] != "table":
            continue
        overrides = {
            override["matcher"]["options"]: override["properties"] for override in panel["fieldConfig"]["overrides"]
        }
        urls = [
            link["url"]
            for properties in overrides.values()
            for item in properties
            if item["id"] == "links"
            for link in item["value"]
        ]
        if "source_url" in overrides:
            urls.remove("${__value.raw}")
        key_columns = {column.name for column in shapes()[name].columns} & {"client_id", "pipeline_id", "run_id"}
        assert all({"id": "custom.hidden", "value": True} in overrides[key] for key in key_columns)
        for row in panel_rows(title, panel):
            for url in urls:
                path = re.sub(r"\$\{__data\.fields\.(\w+)\}", lambda match: str(row[match[1]]), url)  # noqa: B023
                if path.endswith("/None/change/"):
                    assert row["run_id"] is None
                    continue
                page = resolve(path.replace("${chm_url}", ""))
                key, model = LINKED_MODELS[str(page.url_name)]
                assert model._default_manager.get(pk=next(iter(page.kwargs.values()))).pk == row[key]
                opened_links.add((name, key))
        assert len(urls) == len(key_columns)
    assert {name for name, _ in opened_links} == {
        "failing_now", "incidents", "late_pipelines", "latest_status_by_pipeline", "top_flaky_pipelines",
        "changes_since_yesterday", "client_throughput", "freshness_watchlist", "ingestion_health",
        "governance_gaps", "unusual_runs",
    }  # fmt: skip


def test_a_panel_formats_only_columns_of_its_shape(seed: None) -> None:
    for title, panel, name in PANELS:
        columns = {column.name for column in shapes()[name].columns}
        if name == "weekly_status_mix":
            columns |= {"week_start\\status", *Status.values}
        formatted = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
        assert formatted <= columns, (title, name)


@pytest.mark.parametrize("title", BOARDS)
def test_the_panels_of_a_board_fill_a_grid_without_overlap(title: str) -> None:
    used_cells: set[tuple[int, int]] = set()
    for panel in BOARDS[title]["panels"]:
        grid_position = panel["gridPos"]
        cells = {
            (grid_position["x"] + x, grid_position["y"] + y)
            for x in range(grid_position["w"])
            for y in range(grid_position["h"])
        }
        assert not used_cells & cells
        assert max(x for x, _ in cells) < 24
        used_cells |= cells


def test_grafana_is_provisioned_with_the_data_source_that_the_panels_name() -> None:
    (source,) = provisioning("datasources")["datasources"]
    (provider,) = provisioning("dashboards")["providers"]

    datasource_uids = {panel["datasource"]["uid"] for document in BOARDS.values() for panel in document["panels"]}
    assert datasource_uids == {source["uid"]}
    assert {panel["datasource"]["type"] for document in BOARDS.values() for panel in document["panels"]} == {
        source["type"]
    }
    assert source["secureJsonData"] == {"password": "$__file{/run/secrets/grafana_reader_password}"}
    assert provider["allowUiUpdates"] is False


def provisioning(folder_name: str) -> Any:
    return yaml.safe_load((FOLDER / "provisioning" / folder_name / "chm.yml").read_text())
