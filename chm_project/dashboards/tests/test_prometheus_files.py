"""The files of Prometheus' rules and of the board for CHM itself are up to date, and query only existing metrics."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from chm_project.dashboards import prometheus_files
from chm_project.dashboards.prometheus_files import Timing, alerts

ROOT = Path(settings.BASE_DIR)
FOLDER = ROOT / "docker" / "prometheus"
DOCUMENT = (ROOT / "docs" / "monitoring.md").read_text()


@pytest.mark.parametrize("name", sorted(prometheus_files.monitoring_files()))
def test_a_generated_prometheus_file_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == prometheus_files.monitoring_files()[name], "run make dashboards"


def test_rules_and_board_query_only_documented_metrics() -> None:
    board = json.loads(prometheus_files.board_file())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [alert.expression for alert in alerts(Timing())]
    queried = {
        re.sub(r"_(count|bucket|sum)$", "", name) for query in queries for name in re.findall(r"\bchm_\w+", query)
    }
    documented = set(re.findall(r"`(chm_\w+)`", DOCUMENT))
    assert queried <= documented


def test_docs_monitoring_lists_every_alert() -> None:
    assert [alert.name for alert in alerts(Timing())] == re.findall(r"^\| `(Chm\w+)` \|", DOCUMENT, re.MULTILINE)
