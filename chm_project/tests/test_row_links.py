"""Every row about a client, pipeline or run has its id in the API and in CSV, and a link on the board."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chm_project.tests import controlled_seed
from chm_project.tests.api import ROOT, api_with_scope
from chm_project.tests.pages import browser, html, tables, tile_links
from runs.reporting.shapes import shapes

pytestmark = pytest.mark.django_db

# Shapes whose rows are not about one client, pipeline or run, but about times, platforms, environments or errors.
AGGREGATE_SHAPES = {
    "failures_over_time", "failure_rate_by_platform", "run_duration_distribution", "weekly_status_mix",
    "vendor_dependency", "reliability_by_environment", "incidents", "daily_success",
}  # fmt: skip


@pytest.fixture
def seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create the controlled seed with AS_OF one second ago, so that reports of the current time show its rows."""
    monkeypatch.setattr(controlled_seed, "AS_OF", timezone.now().replace(microsecond=0) - timedelta(seconds=1))
    controlled_seed.create_seed()


def test_shapes_with_names_of_clients_and_pipelines_also_have_their_ids() -> None:
    for name, shape in shapes().items():
        columns = {column.name for column in shape.columns}
        assert ("client_id" in columns) == ("client_name" in columns) == (name not in AGGREGATE_SHAPES), name
        assert ("pipeline_id" in columns) == ("pipeline_name" in columns), name


@pytest.mark.parametrize("name", sorted(set(shapes()) - AGGREGATE_SHAPES))
def test_the_ids_in_a_row_of_a_report_lead_to_its_client_pipeline_and_run(seed: None, name: str) -> None:
    api = api_with_scope("read")
    rows: list[dict[str, Any]] = api.get(f"{ROOT}/reports/{name}").json()["items"]
    csv_text = api.get(f"{ROOT}/reports/{name}", headers={"accept": "text/csv"}).getvalue().decode()

    assert rows
    for row in [*rows, *csv.DictReader(io.StringIO(csv_text))]:
        assert api.get(f"{ROOT}/clients/{row['client_id']}").json()["name"] == row["client_name"]
        if "pipeline_id" in row:
            pipeline = api.get(f"{ROOT}/pipelines/{row['pipeline_id']}").json()
            assert (pipeline["name"], pipeline["client_id"]) == (row["pipeline_name"], row["client_id"])
        if row.get("run_id"):
            assert api.get(f"{ROOT}/runs/{row['run_id']}").json()["pipeline_id"] == row["pipeline_id"]


def test_the_links_in_a_row_of_the_board_open_their_pages(seed: None) -> None:
    viewer = browser("viewer")
    board = html(viewer.get("/admin/"))
    opened_links: dict[str, int] = {}

    for key, url in tile_links(board).items():
        page = html(viewer.get(url))
        for row in re.findall(r"<tr>.*?</tr>", page.split(f'data-list="{key}"')[-1].split("</table>")[0], re.DOTALL)[
            1:
        ]:
            for link, label in re.findall(r'<a class="chm-link[^"]*" href="([^"]+)">([^<]*)', row):
                response = html(viewer.get(link))
                opened_links[key] = opened_links.get(key, 0) + 1
                if "/console/" in link:
                    assert label in response
    lists = {key for key in tile_links(board) if tables(html(viewer.get(tile_links(board)[key]))).get(key)}
    assert set(opened_links) == lists >= {"failing", "changed", "late", "sources", "fresh", "firing"}


def test_every_report_returns_at_most_as_many_rows_as_its_limit(seed: None) -> None:
    api = api_with_scope("read")
    for name in shapes():
        rows = api.get(f"{ROOT}/reports/{name}").json()["items"]
        assert api.get(f"{ROOT}/reports/{name}?limit=1").json()["items"] == rows[:1], name
