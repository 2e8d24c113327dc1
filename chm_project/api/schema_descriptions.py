"""Complete the OpenAPI document of the API: add tags, shared enums, and descriptions and examples of parameters."""

from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from chm_project.api.examples import example

DESCRIPTION_BY_TAG = {
    "alert_rules": "Alert rules, and which of them are firing. CHM sends no notifications.",
    "clients": "The clients of the consultancy.",
    "handover": "Summary of the last hours for the next shift.",
    "health": "Check that the web server runs.",
    "ingestion": "Start an ingestion and read its state.",
    "lineage": "Runs pushed as OpenLineage events.",
    "metrics": "Metrics in the Prometheus text format.",
    "ping": "Runs pushed by plain requests, as Healthchecks clients send them.",
    "pipelines": "Pipelines of clients, on any orchestrator, and their runs.",
    "ready": "Check that the database, the broker and beat work.",
    "reports": "Each report is one SQL query with fixed parameters and columns. Reports are also available as CSV.",
    "runs": "Runs across all pipelines.",
    "start": "The root of the API and the error codes.",
}
# An example for each parameter name.
EXAMPLE_BY_PARAMETER: dict[str, Any] = {
    "cursor": "WyIyMDI2LTAzLTAxIl0:1vQk2m:5f0c2a9e7b1d4c3a8e6f0b12",
    "external_id": "sales_daily_load",
    "external_run_id": "scheduled__2026-03-01T10:00:00+00:00",
    "key": "chm_a1B2c3D4_0123456789abcdefghijABCDEFGHIJ0123456789",
    "limit": 100,
    "name": "Northwind Trading",
    "q": "disk full",
    "search": "sales",
    "sign": "start",
    "until": "2026-03-08T00:00:00Z",
    "event_until": "2026-03-08T00:00:00Z",
}
DESCRIPTION_BY_PARAMETER = {
    "client_id": "The id of a client.",
    "pipeline_id": "The id of a pipeline.",
    "rule_id": "The id of an alert rule.",
    "run_id": "The id of a run in CHM.",
    "task_id": "The id returned when the ingestion was started.",
    "external_run_id": "The run's id at its source: the rest of the path, including slashes.",
}
# Descriptions by property name, for properties that no model column or help text describes.
DESCRIPTION_BY_PROPERTY = {
    "canceled": "Runs that a person stopped or that no longer exist at their source.",
    "client_id": "The id of a client.",
    "client_name": "The name of the client.",
    "connection": "The name of the connection.",
    "created": "Runs stored for the first time.",
    "environment": "Where the pipeline runs.",
    "error": "The error.",
    "error_message": "Why the run failed.",
    "errors": "Errors by connection and pipeline.",
    "external_run_id": "The id of the run at its source.",
    "failed": "Failed runs.",
    "finished_at": "When the run ended; null while it is running.",
    "from": "When the rule began to fire.",
    "items": "The items of this response.",
    "latest_by_pipeline": "The latest run of each pipeline with a run in the window.",
    "latest_status": "The status of the latest run.",
    "next_cursor": "To get the next page, send this text as `cursor`. Null on the last page.",
    "outcome": "The effect of the write.",
    "pages_processed": "Pages read from the source.",
    "payload": "The source's own data about the run; secrets are removed.",
    "pipeline_id": "The id of a pipeline.",
    "pipeline_name": "The name of the pipeline.",
    "pipelines_processed": "Pipelines that were ingested completely.",
    "platform": "Kind of orchestrator.",
    "pruned": "Runs older than the pipeline's `pruned_before`. They are not stored.",
    "reason": "Why the failure is known.",
    "rejected": "Invalid runs. They are not stored.",
    "rows_processed": "Rows that the run processed.",
    "run_id": "The id of the run in CHM.",
    "running": "Runs that have not ended.",
    "runs_processed": "Runs received, including runs that were received before.",
    "since": "Start of the window, inclusive.",
    "skipped": "Runs that their source skipped.",
    "stale": "Runs whose stored version is newer. They are not stored.",
    "started_at": "When the run started.",
    "state": "The state of the ingestion.",
    "status": "The status.",
    "status_counts": "Number of runs by status.",
    "status_reason": "Details about the status.",
    "success": "Successful runs.",
    "ticket_url": "Address of the ticket.",
    "task_id": "The id of the ingestion.",
    "unknown_pipelines": "Pipelines of the source that CHM does not have.",
    "unchanged": "Runs received again without a change.",
    "until": "End of the window, exclusive.",
    "updated": "Stored runs that were replaced by a newer version.",
    "version": "The version of CHM.",
}
ENUM_NAME_BY_CHOICES = {
    ("created", "stale", "unchanged", "updated"): "PushOutcome",
    ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER"): "LineageEventType",
    ("asc", "desc"): "SortDirection",
    ("minute", "hour", "day", "week"): "BucketWidth",
    ("failures", "flips"): "FlakyOrdering",
}
CSV_DESCRIPTION = (
    "A header line, then one line per item. A text that spreadsheets would run as a formula gets a ' before it."
)


