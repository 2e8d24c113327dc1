"""A simulated Airflow 3 with any number of DAGs. It returns a token, its version, and lists of runs, DAGs and tasks."""

from datetime import datetime
from typing import Any

from ingestion.synthetic.airflow_recording import RecordedRow
from ingestion.synthetic.airflow_tasks import answer_about_tasks
from ingestion.synthetic.partner import Answer, PartnerServer, Request


def dag_run(dag_id: str, number: int, moment: datetime, state: str = "success") -> dict[str, Any]:
    """Return a DAG run with the fields that CHM reads.

    Like Airflow, it has no field for the time of its last change.
    """
    time = moment.isoformat()
    return {
        "dag_id": dag_id,
        "dag_run_id": f"scheduled__{number}",
        "state": state,
        "start_date": time,
        "end_date": time if state in {"success", "failed"} else None,
        "duration": 0.0,
        "note": None,
        "run_type": "scheduled",
    }


class AirflowWithManyDags(PartnerServer):
    """The server. `changes` are its DAG runs, each with the time of its last change. `dag_ids` are its DAGs."""

    maximum_page_limit = 100  # Airflow's default

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
            offset, limit = int(request.query_value("offset") or 0), int(request.query_value("limit") or 50)
            page_ids = sorted(self.dag_ids)[offset : offset + min(limit, self.maximum_page_limit)]
            dags = [{"dag_id": dag, "is_paused": False, "next_dagrun_run_after": None} for dag in page_ids]
            return Answer(body={"dags": dags, "total_entries": len(self.dag_ids)})
        if (answer := answer_about_tasks(request, [RecordedRow(row, time) for time, row in self.changes])) is not None:
            return answer
        parts = request.path.split("/")
        if parts[:4] != ["", "api", "v2", "dags"] or parts[5:] != ["dagRuns"]:
            return Answer(404, {"detail": "Not Found"})
        since = request.query_value("updated_at_gte")
        start = datetime.fromisoformat(since) if since else None
        rows = [
            row
            for moment, row in self.changes
            if (start is None or moment >= start) and parts[4] in {"~", row["dag_id"]}
        ]
        offset, limit = int(request.query_value("offset") or 0), int(request.query_value("limit") or 50)
        page = rows[offset : offset + min(limit, self.maximum_page_limit)]
        return Answer(body={"dag_runs": page, "total_entries": len(rows)})
