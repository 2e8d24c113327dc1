"""A simulated Airflow: an HTTP server with recorded DAG runs and with Airflow's paging, filters, tokens and errors."""

import json
import secrets
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ingestion.synthetic.airflow_recording import RECORDINGS, Moment, RecordedRow, recorded_dags, recorded_moments
from ingestion.synthetic.airflow_tasks import answer_about_tasks
from ingestion.synthetic.partner import Answer, PartnerServer, Request

# The recorded moments are folders of recordings/airflow. recordings/README.md describes them.
RUNS_OPEN = "A-early"
RUNS_OPEN_LATER = "B-middle"
ALL_RUNS_ENDED = "C-settled"
RUNS_CLEARED = "D-cleared"
ALL_RUNS_ENDED_AGAIN = "E-final"
MOMENTS = (RUNS_OPEN, RUNS_OPEN_LATER, ALL_RUNS_ENDED, RUNS_CLEARED, ALL_RUNS_ENDED_AGAIN)
AIRFLOW_2_RUNS_ENDED = "B-settled"
AIRFLOW_2_MOMENTS = (RUNS_OPEN, AIRFLOW_2_RUNS_ENDED)
STATES = ("queued", "running", "success", "failed")
ORDER_FIELDS = (
    "id",
    "run_after",
    "start_date",
    "end_date",
    "logical_date",
    "updated_at",
    "dag_id",
    "state",
    "execution_date",
)
COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "gte": datetime.__ge__,
    "gt": datetime.__gt__,
    "lte": datetime.__le__,
    "lt": datetime.__lt__,
}
FILTERED_TIMES = ("updated_at", "start_date", "end_date", "run_after", "logical_date")


