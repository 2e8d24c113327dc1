"""An Airflow 3 of any number of DAGs, larger than any recording: token, version, and lists of runs, DAGs and tasks."""

from datetime import datetime
from typing import Any

from ingestion.synthetic.airflow_recording import RecordedRow
from ingestion.synthetic.airflow_tasks import answer_about_tasks
from ingestion.synthetic.partner import Answer, PartnerServer, Request


def dag_run(dag_id: str, number: int, at: datetime, state: str = "success") -> dict[str, Any]:
    """With the fields of a real one that CHM reads; `updated_at` is the server's own and not shown."""
    moment = at.isoformat()
    return {
        "dag_id": dag_id,
        "dag_run_id": f"scheduled__{number}",
        "state": state,
        "start_date": moment,
        "end_date": moment if state in {"success", "failed"} else None,
        "duration": 0.0,
        "note": None,
        "run_type": "scheduled",
    }


class AirflowOfMany(PartnerServer):
    """`changes` are rows with the moment at which each last changed; `maximum_page_limit` is as Airflow's default."""

    maximum_page_limit = 100

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[tuple[datetime, dict[str, Any]]] = []
        self.dag_ids: list[str] = []

    def answer(self, request: Request) -> Answer:
        if request.path == "/auth/token":
            return Answer(201, {"access_token": "token-of-many"})
        if request.path == "/api/v2/version":
            return Answer(body={"version": "3.1.0"})
        if request.path == "/api/v2/dags":
            offset, limit = int(request.first("offset") or 0), int(request.first("limit") or 50)
            some = sorted(self.dag_ids)[offset : offset + min(limit, self.maximum_page_limit)]
            dags = [{"dag_id": dag, "is_paused": False, "next_dagrun_run_after": None} for dag in some]
            return Answer(body={"dags": dags, "total_entries": len(self.dag_ids)})
        rows_so_far = [RecordedRow(row, moment) for moment, row in self.changes]
        if (about_tasks := answer_about_tasks(request, rows_so_far)) is not None:
            return about_tasks
        parts = request.path.split("/")
        if parts[:4] != ["", "api", "v2", "dags"] or parts[5:] != ["dagRuns"]:
            return Answer(404, {"detail": "Not Found"})
        since = request.first("updated_at_gte")
        start = datetime.fromisoformat(since) if since else None
        rows = [
            row
            for moment, row in self.changes
            if (start is None or moment >= start) and parts[4] in {"~", row["dag_id"]}
        ]
        offset, limit = int(request.first("offset") or 0), int(request.first("limit") or 50)
        page = rows[offset : offset + min(limit, self.maximum_page_limit)]
        return Answer(body={"dag_runs": page, "total_entries": len(rows)})
