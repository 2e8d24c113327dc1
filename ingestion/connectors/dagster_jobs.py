"""Read Dagster's jobs with their schedules and sensors, in one request.

Recorded responses: ingestion/synthetic/recordings/dagster. API: https://docs.dagster.io/api/graphql
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ingestion.connectors.base import SourcePipeline, field_of
from ingestion.errors import BadAnswer
from ingestion.http import PartnerSession

RUNNING = "RUNNING"
JOBS_QUERY = """query Jobs { repositoriesOrError { __typename
  ... on PythonError { message }
  ... on RepositoryConnection { nodes { jobs { name }
    schedules { pipelineName scheduleState { status } futureTicks(limit: 1) { results { timestamp } } }
    sensors { sensorState { status } targets { pipelineName } } } } } }"""


def list_jobs(session: PartnerSession) -> Iterator[SourcePipeline]:
    """Yield all jobs of the code locations that could be loaded."""
    # One request without pages: Dagster returns all jobs together.
    body = session.post("/graphql", {"query": JOBS_QUERY})
    jobs_or_error = field_of(
        field_of(body, "data", dict, "the answer"), "repositoriesOrError", dict, "the answer's data"
    )
    if jobs_or_error.get("__typename") != "RepositoryConnection":
        raise BadAnswer(
            f"Dagster answered {jobs_or_error.get('__typename')}: {str(jobs_or_error.get('message'))[:200]}"
        )
    triggers: dict[str, list[dict[str, Any]]] = {}  # schedules and sensors by job
    names: dict[str, None] = {}  # an ordered set
    for node in field_of(jobs_or_error, "nodes", list, "repositoriesOrError"):
        names |= {str(job["name"]): None for job in node["jobs"]}
        for schedule in node["schedules"]:
            triggers.setdefault(str(schedule["pipelineName"]), []).append(schedule)
        for sensor in node["sensors"]:
            for target in sensor["targets"] or ():
                triggers.setdefault(str(target["pipelineName"]), []).append(sensor)
    for name in names:
        yield _pipeline(name, triggers.get(name, []))


def _pipeline(name: str, triggers: Sequence[dict[str, Any]]) -> SourcePipeline:
    """Return the job. It is paused if all its schedules and sensors are off; `paused` is None if it has neither."""
    active = [
        trigger for trigger in triggers if (trigger.get("scheduleState") or trigger["sensorState"])["status"] == RUNNING
    ]
    next_starts = [
        next_start["timestamp"]
        for trigger in active
        for next_start in trigger.get("futureTicks", {}).get("results", ())
    ]
    return SourcePipeline(
        external_id=name,
        name=name,
        paused=not active if triggers else None,
        next_run_at=datetime.fromtimestamp(min(next_starts), UTC) if next_starts else None,
        # Dagster's list contains its internal job __ASSET_JOB, which materializes single assets.
        can_be_adopted=not name.startswith("__"),
    )
