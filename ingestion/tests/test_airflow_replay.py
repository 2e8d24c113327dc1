"""The simulated Airflow returns the recorded responses. The tests repeat every recorded request for runs."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests

from ingestion.synthetic.airflow_recording import RECORDINGS
from ingestion.synthetic.airflow_replay import (
    AIRFLOW_2_MOMENTS,
    ALL_RUNS_ENDED,
    MOMENTS,
    RUNS_OPEN,
    Airflow2Replay,
    AirflowReplay,
)

# Recordings whose names start like this are not repeated: their requests write, or read other things than DAG runs.
NOT_REPEATED = (
    "dags",
    "dag.",
    "dag-",
    "backfill",
    "import-errors",
    "task",
    "health",
    "version",
    "trigger",
    "clear",
    "delete",
    "mark",
)


# Recorded between two moments, so the runs of both moments differ from these recordings.
BETWEEN_MOMENTS = {"run-right-after-clear.json", "run-404-deleted.json"}


def recordings(folder: str) -> list[Path]:
    """Return the files of the recordings in this folder whose requests are repeated."""
    return sorted(
        path for path in (RECORDINGS / "airflow" / folder).rglob("*.json") if not path.name.startswith(NOT_REPEATED)
    )


def repeat_request(partner: AirflowReplay, exchange: dict[str, Any]) -> requests.Response:
    request = exchange["request"]
    token = requests.post(
        f"{partner.base_url}/auth/token", json={"username": "admin", "password": "REDACTED"}, timeout=5
    )
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    return requests.request(
        request["method"],
        partner.base_url + request["path"],
        params=[tuple(pair) for pair in request["query"]],
        json=request.get("body"),
        headers=headers if "Authorization" in request["headers"] else {},
        timeout=5,
    )


def test_every_recorded_request_for_runs_gets_the_recorded_response() -> None:
    compared_count = 0
    with AirflowReplay() as partner:
        for moment in MOMENTS:
            partner.rows = partner.moments[moment].rows
            for path in recordings(moment):
                if path.name in BETWEEN_MOMENTS:
                    continue
                exchange = json.loads(path.read_text())
                query = dict(exchange["request"]["query"])
                # A cursor is valid only on the recorded server. Another test follows cursors.
                if query.get("cursor"):
                    continue

                answer = repeat_request(partner, exchange)

                expected = exchange["response"]
                assert answer.status_code == expected["status"], path
                body = answer.json()
                for name in ("next_cursor", "previous_cursor", "total_entries_limit"):
                    # The text of a cursor differs between servers.
                    if isinstance(body, dict) and name in body:
                        body[name] = expected["body"][name] = None
                if query.get("order_by") == "updated_at":
                    # The recordings do not contain update times, so only the number of rows is compared.
                    assert body["total_entries"] == expected["body"]["total_entries"], path
                    continue
                assert body == expected["body"], path
                compared_count += 1

    assert compared_count > 70


@pytest.mark.parametrize("path", recordings("0-errors"), ids=lambda path: path.stem)
def test_errors_are_equal_to_the_recorded_errors(path: Path) -> None:
    exchange = json.loads(path.read_text())
    with AirflowReplay() as partner:
        partner.rows = []
        answer = repeat_request(partner, exchange)

    expected = exchange["response"]
    assert answer.status_code == expected["status"]
    if path.stem == "token-201":
        assert answer.json().keys() == expected["body"].keys()
    elif path.stem == "token-422-no-password":
        assert "LoginBody" in answer.json()["detail"]
    else:
        assert answer.json() == expected["body"]


def test_cursor_pages_contain_the_recorded_rows() -> None:
    with AirflowReplay() as partner:
        partner.rows = partner.moments[ALL_RUNS_ENDED].rows
        cursor: str | None = ""
        for path in sorted((RECORDINGS / "airflow" / ALL_RUNS_ENDED).glob("runs-cursor.p*.json")):
            exchange = json.loads(path.read_text())
            exchange["request"]["query"] = [["cursor", cursor], ["limit", "25"], ["order_by", "id"]]

            page = repeat_request(partner, exchange).json()

            assert page["dag_runs"] == exchange["response"]["body"]["dag_runs"]
            cursor = page["next_cursor"]
    assert cursor is None


def test_pages_are_shorter_if_the_server_has_a_lower_limit() -> None:
    with AirflowReplay(maximum_page_limit=10) as partner:
        partner.rows = partner.moments[ALL_RUNS_ENDED].rows
        for name, rows in (("runs-limit-50-maximum-10", 10), ("runs-limit-0", 0)):
            exchange = json.loads((RECORDINGS / "airflow" / "page-limit" / f"{name}.json").read_text())

            assert len(repeat_request(partner, exchange).json()["dag_runs"]) == rows


def test_airflow_2_returns_the_recorded_runs() -> None:
    with Airflow2Replay() as partner:
        for moment in AIRFLOW_2_MOMENTS:
            partner.rows = partner.moments[moment].rows
            path = RECORDINGS / "airflow2" / moment / "runs.legacy_daily.json"
            expected = json.loads(path.read_text())["response"]["body"]

            url = f"{partner.base_url}/api/v1/dags/legacy_daily/dagRuns"
            body = requests.get(url, auth=("admin", "REDACTED"), timeout=5).json()

            assert sorted(run["dag_run_id"] for run in body["dag_runs"]) == sorted(
                run["dag_run_id"] for run in expected["dag_runs"]
            )


def test_a_recorded_run_is_found_by_an_id_with_a_tilde() -> None:
    with AirflowReplay() as partner:
        partner.rows = partner.moments[RUNS_OPEN].rows
        exchange = json.loads((RECORDINGS / "airflow/A-early/run/branch_and_map--all-skipped~1.json").read_text())

        assert repeat_request(partner, exchange).json()["dag_run_id"] == unquote("all-skipped~1")
