"""Hooks for schemathesis.

A request with the parameter `fields` gets a response without fields that the contract requires, so the hook changes it.
"""

from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG001  # the signature of the hook
    """If all requested fields exist, request all fields. A request with an unknown field is sent unchanged."""
    if not isinstance(case.query, dict) or "fields" not in case.query:
        return
    requested = case.query["fields"] if isinstance(case.query["fields"], list) else [case.query["fields"]]
    all_fields = _fields(case.operation)
    if requested and all(name in all_fields for name in requested):
        case.query["fields"] = all_fields


def _fields(operation: Any) -> list[str]:
    schema = operation.schema.raw_schema
    parameters = schema["paths"][operation.path][operation.method.lower()]["parameters"]
    accepted = next((parameter for parameter in parameters if parameter.get("name") == "fields"), None)
    if accepted is None:
        return []
    name = accepted["schema"]["items"]["$ref"].rpartition("/")[2]
    fields: list[str] = schema["components"]["schemas"][name]["enum"]
    return fields
