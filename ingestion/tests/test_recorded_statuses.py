"""Every recorded status is in its connector's table. The test fails if a new recording has an unknown status."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestion import synthetic
from ingestion.connectors import airflow, dagster, prefect

RECORDINGS = Path(synthetic.__file__).parent / "recordings"
# The folder of recordings, a field that only runs have, the field of the status, and the connector's table of statuses.
SYSTEMS = [
    pytest.param("airflow", "dag_run_id", "state", airflow.STATUSES, id="airflow"),
    pytest.param("airflow2", "dag_run_id", "state", airflow.STATUSES, id="airflow2"),
    pytest.param("prefect", "state_type", "state_type", {**prefect.STATUSES, "scheduled": "not a run"}, id="prefect"),
    pytest.param("dagster", "runId", "status", dagster.STATUSES, id="dagster"),
]


def json_objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from json_objects(item)


def recorded_statuses(folder: str, key_field: str, status_field: str) -> set[str]:
    statuses = set()
    for path in (RECORDINGS / folder).rglob("*.json"):
        for row in json_objects(json.loads(path.read_text())["response"].get("body")):
            # Leave out task instances: they also contain the id of their run, and they have more states than runs.
            if key_field in row and "task_id" not in row and isinstance(row.get(status_field), str):
                statuses.add(row[status_field].lower())
    return statuses


@pytest.mark.parametrize(("folder", "key_field", "status_field", "table"), SYSTEMS)
def test_the_connector_translates_every_recorded_status(
    folder: str, key_field: str, status_field: str, table: dict[str, str]
) -> None:
    statuses = recorded_statuses(folder, key_field, status_field)
    assert len(statuses) > 1, "the recordings contain runs"
    assert statuses <= table.keys()


def test_every_folder_of_recordings_is_checked() -> None:
    folders = {path.name for path in RECORDINGS.iterdir() if path.is_dir()}
    assert folders == {str(system.values[0]) for system in SYSTEMS}
