"""Additions to the contract document for its readers: tags, shared enums, descriptions and examples of parameters."""

from collections.abc import Iterator
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from chm_project.api.examples import example

TAGS = {
    "alert_rules": "Definitions of what is worth an alert, and which of them hold. CHM sends nothing.",
    "clients": "The clients of the consultancy.",
    "handover": "What the next shift must know.",
    "health": "Is the web server alive?",
    "ingestion": "Start an ingestion, and follow it.",
    "lineage": "Runs pushed as OpenLineage events.",
    "metrics": "Prometheus text.",
    "ping": "Runs pushed by plain requests, as Healthchecks clients send them.",
    "pipelines": "Pipelines of clients, on any orchestrator, and their runs.",
    "ready": "Are the database, the broker and ingestion in order?",
    "reports": "One SQL query each, with fixed parameters and columns; also as CSV.",
    "runs": "Runs across all pipelines.",
    "start": "Where to start: the root, and the error codes.",
}
# By the name of a parameter: what a caller would send.
EXAMPLES: dict[str, Any] = {
    "CHM-Outcome": "created",
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
DESCRIPTIONS = {
    "alert_rules": "The ids of alert rules.",
    "client_id": "The id of a client.",
    "pipeline_id": "The id of a pipeline.",
    "rule_id": "The id of an alert rule.",
    "run_id": "The id of a run in CHM.",
    "task_id": "The id that the start of an ingestion answered with.",
    "external_run_id": "The run's own id in its source: the whole rest of the path, slashes included.",
}
ENUM_NAMES = {
    ("created", "stale", "unchanged", "updated"): "PushOutcome",
    ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER"): "LineageEventType",
}
CSV_DESCRIPTION = (
    "A header line, then one line per item. A text that spreadsheets would run as a formula begins with '."
)


def publish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    # A copy, since some parts are constants of the views.
    result = deepcopy(result)
    result["tags"] = [{"name": name, "description": text} for name, text in sorted(TAGS.items())]
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
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if "name" in parameter:
                    _complete(parameter, schemas)
    # An address that is given answers to its own methods only.
    result["components"]["responses"].pop("MethodNotAllowed", None)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _complete(parameter: dict[str, Any], schemas: dict[str, Any]) -> None:
    name, schema = parameter["name"], parameter["schema"]
    if not parameter.get("description") and name in DESCRIPTIONS:
        parameter["description"] = DESCRIPTIONS[name]
    if "example" in parameter:
        return
    if EXAMPLES.get(name) is not None and schema.get("type") != "array":
        parameter["example"] = EXAMPLES[name]
    else:
        parameter["example"] = schema.get("default", example(schema, schemas, name))


def _share_enums(result: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Refer to one component wherever a text has the same choices, so that generated clients have one type for them."""
    known = {tuple(schema["enum"]): name for name, schema in schemas.items() if "enum" in schema}
    for holder in list(_enums(result)):
        if "enum" not in holder:  # one object in several places, done before
            continue
        choices = tuple(holder["enum"])
        given = holder.pop("x-enum-name", None)
        name = known.get(choices) or given or ENUM_NAMES.get(choices)
        if name is None or holder is schemas.get(name):
            continue
        if name not in schemas:
            schemas[name] = {"type": "string", "enum": holder["enum"]}
            known[tuple(holder["enum"])] = name
        rest = {key: value for key, value in holder.items() if key not in {"type", "enum"}}
        holder.clear()
        reference = {"$ref": f"#/components/schemas/{name}"}
        holder.update({"allOf": [reference], **rest} if rest else reference)


def _enums(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if isinstance(node.get("enum"), list) and node.get("type") == "string":
            yield node
        for value in node.values():
            yield from _enums(value)
    elif isinstance(node, list):
        for value in node:
            yield from _enums(value)
