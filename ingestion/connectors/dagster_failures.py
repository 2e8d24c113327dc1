"""Read why Dagster runs failed: failed steps with messages, from the runs' event logs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ingestion.connectors.base import Explained, FailedRun

BATCH = 10  # a response has up to EVENTS events per run
EVENTS = 1_000
MAX_PAGES = 5  # pages of one log; for longer logs steps are listed without messages
MAX_NAMED = 5
QUERY = """query Failures($filter: RunsFilter, $cursor: String, $limit: Int) {
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

# Sends QUERY with these variables and returns the runs of the response.
Ask = Callable[[str, Mapping[str, Any]], list[Any]]


def failures(runs: Sequence[FailedRun], ask: Ask) -> Iterator[Explained]:
    """Yield each run with its text, or None if its log has no reason."""
    for first in range(0, len(runs), BATCH):
        batch = runs[first : first + BATCH]
        logs = _logs([run.external_run_id for run in batch], None, ask)
        for run in batch:
            yield run, _explanation(run.external_run_id, logs.get(run.external_run_id), ask)


def _explanation(run_id: str, row: Mapping[str, Any] | None, ask: Ask) -> str | None:
    """Read a run's log to its end, because failures of steps and the summary of the run come last."""
    stats = row.get("stepStats") if row else None
    named = [str(step.get("stepKey")) for step in stats or () if step.get("status") == "FAILURE"]
    causes: dict[str, str] = dict.fromkeys(named, "failed")
    summary: str | None = None
    for number in range(MAX_PAGES):
        log = row.get("eventConnection") if row else None
        events = log.get("events") if isinstance(log, dict) else None
        if not log or not isinstance(events, list):
            break
        for event in events:
            match event.get("__typename"):
                case "ExecutionStepFailureEvent":
                    causes[str(event.get("stepKey"))] = _cause(event) or "failed"
                case "RunFailureEvent":
                    summary = _cause(event) or event.get("message")
        if not log.get("hasMore") or not events or number + 1 == MAX_PAGES:
            break
        row = _logs([run_id], log.get("cursor"), ask).get(run_id)
    steps = [f"step {name}: {cause}" for name, cause in causes.items()]
    if len(steps) > MAX_NAMED:
        steps[MAX_NAMED:] = [f"and {len(steps) - MAX_NAMED} more steps"]
    return "\n".join(steps) or summary


def _logs(run_ids: Sequence[str], cursor: object, ask: Ask) -> dict[str, Mapping[str, Any]]:
    rows = ask(QUERY, {"filter": {"runIds": list(run_ids)}, "cursor": cursor, "limit": EVENTS})
    return {str(row.get("runId")): row for row in rows if isinstance(row, dict)}


def _cause(event: Mapping[str, Any]) -> str | None:
    """Return the message of the innermost error; outer ones only name the step."""
    error = event.get("error")
    if not isinstance(error, dict):
        return None
    chain = [link.get("error") or {} for link in error.get("errorChain") or () if isinstance(link, dict)]
    messages = [str(part.get("message") or "").strip() for part in (error, *chain)]
    return next((message for message in reversed(messages) if message), None)