class AirflowReplay(PartnerServer):
    """A simulated Airflow 3. Tests may replace `rows` (the DAG runs) and `dag_list` by rows that were not recorded."""

    def __init__(
        self,
        *,
        moment: str = RUNS_OPEN,
        username: str = "admin",
        password: str = "REDACTED",  # noqa: S107 - the recordings have this text instead of the password
        maximum_page_limit: int = 100,
        offers_cursors: bool = True,
        port: int = 0,
        recordings: Path = RECORDINGS,
    ) -> None:
        super().__init__(port)
        self.moments = {recorded.name: recorded for recorded in self._read_moments(recordings)}
        self.rows: Sequence[RecordedRow] = self.moments[moment].rows
        self.dag_ids = {row.data["dag_id"] for recorded in self.moments.values() for row in recorded.rows}
        self.maximum_page_limit = maximum_page_limit
        self.offers_cursors = offers_cursors
        self.dag_list: list[dict[str, Any]] = self._read_dags(recordings)
        self._credentials = (username, password)
        self._tokens: set[str] = set()
        self._expired_tokens: set[str] = set()

    def _read_moments(self, recordings: Path) -> list[Moment]:
        return recorded_moments(recordings / "airflow", MOMENTS, "runs-all.p")

    def _read_dags(self, recordings: Path) -> list[dict[str, Any]]:
        return recorded_dags(recordings / "airflow" / ALL_RUNS_ENDED / "dags.p1.json")

    def move_to(self, moment: str) -> None:
        """Serve the rows of a recorded moment. Rows that differ from the current rows get the current update time."""
        self.serve_rows(self.moments[moment].rows)

    def serve_rows(self, rows: Sequence[RecordedRow]) -> None:
        """Serve these rows. Rows that differ from the current rows get the current update time."""
        current = {row.key: row for row in self.rows}
        now = datetime.now(UTC)
        self.rows = [
            same
            if (same := current.get(row.key)) is not None and same.data == row.data
            else replace(row, updated_at=now)
            for row in rows
        ]

    def expire_tokens(self) -> None:
        """Refuse all current tokens as expired (401)."""
        self._expired_tokens |= self._tokens
        self._tokens = set()

    def rotate_secret(self) -> None:
        """Refuse all current tokens as invalid (403), as Airflow does after a restart with a new secret."""
        self._tokens = set()

    def answer(self, request: Request) -> Answer:
        if request.path == "/auth/token" and request.method == "POST":
            return self._create_token(request)
        if request.path == "/api/v2/version":
            return Answer(body={"version": "3.3.2", "git_version": "replayed"})
        if (refusal := self._refusal(request)) is not None:
            return refusal
        if request.path.startswith("/api/v1/"):
            removed = "/api/v1 has been removed in Airflow 3, please use its upgraded version /api/v2 instead."
            return Answer(404, {"error": removed})
        if (answer := self._answer_about_tasks(request)) is not None:
            return answer
        parts = [unquote(part) for part in request.path.removeprefix("/api/v2/").split("/")]
        match parts:
            case ["dags"] if request.method == "GET":
                return self._list_dags(request)
            case ["dags", dag_id, "dagRuns"] if request.method == "GET":
                return self._list_runs(dag_id, request)
            case ["dags", "~", "dagRuns", "list"] if request.method == "POST":
                return self._list_runs_by_body(json.loads(request.body))
            case ["dags", dag_id, "dagRuns", run_id] if request.method == "GET":
                return self._get_run(dag_id, run_id)
            case ["dags", _, "dagRuns"]:
                return Answer(405, {"detail": "Method Not Allowed"})
        return Answer(404, {"error": "API route not found"})

    def _answer_about_tasks(self, request: Request) -> Answer | None:
        return answer_about_tasks(request, self.rows, maximum_page_limit=self.maximum_page_limit)

    def _create_token(self, request: Request) -> Answer:
        credentials = json.loads(request.body)
        if "password" not in credentials:
            return Answer(422, {"detail": "1 validation error for LoginBody"})
        if (credentials.get("username"), credentials["password"]) != self._credentials:
            return Answer(401, {"detail": "Invalid credentials"})
        token = "replayed-" + secrets.token_urlsafe(24)
        self._tokens.add(token)
        return Answer(201, {"access_token": token})

    def _refusal(self, request: Request) -> Answer | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            return Answer(401, {"detail": "Not authenticated"})
        if token in self._expired_tokens:
            return Answer(401, {"detail": "Token Expired"})
        return None if token in self._tokens else Answer(403, {"detail": "Invalid JWT token"})

    def _get_run(self, dag_id: str, run_id: str) -> Answer:
        for row in self.rows:
            if row.key == (dag_id, run_id):
                return Answer(body=row.data)
        detail = f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found"
        return Answer(404, {"detail": detail})

    def _list_runs(self, dag_id: str, request: Request) -> Answer:
        if dag_id != "~" and dag_id not in self.dag_ids:
            return Answer(404, {"detail": f"The Dag with ID: `{dag_id}` was not found"})
        rows = [row for row in self.rows if dag_id in ("~", row.data["dag_id"])]
        try:
            rows = filter_rows(rows, request)
            order = request.query_value("order_by") or "id"
            limit = min(self.whole_number(request, "limit", 50), self.maximum_page_limit)
            offset = self.whole_number(request, "offset", 0)
            rows = order_rows(rows, order)
        except BadQuery as error:
            return error.answer
        if self.offers_cursors and (cursor := request.query_value("cursor")) is not None:
            # A cursor is the letter k and an index. The letter shows that clients must not interpret a cursor.
            start = int(cursor.removeprefix("k") or 0)
            has_more = start + limit < len(rows)
            return self._page(rows[start : start + limit], len(rows), f"k{start + limit}" if has_more else None)
        return self._page(rows[offset : offset + limit], len(rows), None)

    def _list_dags(self, request: Request) -> Answer:
        rows = sorted(self.dag_list, key=lambda row: str(row["dag_id"]))
        start = self.whole_number(request, "offset", 0)
        limit = min(self.whole_number(request, "limit", 50), self.maximum_page_limit)
        return Answer(body={"dags": rows[start : start + limit], "total_entries": len(rows)})

    def _list_runs_by_body(self, body: dict[str, Any]) -> Answer:
        rows = [
            row
            for row in self.rows
            if row.data["dag_id"] in body.get("dag_ids", self.dag_ids)
            and row.data["state"] in (body.get("states") or STATES)
        ]
        rows = order_rows(rows, body.get("order_by", "id"))
        start, limit = body.get("page_offset", 0), body.get("page_limit", 100)
        return self._page(rows[start : start + limit], len(rows), None)

    def _page(self, rows: Sequence[RecordedRow], total: int, next_cursor: str | None) -> Answer:
        return Answer(
            body={
                "dag_runs": [row.data for row in rows],
                "total_entries": total,
                "total_entries_limit": None,
                "next_cursor": next_cursor,
                "previous_cursor": None,
            }
        )

    def whole_number(self, request: Request, name: str, default: int) -> int:
        """Return a parameter that must be a number of at least 0. Raise BadQuery with Airflow's 422."""
        text = request.query_value(name)
        if text is None:
            return default
        try:
            number = int(text)
        except ValueError:
            message = "Input should be a valid integer, unable to parse string as an integer"
            raise BadQuery(validation_error(name, text, "int_parsing", message)) from None
        if number < 0:
            message = "Input should be greater than or equal to 0"
            raise BadQuery(validation_error(name, text, "greater_than_equal", message, {"ge": 0}))
        return number


class BadQuery(Exception):
    """A parameter that Airflow refuses; `answer` is its response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def validation_error(
    name: str, text: str, error_type: str, message: str, context: dict[str, Any] | None = None
) -> Answer:
    """Return Airflow 3's response with status 422 to the value `text` of the query parameter `name`."""
    fault: dict[str, Any] = {"type": error_type, "loc": ["query", name], "msg": message, "input": text}
    return Answer(422, {"detail": [fault | ({"ctx": context} if context else {})]})


