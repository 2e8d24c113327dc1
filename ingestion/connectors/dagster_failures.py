"""Read why Dagster runs failed: the failed steps and their messages, from the event logs of the runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ingestion.connectors.base import FailedRun, FailedRunText

RUNS_PER_REQUEST = 10  # few, because a response has up to EVENTS_PER_PAGE events of each run
EVENTS_PER_PAGE = 1_000
MAX_PAGES = 5  # pages of the log of one run; failures after them are listed without their messages
MAX_LISTED_STEPS = 5
FAILURES_QUERY = """query Failures($filter: RunsFilter, $cursor: String, $limit: Int) {
  runsOrError(filter: $filter) {
    __typename
    ... on Runs { results {
      runId stepStats { stepKey status }
      eventConnection(afterCursor: $cursor, limit: $limit) {
        cursor hasMore
        events {
          __typename
          ... on ExecutionStepFailureEvent { stepKey error { message errorChain { error { message } } } }
          ... on RunFailureEvent { message error { message errorChain { error { message } } } } } } } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message } } }"""

# Sends a GraphQL query with its variables, and returns the runs in the response.
SendQuery = Callable[[str, Mapping[str, Any]], list[Any]]


def error_texts(runs: Sequence[FailedRun], send_query: SendQuery) -> Iterator[FailedRunText]:
    """Yield each run with its text, or with None if its log has no reason."""
    for start in range(0, len(runs), RUNS_PER_REQUEST):
        batch = runs[start : start + RUNS_PER_REQUEST]
        logs = _logs([run.external_run_id for run in batch], None, send_query)
        for run in batch:
            yield run, _error_text(run.external_run_id, logs.get(run.external_run_id), send_query)


def _error_text(run_id: str, row: Mapping[str, Any] | None, send_query: SendQuery) -> str | None:
    """Return a line per failed step. If no step failed, return the message of the run, or None if it has none.

    Up to MAX_PAGES pages of the log are read, because the failures and the run's message are its last events.
    """
    stats = row.get("stepStats") if row else None
    failed_steps = [str(step.get("stepKey")) for step in stats or () if step.get("status") == "FAILURE"]
    causes: dict[str, str] = dict.fromkeys(failed_steps, "failed")
    run_message: str | None = None
    for page_number in range(MAX_PAGES):
        log = row.get("eventConnection") if row else None
        events = log.get("events") if isinstance(log, dict) else None
        if not log or not isinstance(events, list):
            break
        for event in events:
            match event.get("__typename"):
                case "ExecutionStepFailureEvent":
                    causes[str(event.get("stepKey"))] = _cause(event) or "failed"
                case "RunFailureEvent":
                    run_message = _cause(event) or event.get("message")
        if not log.get("hasMore") or not events or page_number + 1 == MAX_PAGES:
            break
        row = _logs([run_id], log.get("cursor"), send_query).get(run_id)
    lines = [f"step {name}: {cause}" for name, cause in causes.items()]
    if len(lines) > MAX_LISTED_STEPS:
        lines[MAX_LISTED_STEPS:] = [f"and {len(lines) - MAX_LISTED_STEPS} more steps"]
    return "\n".join(lines) or run_message


def _logs(run_ids: Sequence[str], cursor: object, send_query: SendQuery) -> dict[str, Mapping[str, Any]]:
    """Return a page of the log of each run, by run id."""
    rows = send_query(FAILURES_QUERY, {"filter": {"runIds": list(run_ids)}, "cursor": cursor, "limit": EVENTS_PER_PAGE})
    return {str(row.get("runId")): row for row in rows if isinstance(row, dict)}


def _cause(event: Mapping[str, Any]) -> str | None:
    """Return the message of the innermost error, or None if no error has a message. Outer errors only name the step."""
    error = event.get("error")
    if not isinstance(error, dict):
        return None
    chain = [link.get("error") or {} for link in error.get("errorChain") or () if isinstance(link, dict)]
    messages = [str(part.get("message") or "").strip() for part in (error, *chain)]
    return next((message for message in reversed(messages) if message), None)
