"""A hook for schemathesis, which changes the parameter `fields` of generated requests.

With `fields=name` the response has only this field. schemathesis would report that the required fields are missing.
"""

from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG001  # the signature of the hook
    """Request all fields if all requested fields exist. Do not change a request for an unknown field."""
    if not isinstance(case.query, dict) or "fields" not in case.query:
        return
    requested_fields = case.query["fields"] if isinstance(case.query["fields"], list) else [case.query["fields"]]
    all_fields = _fields(case.operation)
    if requested_fields and all(name in all_fields for name in requested_fields):
        case.query["fields"] = all_fields


def _fields(operation: Any) -> list[str]:
    schema = operation.schema.raw_schema
    parameters = schema["paths"][operation.path][operation.method.lower()]["parameters"]
    fields_parameter = next((parameter for parameter in parameters if parameter.get("name") == "fields"), None)
    if fields_parameter is None:
        return []
    name = fields_parameter["schema"]["items"]["$ref"].rpartition("/")[2]
    fields: list[str] = schema["components"]["schemas"][name]["enum"]
    return fields
