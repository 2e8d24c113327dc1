"""Add an example to every operation and error of the contract document."""

from typing import Any

from django.urls import reverse

from chm_project.api.conditional import PreconditionFailed
from chm_project.api.error_codes import CODES
from chm_project.api.errors import INTERNAL_ERROR, NOT_FOUND, envelope
from chm_project.api.idempotency import InProgress
from chm_project.api.root import ROUTE_BY_LINK_NAME
from chm_project.db.error_responses import TOO_LONG, UNAVAILABLE

EXAMPLE_HOST = "https://chm.example.com"
EXAMPLE_ID = "019b2f6e-7d1c-7c3a-9f00-3c5e8a1b2d4f"
EXAMPLE_REQUEST_ID = "6f1d8a52c0e94b7f8a3e5d1c2b4a6978"
EXAMPLE_TIME = "2026-03-01T10:00:00Z"
EXAMPLE_BY_FORMAT = {
    "uuid": EXAMPLE_ID,
    "date-time": EXAMPLE_TIME,
    "date": "2026-03-02",
    "uri": f"{EXAMPLE_HOST}/api/v1/clients",
}
# A realistic value for each property name.
EXAMPLE_BY_PROPERTY: dict[str, Any] = {
    "name": "Northwind Trading",
    "client_name": "Northwind Trading",
    "pipeline_name": "Daily sales load",
    "external_id": "sales_daily_load",
    "external_run_id": "scheduled__2026-03-01T10:00:00+00:00",
    "description": "Loads yesterday's sales",
    "destination": "#data-alerts",
    "error_message": None,
    "last_ingest_error": None,
    "last_error": None,
    "status_reason": None,
    "status": "success",
    "latest_status": "success",
    "status_then": "failed",
    "status_now": "success",
    "source_paused": False,
    "source_missing_since": None,
    "source_url": "https://airflow.northwind.example/dags/sales_daily_load",
    "source_url_template": "https://airflow.northwind.example/dags/sales_daily_load/runs/{run_id}",
    "pruned_before": None,
    "stale_since": None,
    "next_cursor": None,
    "connection": "northwind-airflow",
    "payload": {"run_type": "scheduled"},
    "platform": "airflow",
    "duration_seconds": 3600,
    "rows_processed": 125000,
    "threshold": 3,
    "window_minutes": 60,
    "finished_at": "2026-03-01T11:00:00Z",
    "until": "2026-03-08T00:00:00Z",
    "is_active": True,
    "is_enabled": True,
    "include_known": True,
    "fingerprint": "5f0c1d2e3a4b5c6d",
    "url": f"{EXAMPLE_HOST}/api/v1/reports/failing_now",
    "reason": "Vendor outage, they deploy a fix on Monday",
    "ticket_url": "https://tickets.northwind.example/OPS-123",
    "outcome": "created",
    "state": "succeeded",
    "errors": [],
    "problems": {},
}
# For each status, the message and the details of its example.
MESSAGE_AND_DETAILS_BY_STATUS: dict[int, tuple[str, list[dict[str, str]]]] = {
    400: ("name: This field is required.", [{"field": "name", "issue": "This field is required."}]),
    401: ("Log in, or send an API token: `Authorization: Bearer TOKEN`.", []),
    403: ("This token has the scope read; this request needs the scope write.", []),
    404: (NOT_FOUND, []),
    405: ("PUT is not possible here; use one of: GET, POST, HEAD, OPTIONS.", []),
    406: ("This address returns JSON: send `Accept: application/json`, or no Accept header.", []),
    408: ("The body arrives too slowly; send it again over a faster connection.", []),
    409: (InProgress.default_detail, []),
    412: (PreconditionFailed.default_detail, []),
    415: ("Send JSON, with the header `Content-Type: application/json`.", []),
    429: ("Too many requests; try again in 12 seconds.", []),
    500: (INTERNAL_ERROR, []),
    503: (UNAVAILABLE.message, []),
    504: (TOO_LONG.message, []),
}


def add_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    schemas = result["components"]["schemas"]
    for operations in result["paths"].values():
        for operation in operations.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for media_type, content in body.get("content", {}).items():
                    if media_type == "application/json" and "schema" in content:
                        content["example"] = example(content["schema"], schemas)
    for entry in CODES:
        name = "".join(word.title() for word in entry.code.split("_"))
        if response := result["components"]["responses"].get(name):
            body = envelope(entry.status, *MESSAGE_AND_DETAILS_BY_STATUS[entry.status])
            body["error"]["request_id"] = EXAMPLE_REQUEST_ID
            response["content"]["application/json"]["example"] = body
    return result


def example(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """Return a value that the schema allows. `name` is the name of the property, if the schema belongs to one."""
    if reference := schema.get("$ref"):
        return example(schemas[reference.rpartition("/")[2]], schemas, name)
    if "example" in schema:
        return schema["example"]
    if parts := schema.get("allOf") or schema.get("oneOf") or schema.get("anyOf"):
        return example(parts[0], schemas, name)
    if name in EXAMPLE_BY_PROPERTY and _is_allowed(EXAMPLE_BY_PROPERTY[name], schema):
        return EXAMPLE_BY_PROPERTY[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "uri" and name in ROUTE_BY_LINK_NAME:
        return EXAMPLE_HOST + reverse(ROUTE_BY_LINK_NAME[name])
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {key: example(value, schemas, key) for key, value in properties.items()}
        case "array":
            return [example(schema["items"], schemas, name)]
        case "integer":
            return schema.get("minimum", 1)
        case "number":
            return 0.25
        case "boolean":
            return True
        case "string":
            return EXAMPLE_BY_FORMAT.get(schema.get("format", ""), "text")
    return {}


def _is_allowed(value: Any, schema: dict[str, Any]) -> bool:
    if value is None:
        return bool(schema.get("nullable"))
    if "enum" in schema:
        return value in schema["enum"]
    python_types: dict[str, type[Any]] = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}
    python_type = python_types.get(schema.get("type", ""))
    return (
        python_type is not None
        and isinstance(value, python_type)
        and not (python_type is int and isinstance(value, bool))
    )
