"""Every panel of Grafana's boards returns the rows of its shape, for the reporting role on the controlled seed."""

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
from chm_project.dashboards.boards import BUSINESS, GOVERNANCE, OPERATIONS, board
from chm_project.tests.controlled_seed import AS_OF, at, create_seed
from chm_project.tests.expected_shapes import EXPECTED, expected_rows
from chm_project.tests.reader import query_as_reader
from inventory.models import Client, Pipeline
from runs.models import Run, Status
from runs.reporting.run_shapes import run_shape
from runs.reporting.shapes import shapes

pytestmark = pytest.mark.django_db

FOLDER = Path(settings.BASE_DIR) / "docker" / "grafana"
BOARDS = {title: json.loads((FOLDER / "dashboards" / f"{uid}.json").read_text()) for title, uid in grafana.UIDS.items()}
PANELS = [
    (title, panel, placed.shape.name)
    for title, document in BOARDS.items()
    for panel, placed in zip(document["panels"], board(title), strict=True)
]
every_panel = pytest.mark.parametrize(
    ("title", "panel", "name"), PANELS, ids=[f"{grafana.UIDS[title]}-{name}" for title, _, name in PANELS]
)


@pytest.fixture
def seed() -> None:
    create_seed()


def read(
    title: str, panel: dict[str, Any], *, days: int = 7, chosen: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the panel's rows, queried as Grafana does for a time range that ends at AS_OF."""
    (target,) = panel["targets"]
    return query_as_reader(
        expand.grafana(target["rawSql"], BOARDS[title], AS_OF - timedelta(days=days), AS_OF, chosen or {})
    )


def values_of(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("name", sorted(grafana.documents()))
def test_a_board_is_not_stale(name: str) -> None:
    """Regenerate with `make dashboards`."""
    assert (FOLDER / "dashboards" / name).read_text() == grafana.documents()[name]


def test_the_command_writes_what_is_committed(tmp_path: Path) -> None:
    call_command("generate_dashboards", "--folder", str(tmp_path), stdout=io.StringIO())

    written = list(tmp_path.rglob("*.json"))
    assert len(written) == 5
    for path in written:
        assert path.read_text() == (FOLDER.parent / path.relative_to(tmp_path)).read_text()


def test_the_boards_hold_every_shape() -> None:
    assert {name for _, _, name in PANELS} == {name for name in EXPECTED if shapes()[name].panel != "none"}
    assert min(len(BOARDS[title]["panels"]) for title in (OPERATIONS, BUSINESS, GOVERNANCE)) >= 6
    assert {path.name for path in (FOLDER / "dashboards").iterdir()} == set(grafana.documents())


@every_panel
def test_a_panel_returns_the_rows_calculated_by_hand(seed: None, title: str, panel: dict[str, Any], name: str) -> None:
    assert values_of(read(title, panel)) == expected_rows(name)


@every_panel
def test_the_variables_filter_as_the_shape_does(seed: None, title: str, panel: dict[str, Any], name: str) -> None:
    acme = str(Client.objects.get(name="Acme").pk)
    cases: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({"client": acme}, {"client_id": acme}),
        ({"platform": "vendor_api"}, {"platform": "vendor_api"}),
        ({"environment": "staging"}, {"environment": "staging"}),
        ({"client": acme, "platform": "airflow", "environment": "prod"},
         {"client_id": acme, "platform": "airflow", "environment": "prod"}),
    ]  # fmt: skip
    for chosen, scope in cases:
        expected = run_shape(name, as_of=AS_OF, **scope)
        assert read(title, panel, chosen=chosen) == expected
    delta = {"client": str(Client.objects.get(name="Delta").pk)}
    assert read(title, panel, chosen=delta) != read(title, panel)


@pytest.mark.parametrize("name", ["failures_over_time", "failure_rate_by_platform", "run_duration_distribution"])
def test_the_time_range_is_the_window(seed: None, name: str) -> None:
    title, panel = next((title, panel) for title, panel, shape in PANELS if shape == name)

    rows = read(title, panel, days=1)

    assert rows == run_shape(name, as_of=AS_OF, since=at(24))
    assert rows != read(title, panel)


def test_the_chosen_bucket_is_used(seed: None) -> None:
    panel = next(panel for _, panel, name in PANELS if name == "failures_over_time")
    rows = read(OPERATIONS, panel, chosen={"bucket": "week"})
    assert rows == run_shape("failures_over_time", as_of=AS_OF, bucket="week")


@pytest.mark.parametrize("variable", ["client", "platform", "environment"])
def test_a_value_from_the_address_bar_is_never_run_as_sql(seed: None, variable: str) -> None:
    panel = next(panel for _, panel, name in PANELS if name == "client_risk")
    for value in ("x' OR true --", "'; SELECT 1; --", "NULL", "$$", '"', "\\' OR true --"):
        if variable == "client":  # the value is the id of a client
            with pytest.raises(DataError, match="invalid input syntax for type uuid"), transaction.atomic():
                read(BUSINESS, panel, chosen={variable: value})
        else:
            assert read(BUSINESS, panel, chosen={variable: value}) == []


def test_the_client_variable_offers_every_client_by_name(seed: None) -> None:
    for document in BOARDS.values():
        (client,) = (variable for variable in document["templating"]["list"] if variable["name"] == "client")
        assert query_as_reader(client["query"]) == [
            {"__text": name, "__value": str(key)}
            for name, key in Client.objects.order_by("name").values_list("name", "pk")
        ]


LINKED_MODELS = {
    "client": ("client_id", Client),
    "pipeline": ("pipeline_id", Pipeline),
    "runs_run_change": ("run_id", Run),
}


def test_every_row_of_a_table_links_to_its_client_pipeline_and_run(seed: None) -> None:
    opened = set()
    for title, panel, name in PANELS:
        if panel["type"] != "table":
            continue
        overrides = {
            override["matcher"]["options"]: override["properties"] for override in panel["fieldConfig"]["overrides"]
        }
        urls = [
            link["url"]
            for each in overrides.values()
            for item in each
            if item["id"] == "links"
            for link in item["value"]
        ]
        if "source_url" in overrides:
            urls.remove("${__value.raw}")
        keys = {column.name for column in shapes()[name].columns} & {"client_id", "pipeline_id", "run_id"}
        assert all({"id": "custom.hidden", "value": True} in overrides[key] for key in keys)
        for row in read(title, panel):
            for url in urls:
                path = re.sub(r"\$\{__data\.fields\.(\w+)\}", lambda match: str(row[match[1]]), url)  # noqa: B023
                if path.endswith("/None/change/"):
                    assert row["run_id"] is None
                    continue
                page = resolve(path.replace("${chm_url}", ""))
                key, model = LINKED_MODELS[str(page.url_name)]
                assert model._default_manager.get(pk=next(iter(page.kwargs.values()))).pk == row[key]
                opened.add((name, key))
        assert len(urls) == len(keys)
    assert {name for name, _ in opened} == {
        "failing_now", "incidents", "late_pipelines", "latest_status_by_pipeline", "top_flaky_pipelines",
        "changes_since_yesterday", "client_throughput", "freshness_watchlist", "ingestion_health",
        "governance_gaps", "unusual_runs",
    }  # fmt: skip


def test_the_columns_that_a_panel_formats_exist(seed: None) -> None:
    for title, panel, name in PANELS:
        columns = {column.name for column in shapes()[name].columns}
        if name == "weekly_status_mix":
            columns |= {"week_start\\status", *Status.values}
        formatted = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
        assert formatted <= columns, (title, name)


@pytest.mark.parametrize("title", BOARDS)
def test_the_panels_of_a_board_fill_a_grid_without_overlap(title: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[title]["panels"]:
        grid_position = panel["gridPos"]
        cells = {
            (grid_position["x"] + x, grid_position["y"] + y)
            for x in range(grid_position["w"])
            for y in range(grid_position["h"])
        }
        assert not taken & cells
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_boards_and_their_database_are_provisioned_under_the_names_the_panels_use() -> None:
    (source,) = provisioning("datasources")["datasources"]
    (provider,) = provisioning("dashboards")["providers"]

    datasource_uids = {panel["datasource"]["uid"] for document in BOARDS.values() for panel in document["panels"]}
    assert datasource_uids == {source["uid"]}
    assert {panel["datasource"]["type"] for document in BOARDS.values() for panel in document["panels"]} == {
        source["type"]
    }
    assert source["secureJsonData"] == {"password": "$__file{/run/secrets/grafana_reader_password}"}
    assert provider["allowUiUpdates"] is False


def provisioning(kind: str) -> Any:
    return yaml.safe_load((FOLDER / "provisioning" / kind / "chm.yml").read_text())