def complete_document(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    # Change only a copy, because some parts of the document are constants of views.
    result = deepcopy(result)
    result["tags"] = [{"name": name, "description": text} for name, text in sorted(DESCRIPTION_BY_TAG.items())]
    schemas = result["components"]["schemas"]
    for path, operations in result["paths"].items():
        for operation in operations.values():
            operation.setdefault("tags", ["start"])
            if path.startswith("/ping/"):
                operation["security"] = []
            for status, body in operation["responses"].items():
                if body.get("description") == "":
                    body["description"] = f"{HTTPStatus(int(status)).phrase}."
                if "text/csv" in body.get("content", {}):
                    body["content"]["text/csv"] = {"schema": {"type": "string", "description": CSV_DESCRIPTION}}
    _share_enums(result, schemas)
    for schema in schemas.values():
        for name, property_schema in schema.get("properties", {}).items():
            if "description" not in property_schema and name in DESCRIPTION_BY_PROPERTY:
                schema["properties"][name] = _with_description(property_schema, DESCRIPTION_BY_PROPERTY[name])
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if "name" in parameter:
                    _complete_parameter(parameter, schemas)
    # The document lists only methods that a path supports, so none of its operations returns 405.
    result["components"]["responses"].pop("MethodNotAllowed", None)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _complete_parameter(parameter: dict[str, Any], schemas: dict[str, Any]) -> None:
    name, schema = parameter["name"], parameter["schema"]
    if not parameter.get("description") and name in DESCRIPTION_BY_PARAMETER:
        parameter["description"] = DESCRIPTION_BY_PARAMETER[name]
    if "example" in parameter:
        return
    if EXAMPLE_BY_PARAMETER.get(name) is not None and schema.get("type") != "array":
        parameter["example"] = EXAMPLE_BY_PARAMETER[name]
    else:
        parameter["example"] = schema.get("default", example(schema, schemas, name))


def _with_description(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Return the schema with a description. OpenAPI 3.0 ignores a description beside a $ref."""
    if "$ref" in schema:
        return {"allOf": [schema], "description": description}
    return {**schema, "description": description}


def _share_enums(result: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Replace enums with the same choices by one shared schema, so that generated clients have one type."""
    name_by_choices = {tuple(schema["enum"]): name for name, schema in schemas.items() if "enum" in schema}
    for enum_schema in list(_enums(result)):
        # The document can contain the same dict at two places, so an earlier iteration may have replaced its content.
        if "enum" not in enum_schema:
            continue
        choices = tuple(enum_schema["enum"])
        declared_name = enum_schema.pop("x-enum-name", None)
        name = name_by_choices.get(choices) or declared_name or ENUM_NAME_BY_CHOICES.get(choices)
        if name is None or enum_schema is schemas.get(name):
            continue
        if name not in schemas:
            schemas[name] = {"type": "string", "enum": enum_schema["enum"]}
            name_by_choices[tuple(enum_schema["enum"])] = name
        other_keywords = {key: value for key, value in enum_schema.items() if key not in {"type", "enum"}}
        enum_schema.clear()
        reference = {"$ref": f"#/components/schemas/{name}"}
        enum_schema.update({"allOf": [reference], **other_keywords} if other_keywords else reference)


def _enums(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("enum"), list) and node.get("type") == "string":
            yield node
        for value in node.values():
            yield from _enums(value)
    elif isinstance(node, list):
        for value in node:
            yield from _enums(value)
