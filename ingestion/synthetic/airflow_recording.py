"""Read the recorded DAG runs of an Airflow. A recording has several moments: states of the server at different times.

Airflow does not return update times, so this module adds them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent / "recordings"
TIME_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|\+00:00)")
DagRunKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """One DAG run as the API returns it, and the time of its last change."""

    data: dict[str, Any]
    updated_at: datetime

    @property
    def key(self) -> DagRunKey:
        return self.data["dag_id"], self.data["dag_run_id"]


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of the recorded server at one time."""

    name: str
    recorded_at: datetime
    rows: Sequence[RecordedRow]


def recorded_moments(folder: Path, names: Sequence[str], file_prefix: str) -> list[Moment]:
    """Return the moments with these names. The name of each file with recorded DAG runs begins with `file_prefix`.

    The real update times are unknown. So a row that differs from the previous moment gets the time right after the
    recording of the previous moment.
    """
    moments: list[Moment] = []
    last_rows: Mapping[DagRunKey, RecordedRow] = {}
    changed_at = None
    for name in names:
        pages = [json.loads(path.read_text()) for path in sorted((folder / name).glob(f"{file_prefix}*.json"))]
        times = [datetime.fromisoformat(page["recorded"]["at"]) for page in pages]
        # The runs of the first moment began about 9 seconds before its recording.
        changed_at = changed_at or times[0] - timedelta(seconds=9)
        rows: dict[DagRunKey, RecordedRow] = {}
        for data in (data for page in pages for data in page["response"]["body"]["dag_runs"]):
            row = RecordedRow(data, changed_at)
            last = last_rows.get(row.key)
            rows[row.key] = last if last is not None and last.data == data else row
        moments.append(Moment(name, times[0], list(rows.values())))
        last_rows, changed_at = rows, times[-1] + timedelta(milliseconds=1)
    return moments


def recorded_dags(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a recorded list of DAGs."""
    rows: list[dict[str, Any]] = json.loads(file.read_text())["response"]["body"]["dags"]
    return rows


def moved_run(row: RecordedRow, shift: timedelta, suffix: str) -> RecordedRow:
    """Return the run at another time, with another run id."""
    data = with_times_moved(row.data, shift)
    data["dag_run_id"] = row.data["dag_run_id"] + suffix
    return RecordedRow(data, row.updated_at + shift)


def with_times_moved(value: Any, shift: timedelta) -> Any:
    """Return the JSON value with every time in it moved. Airflow 3 writes UTC as Z, Airflow 2 as +00:00."""
    if isinstance(value, str) and TIME_PATTERN.fullmatch(value):
        zone = value[-6:] if value[-1] != "Z" else "Z"
        return (datetime.fromisoformat(value) + shift).isoformat().replace("+00:00", zone)
    if isinstance(value, dict):
        return {key: with_times_moved(item, shift) for key, item in value.items()}
    if isinstance(value, list):
        return [with_times_moved(item, shift) for item in value]
    return value
