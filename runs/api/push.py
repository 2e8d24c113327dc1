"""Endpoints for OpenLineage events and dbt results."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.models import ApiToken, Scope
from chm_project.access.visibility import visible_to
from chm_project.api.errors import flat_details
from chm_project.api.parsers import GzipJSONParser
from chm_project.api.throttling import LINEAGE_LIMIT, throttle_token
from chm_project.api.viewsets import StrictView
from inventory.models import Pipeline
from runs.api.views import PUSH_SCHEMA, PipelineRunViewSet, push_response
from runs.events import Rejected, RunEvent
from runs.push import dbt, lineage
from runs.push.unmatched_jobs import note_unmatched_jobs
from runs.services import Outcome, Result, record_runs

MAX_EVENTS = 1_000
# The outcomes of events that CHM does not record.
IGNORED, UNMATCHED = "ignored", "unmatched"
# The schema of an event, without the facets and outputs, although CHM reads some of them.
_RUN_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "An OpenLineage RunEvent. CHM ignores facets that it does not use.",
    "required": ["eventTime", "run", "job"],
    "properties": {
        "eventType": {"type": "string", "enum": [*lineage.STATUSES, lineage.OTHER]},
        "eventTime": {"type": "string", "format": "date-time"},
        "run": {"type": "object", "required": ["runId"], "properties": {"runId": {"type": "string", "format": "uuid"}}},
        "job": {
            "type": "object",
            "required": ["namespace", "name"],
            "properties": {
                "namespace": {"type": "string", "minLength": 1},
                "name": {"type": "string", "minLength": 1},
            },
        },
        "producer": {"type": "string"},
    },
}
_EVENTS = {"type": "array", "items": _RUN_EVENT, "minItems": 1, "maxItems": MAX_EVENTS}

_RUN_RESULTS: dict[str, Any] = {
    "type": "object",
    "description": "run_results.json as dbt writes it.",
    "required": ["metadata", "results"],
    "properties": {
        "metadata": {
            "type": "object",
            "required": ["invocation_id", "generated_at"],
            "properties": {
                "invocation_id": {"type": "string", "minLength": 1, "maxLength": 255},
                "generated_at": {"type": "string", "description": "ISO 8601, as dbt writes it"},
            },
        },
        "results": {"type": "array", "items": {"type": "object"}},
    },
}
# One object for both forms. With oneOf, the classes of the generated clients would get other names.
_DBT_BODY: dict[str, Any] = {
    "type": "object",
    "description": "run_results.json as dbt writes it, with metadata and results. Or {run_results, manifest}; the "
    "manifest is optional.",
    "minProperties": 1,
    "example": {
        "metadata": {
            "invocation_id": "b7f1e0c2-5d8a-4f3e-9b61-2c4d7a8e9f10",
            "generated_at": "2026-03-01T10:00:00.123456Z",
        },
        "results": [{"unique_id": "model.shop.orders", "status": "success"}],
    },
    "properties": {
        **_RUN_RESULTS["properties"],
        "run_results": _RUN_RESULTS,
        "manifest": {"type": "object", "nullable": True, "description": "manifest.json as dbt writes it."},
    },
}


# x-optional lists the fields that a response can lack (declare_exact_fields).
@extend_schema_serializer(extensions={"x-optional": ["id", "error"]})
class LineageOutcomeSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Position of the event in the request, from 0.")
    outcome = serializers.ChoiceField(
        choices=[(word, word) for word in (*(outcome.value for outcome in Outcome), IGNORED, UNMATCHED)],
        help_text="`unmatched`: no pipeline has the job's `namespace/name` as its `external_id`. `ignored`: the event "
        "is not a run event.",
    )
    id = serializers.UUIDField(required=False, help_text="The stored run, if there is one.")
    error = serializers.CharField(required=False, help_text="Why the event was rejected, pruned or not matched.")


class LineageAnswerSerializer(serializers.Serializer[Any]):
    items = LineageOutcomeSerializer(many=True, help_text="One outcome for each event, in the order of the request.")


class LineageView(StrictView):
    parser_classes = (GzipJSONParser,)
    required_scope = Scope.INGEST
    permission = "runs.add_run"

    @extend_schema(
        operation_id="lineage",
        summary="Push OpenLineage events, one or a list of up to 1,000",
        request={"application/json": {"oneOf": [_RUN_EVENT, _EVENTS]}},
        responses={201: LineageAnswerSerializer},
    )
    def post(self, request: Request) -> Response:
        """Store events. They can arrive in any order and repeatedly, and the body can be compressed with gzip. The
        token must be bound to a client or a pipeline. A job belongs to the pipeline whose `external_id` is
        `namespace/name`. JobEvent and DatasetEvent are accepted and ignored. If the body is one invalid event, the
        response is 400. In a list, CHM rejects only the invalid events."""
        token = request.auth
        # The name of a job is unique only within a client.
        if not isinstance(token, ApiToken) or not token.is_bound:
            raise PermissionDenied(
                "This needs a token that is bound to one client or pipeline. Create one on the page of the client or "
                "pipeline."
            )
        events = self._events(request.data)
        # Count events, not requests, so that a batch does not bypass the limit.
        throttle_token(token, LINEAGE_LIMIT, len(events))
        # If an event is invalid, its entry in the list is a dict with the errors.
        jobs_or_errors = [lineage.job_of(data) for data in events]
        if not isinstance(request.data, list) and isinstance(jobs_or_errors[0], dict):
            raise ValidationError(jobs_or_errors[0])
        jobs = [job for job in jobs_or_errors if isinstance(job, lineage.Job)]
        pipelines = self._pipelines(jobs)
        events_or_answers = [
            _event_or_answer(data, job_or_errors, pipelines)
            for data, job_or_errors in zip(events, jobs_or_errors, strict=True)
        ]
        note_unmatched_jobs(token, [job.external_id for job in jobs if job not in pipelines])
        # The results are in the order of the recorded events.
        results = iter(record_runs([event for event in events_or_answers if not isinstance(event, dict)]))
        answers = [event if isinstance(event, dict) else _answer_for(next(results)) for event in events_or_answers]
        items = [{"index": index} | answer for index, answer in enumerate(answers)]
        return Response({"items": items}, status=201)

    def _events(self, data: Any) -> Sequence[Any]:
        if isinstance(data, list):
            if not 1 <= len(data) <= MAX_EVENTS:
                raise ValidationError({"body": [f"Send 1 to {MAX_EVENTS} events, not {len(data)}."]})
            return data
        return [data]

    def _pipelines(self, jobs: list[lineage.Job]) -> dict[lineage.Job, UUID]:
        """Map each job to the id of its pipeline. Leave out jobs that have no visible pipeline."""
        candidates: dict[str, list[tuple[str, bool, UUID]]] = {}
        visible = visible_to(self.request, Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id")
        names = {job.external_id for job in jobs if lineage.can_be_an_external_id(job.external_id)}
        if names:
            rows = visible.filter(external_id__in=names).values_list("external_id", "platform", "is_active", "id")
            for external_id, *candidate in rows.order_by():
                candidates.setdefault(str(external_id), []).append(tuple(candidate))  # type: ignore[arg-type]
        chosen = {job: lineage.choose_pipeline(job, candidates.get(job.external_id, ())) for job in set(jobs)}
        return {job: pipeline_id for job, pipeline_id in chosen.items() if pipeline_id is not None}


def _event_or_answer(
    data: Any,
    job_or_errors: lineage.Job | lineage.NotARunEvent | dict[str, list[str]],
    pipelines: Mapping[lineage.Job, UUID],
) -> RunEvent | Rejected | dict[str, str]:
    """Return the event to record.

    Return Rejected for an invalid event, and an answer for an event that is not recorded.

    `job_or_errors` is the result of lineage.job_of.
    """
    if isinstance(job_or_errors, dict):
        return Rejected("; ".join(f"{fault['field']}: {fault['issue']}" for fault in flat_details(job_or_errors)))
    if isinstance(job_or_errors, lineage.NotARunEvent):
        return {"outcome": IGNORED}
    if job_or_errors not in pipelines:
        return {"outcome": UNMATCHED, "error": "No pipeline that this token may see has this job as its external_id."}
    return lineage.run_event(data, pipelines[job_or_errors])


def _answer_for(result: Result) -> dict[str, Any]:
    id_or_error = {"id": str(result.run_id)} if result.error is None else {"error": result.error}
    return {"outcome": result.outcome.value} | id_or_error


class DbtRunResultsViewSet(PipelineRunViewSet):
    parser_classes = (GzipJSONParser,)
    required_scope = Scope.INGEST

    @extend_schema(
        operation_id="pipelines_dbt_run_results",
        summary="Push dbt's run_results.json",
        **PUSH_SCHEMA | {"request": {"application/json": _DBT_BODY}},
    )
    def push(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Store one run per invocation of dbt. The run is failed if a node failed. Its payload contains the number of
        nodes by status. If CHM already has this file, or a newer file of the same invocation, nothing changes."""
        pipeline = self.get_pipeline()
        invocation = dbt.read_invocation(request.data)
        if isinstance(invocation, dict):
            raise ValidationError(invocation)
        [result] = record_runs([dbt.run_snapshot(invocation, pipeline.pk)])
        return push_response(request, result)