def filter_rows(rows: list[RecordedRow], request: Request) -> list[RecordedRow]:
    """Return the rows that the query parameters of the request select. Raise BadQuery for a bad value."""
    states = request.query_values("state")
    if not set(states) <= set(STATES):
        raise BadQuery(Answer(422, {"detail": f"Invalid value for state. Valid values are {', '.join(STATES)}"}))
    if states:
        rows = [row for row in rows if row.data["state"] in states]
    if run_types := request.query_values("run_type"):
        rows = [row for row in rows if row.data["run_type"] in run_types]
    for name in FILTERED_TIMES:
        for suffix, compare in COMPARISONS.items():
            if (text := request.query_value(f"{name}_{suffix}")) is not None:
                bound = filter_time(f"{name}_{suffix}", text)
                rows = [row for row in rows if (value := time_of(row, name)) is not None and compare(value, bound)]
    return rows


def filter_time(name: str, text: str) -> datetime:
    """Return the time in a filter. If Airflow could not read it, raise BadQuery with Airflow's response."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        error = "input is too short"
        message = f"Input should be a valid datetime or date, {error}"
        raise BadQuery(validation_error(name, text, "datetime_from_date_parsing", message, {"error": error})) from None
    # Airflow 3 answers 500 to a time without zone.
    if time.tzinfo is None:
        raise BadQuery(Answer(500, b"Internal Server Error", {"Content-Type": "text/plain"}))
    return time


def time_of(row: RecordedRow, name: str) -> datetime | None:
    value = row.updated_at if name == "updated_at" else row.data.get(name)
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def order_rows(rows: list[RecordedRow], order: str) -> list[RecordedRow]:
    """Return the rows in the order of Airflow's parameter `order_by`; a minus sign reverses it."""
    name = order.removeprefix("-")
    if name not in ORDER_FIELDS:
        detail = f"Ordering with {name!r} is disallowed or the attribute does not exist on the model"
        raise BadQuery(Answer(400, {"detail": detail}))
    numbered = list(enumerate(rows))
    if name != "id":
        last = datetime.max.replace(tzinfo=UTC)
        numbered.sort(key=lambda pair: (time_of(pair[1], name) or last, pair[0]))
    rows = [row for _, row in numbered]
    return rows[::-1] if order.startswith("-") else rows


class Airflow2Replay(AirflowReplay):
    """A simulated Airflow 2.11, with /api/v1, basic authentication and the errors of RFC 7807."""

    def __init__(self, *, moment: str = RUNS_OPEN, **options: Any) -> None:
        super().__init__(moment=moment, **options)

    def _read_moments(self, recordings: Path) -> list[Moment]:
        return recorded_moments(recordings / "airflow2", AIRFLOW_2_MOMENTS, "runs.legacy_daily")

    def _read_dags(self, recordings: Path) -> list[dict[str, Any]]:
        return recorded_dags(recordings / "airflow2" / AIRFLOW_2_RUNS_ENDED / "dags.json")

    def answer(self, request: Request) -> Answer:
        if request.path == "/api/v1/version":
            return Answer(body={"version": "2.11.0", "git_version": "replayed"})
        expected = b64encode(":".join(self._credentials).encode()).decode()
        if not request.path.startswith("/api/v1/"):
            return Answer(404, b"<!DOCTYPE html><h1>Airflow 404</h1>", {"Content-Type": "text/html; charset=utf-8"})
        if request.headers.get("authorization") != f"Basic {expected}":
            return problem_response(401, "Unauthorized", None)
        if (answer := self._answer_about_tasks(request)) is not None:
            return answer
        match [unquote(part) for part in request.path.removeprefix("/api/v1/").split("/")]:
            case ["dags"]:
                return self._list_dags(request)
            case ["dags", dag_id, "dagRuns"]:
                return self._list_runs(dag_id, request)
            case ["dags", dag_id, "dagRuns", run_id]:
                answer = self._get_run(dag_id, run_id)
                detail = f"DAGRun with DAG ID: '{dag_id}' and DagRun ID: '{run_id}' not found"
                return answer if answer.status == 200 else problem_response(404, "DAGRun not found", detail)
        return problem_response(404, "Not Found", None)

    def _list_runs(self, dag_id: str, request: Request) -> Answer:
        # Airflow 2 lists no runs for an unknown DAG; Airflow 3 answers 404.
        if dag_id not in {"~", *self.dag_ids}:
            return self._page([], 0, None)
        answer = super()._list_runs(dag_id, request)
        return answer if answer.status == 200 else problem_response(400, "Bad Request", "not the recorded text")

    def _page(self, rows: Sequence[RecordedRow], total: int, next_cursor: str | None) -> Answer:
        return Answer(body={"dag_runs": [row.data for row in rows], "total_entries": total})


def problem_response(status: int, title: str, detail: str | None) -> Answer:
    """Return an error response in the form of RFC 7807, which Airflow 2 uses."""
    body = {"detail": detail, "status": status, "title": title, "type": "https://airflow.apache.org/docs/"}
    return Answer(status, body, {"Content-Type": "application/problem+json"})
