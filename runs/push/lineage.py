"""Translate OpenLineage events (https://openlineage.io/spec/2-0-2/OpenLineage.json) into runs.

A job belongs to the pipeline whose external_id is the job's `namespace/name`. Events can arrive in any order and
repeatedly, because record_runs compares the eventTime of an event with the version of the stored run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chm_project.api.times import parse_time
from chm_project.scrubbing import storable_text
from inventory.models import Platform
from runs.events import MAX_ID_LENGTH, Rejected, RunEvent, WriteKind, usable_run_id
from runs.models import Status
from runs.push.untrusted_json import MAX_LONG_TEXT, count_or_none, object_at, text_or_none, without_empty

STATUSES: dict[str, Status] = {
    "START": Status.RUNNING,
    "RUNNING": Status.RUNNING,
    "COMPLETE": Status.SUCCESS,
    "FAIL": Status.FAILED,
    "ABORT": Status.CANCELED,
}
# An event of this type only shows that the run exists. An event without a type is treated in the same way.
OTHER = "OTHER"
# Types of events whose time is the end of the run.
_END_TYPES = {"COMPLETE", "FAIL", "ABORT"}


@dataclass(frozen=True, slots=True)
class Job:
    """The job of an event. If two pipelines have the same external_id, the platform of the producer decides."""

    external_id: str
    platform: Platform


@dataclass(frozen=True, slots=True)
class NotARunEvent:
    """A JobEvent or DatasetEvent, which CHM accepts and ignores."""


def job_of(event: object) -> Job | NotARunEvent | dict[str, list[str]]:
    """Return the job of a run event.

    Return NotARunEvent for another event, and errors by field for an invalid event.
    """
    if not isinstance(event, dict):
        return {"body": ["Give an OpenLineage event, a JSON object."]}
    # A JobEvent has a job and a DatasetEvent a data set, but neither has a run.
    if "run" not in event and "eventType" not in event and ("job" in event or "dataset" in event):
        return NotARunEvent()
    problems: dict[str, list[str]] = {}
    job = object_at(event, "job")
    for part in ("namespace", "name"):
        if not isinstance(job.get(part), str) or not job[part]:
            problems[f"job.{part}"] = ["Give a text."]
    run_id = object_at(event, "run").get("runId")
    if not isinstance(run_id, str) or isinstance(usable_run_id(run_id), Rejected):
        problems["run.runId"] = ["Give the run's id, a text of at most 255 characters."]
    event_type = event.get("eventType", OTHER)
    if not isinstance(event_type, str) or (event_type.upper() != OTHER and event_type.upper() not in STATUSES):
        problems["eventType"] = [f"Give one of: {', '.join([*STATUSES, OTHER])}."]
    # parse_time raises ValueError for an empty text too, with a message for the user.
    try:
        parse_time(event["eventTime"] if isinstance(event.get("eventTime"), str) else "")
    except ValueError as error:
        problems["eventTime"] = [str(error)]
    return problems or Job(f"{job['namespace']}/{job['name']}", _platform(event.get("producer")))


def run_event(event: Mapping[str, Any], pipeline_id: UUID) -> RunEvent:
    """Return the write to record for a valid event of OpenLineage."""
    event_type, event_time = str(event.get("eventType", OTHER)).upper(), parse_time(event["eventTime"])
    run_id = event["run"]["runId"]
    if event_type == OTHER:
        # IF_ABSENT never changes a stored run. A new run gets no times and no version from this event.
        return RunEvent(
            pipeline_id=pipeline_id, external_run_id=run_id, status=Status.RUNNING.value, kind=WriteKind.IF_ABSENT
        )
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=run_id,
        status=STATUSES[event_type].value,
        started_at=event_time if event_type == "START" else None,
        finished_at=event_time if event_type in _END_TYPES else None,
        rows_processed=_rows_written(event.get("outputs")),
        error_message=text_or_none(object_at(event, "run", "facets", "errorMessage").get("message"), MAX_LONG_TEXT),
        payload=_payload(event, event_type),
        source_url=object_at(event, "run", "facets", "airflow", "taskInstance").get("log_url"),
        source_updated_at=event_time,
        kind=WriteKind.EVENT,
    )


def _payload(event: Mapping[str, Any], event_type: str) -> dict[str, Any]:
    """Return the fields that help to find the run at its source, without data sets and columns."""
    facets = object_at(event, "run", "facets")
    engine, error = object_at(facets, "processing_engine"), object_at(facets, "errorMessage")
    nominal, parent = object_at(facets, "nominalTime"), object_at(facets, "parent")
    return without_empty(
        event_type=event_type,
        producer=text_or_none(event.get("producer")),
        job=without_empty(
            namespace=text_or_none(object_at(event, "job").get("namespace")),
            name=text_or_none(object_at(event, "job").get("name")),
        ),
        nominal_time=without_empty(
            start=text_or_none(nominal.get("nominalStartTime")), end=text_or_none(nominal.get("nominalEndTime"))
        ),
        engine=without_empty(name=text_or_none(engine.get("name")), version=text_or_none(engine.get("version"))),
        parent=without_empty(
            run_id=text_or_none(object_at(parent, "run").get("runId")),
            namespace=text_or_none(object_at(parent, "job").get("namespace")),
            name=text_or_none(object_at(parent, "job").get("name")),
        ),
        airflow_run_id=text_or_none(object_at(facets, "airflowDagRun", "dagRun").get("run_id")),
        programming_language=text_or_none(error.get("programmingLanguage")),
        stack_trace=text_or_none(error.get("stackTrace"), MAX_LONG_TEXT),
    )


def _rows_written(outputs: object) -> int | None:
    """Return the number of rows written; None if the producer does not count them."""
    written = [
        rows
        for output in (outputs if isinstance(outputs, list) else [])
        if (rows := count_or_none(object_at(output, "outputFacets", "outputStatistics").get("rowCount"))) is not None
    ]
    return sum(written) if written else None


def _platform(producer: object) -> Platform:
    """Return the platform of a producer; custom if unknown. Example of a producer: https://github.com/apache/airflow."""
    if isinstance(producer, str):
        if "airflow" in producer.lower():
            return Platform.AIRFLOW
        if "/dbt" in producer.lower():
            return Platform.DBT
    return Platform.CUSTOM


def can_be_an_external_id(name: str) -> bool:
    """Return whether a pipeline can have this external_id. If not, a query with this text could fail."""
    return len(name) <= MAX_ID_LENGTH and storable_text(name) == name


def choose_pipeline(job: Job, candidates: Iterable[tuple[str, bool, UUID]]) -> UUID | None:
    """Return the id of the best candidate; None without candidates. A candidate is (platform, is active, id).

    Prefer a pipeline on the platform of the producer. Among these, prefer an active pipeline.
    """
    ranked = sorted(
        candidates, key=lambda pipeline: (pipeline[0] != job.platform, not pipeline[1], pipeline[0], pipeline[2])
    )
    return ranked[0][2] if ranked else None
