"""The rows of recorded Airflow answers, by moment, each with the update time that the answers themselves leave out."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent / "recordings"
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|\+00:00)")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """One DAG run as the API shows it, and when it last changed."""

    data: dict[str, Any]
    updated_at: datetime

    @property
    def key(self) -> Key:
        return self.data["dag_id"], self.data["dag_run_id"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One state of the recorded server."""

    name: str
    at: datetime
    rows: Sequence[RecordedRow]


def recorded_moments(folder: Path, names: Sequence[str], listing: str) -> list[Moment]:
    """A row changed just after the moment before the one whose recording first shows it so."""
    moments: list[Moment] = []
    former: Mapping[Key, RecordedRow] = {}
    changed = None
    for name in names:
        pages = [json.loads(path.read_text()) for path in sorted((folder / name).glob(f"{listing}*.json"))]
        times = [datetime.fromisoformat(page["recorded"]["at"]) for page in pages]
        changed = changed or times[0] - timedelta(seconds=9)
        rows: dict[Key, RecordedRow] = {}
        for data in (data for page in pages for data in page["response"]["body"]["dag_runs"]):
            row = RecordedRow(data, changed)
            same = former.get(row.key)
            rows[row.key] = same if same is not None and same.data == data else row
        moments.append(Moment(name, times[0], list(rows.values())))
        former, changed = rows, times[-1] + timedelta(milliseconds=1)
    return moments


def recorded_dags(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a recorded list of DAGs."""
    rows: list[dict[str, Any]] = json.loads(file.read_text())["response"]["body"]["dags"]
    return rows


def moved(row: RecordedRow, by: timedelta, suffix: str) -> RecordedRow:
    """The same run at another time, under another run id."""
    data = shifted(row.data, by)
    data["dag_run_id"] = row.data["dag_run_id"] + suffix
    return RecordedRow(data, row.updated_at + by)


def shifted(value: Any, by: timedelta) -> Any:
    if isinstance(value, str) and TIME.fullmatch(value):
        return (
            (datetime.fromisoformat(value) + by).isoformat().replace("+00:00", value[-6:] if value[-1] != "Z" else "Z")
        )
    if isinstance(value, dict):
        return {key: shifted(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [shifted(item, by) for item in value]
    return value
