"""OpenLineage events (https://openlineage.io/spec/2-0-2/OpenLineage.json) as runs.

A job belongs to the pipeline whose external_id is the job's `namespace/name`. Events may arrive in any order and
repeatedly, because record_runs compares their eventTime.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chm_project.api.times import parse_time
from chm_project.scrubbing import storable_text
from inventory.models import Platform
from runs.events import MAX_ID_LENGTH, Kind, Rejected, RunEvent, usable_run_id
from runs.models import Status
from runs.push.untrusted_json import LONG_TEXT, count, mapping, text, without_nulls

STATUSES: dict[str, Status] = {
    "START": Status.RUNNING,
    "RUNNING": Status.RUNNING,
    "COMPLETE": Status.SUCCESS,
    "FAIL": Status.FAILED,
    "ABORT": Status.CANCELED,
}
# Shows only that the run exists: it neither opens nor closes the run. An event without a type is treated as OTHER.
OTHER = "OTHER"
# Events whose time is the end of the run.
_ENDS = {"COMPLETE", "FAIL", "ABORT"}


@dataclass(frozen=True, slots=True)
class Job:
    """The job of an event. The platform of the producer decides between two pipelines with the same external_id."""

    external_id: str
    platform: Platform


@dataclass(frozen=True, slots=True)
class NoRun:
    """A JobEvent or DatasetEvent, which CHM accepts and ignores."""


def job_of(event: object) -> Job | NoRun | dict[str, list[str]]:
    """Return the job of a run event, NoRun for another event, or the errors of an invalid event by field."""
    if not isinstance(event, dict):
        return {"body": ["Give an OpenLineage event, a JSON object."]}
    # A JobEvent has a job and a DatasetEvent a data set, but neither has a run.
    if "run" not in event and "eventType" not in event and ("job" in event or "dataset" in event):
        return NoRun()
    problems: dict[str, list[str]] = {}
    job = mapping(event, "job")
    for part in ("namespace", "name"):
        if not isinstance(job.get(part), str) or not job[part]:
            problems[f"job.{part}"] = ["Give a text."]
    run_id = mapping(event, "run").get("runId")
    if not isinstance(run_id, str) or isinstance(usable_run_id(run_id), Rejected):
        problems["run.runId"] = ["Give the run's id, a text of at most 255 characters."]
    kind = event.get("eventType", OTHER)
    if not isinstance(kind, str) or (kind.upper() != OTHER and kind.upper() not in STATUSES):
        problems["eventType"] = [f"Give one of: {', '.join([*STATUSES, OTHER])}."]
    # parse_time raises ValueError for an empty text too, with a message for the user.
    try:
        parse_time(event["eventTime"] if isinstance(event.get("eventTime"), str) else "")
    except ValueError as error:
        problems["eventTime"] = [str(error)]
    return problems or Job(f"{job['namespace']}/{job['name']}", _platform(event.get("producer")))


def run_event(event: Mapping[str, Any], pipeline_id: UUID) -> RunEvent:
    """Return the event to record for a valid run event."""
    kind, at = str(event.get("eventType", OTHER)).upper(), parse_time(event["eventTime"])
    run_id = event["run"]["runId"]
    if kind == OTHER:
        return RunEvent(
            pipeline_id=pipeline_id, external_run_id=run_id, status=Status.RUNNING.value, kind=Kind.IF_ABSENT
        )
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=run_id,
        status=STATUSES[kind].value,
        started_at=at if kind == "START" else None,
        finished_at=at if kind in _ENDS else None,
        rows_processed=_rows(event.get("outputs")),
        error_message=text(mapping(event, "run", "facets", "errorMessage").get("message"), LONG_TEXT),
        payload=_payload(event, kind),
        source_url=mapping(event, "run", "facets", "airflow", "taskInstance").get("log_url"),
        at=at,
        kind=Kind.EVENT,
    )


def _payload(event: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the fields that help to find the run at its source, without data sets and columns."""
    facets = mapping(event, "run", "facets")
    engine, error = mapping(facets, "processing_engine"), mapping(facets, "errorMessage")
    nominal, parent = mapping(facets, "nominalTime"), mapping(facets, "parent")
    return without_nulls(
        event_type=kind,
        producer=text(event.get("producer")),
        job=without_nulls(
            namespace=text(mapping(event, "job").get("namespace")), name=text(mapping(event, "job").get("name"))
        ),
        nominal_time=without_nulls(
            start=text(nominal.get("nominalStartTime")), end=text(nominal.get("nominalEndTime"))
        ),
        engine=without_nulls(name=text(engine.get("name")), version=text(engine.get("version"))),
        parent=without_nulls(
            run_id=text(mapping(parent, "run").get("runId")),
            namespace=text(mapping(parent, "job").get("namespace")),
            name=text(mapping(parent, "job").get("name")),
        ),
        airflow_run_id=text(mapping(facets, "airflowDagRun", "dagRun").get("run_id")),
        programming_language=text(error.get("programmingLanguage")),
        stack_trace=text(error.get("stackTrace"), LONG_TEXT),
    )


def _rows(outputs: object) -> int | None:
    """Return the number of rows written; None if the producer does not count them."""
    written = [
        rows
        for output in (outputs if isinstance(outputs, list) else [])
        if (rows := count(mapping(output, "outputFacets", "outputStatistics").get("rowCount"))) is not None
    ]
    return sum(written) if written else None


def _platform(producer: object) -> Platform:
    """Return the platform of a producer, which is a URL such as https://github.com/apache/airflow; else custom."""
    if isinstance(producer, str):
        if "airflow" in producer.lower():
            return Platform.AIRFLOW
        if "/dbt" in producer.lower():
            return Platform.DBT
    return Platform.CUSTOM


def can_be_an_external_id(name: str) -> bool:
    """Return whether the name is a possible external_id; others cannot be part of a query."""
    return len(name) <= MAX_ID_LENGTH and storable_text(name) == name


def choose_pipeline(job: Job, candidates: Iterable[tuple[str, bool, UUID]]) -> UUID | None:
    """Return the id of the best of the candidates (platform, active, id); None without candidates.

    A pipeline on the producer's platform is preferred, then an active one.
    """
    ranked = sorted(
        candidates, key=lambda pipeline: (pipeline[0] != job.platform, not pipeline[1], pipeline[0], pipeline[2])
    )
    return ranked[0][2] if ranked else None
