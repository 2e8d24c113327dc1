"""Add the error responses of every operation to the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from chm_project.api.error_codes import BY_STATUS, CODES

_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "request_id"],
            "properties": {
                "code": {
                    "type": "string",
                    "enum": [entry.code for entry in CODES],
                    "x-enum-name": "ErrorCodeName",
                    "description": "The kind of the error. /api/v1/errors explains each kind.",
                },
                "message": {"type": "string", "description": "What is wrong and what to do, as a sentence for users."},
                "request_id": {
                    "type": "string",
                    "description": "The value of X-Request-ID, which the server's log also contains.",
                },
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["field", "issue"],
                        "properties": {
                            "field": {
                                "type": "string",
                                "description": "The name of a wrong field or parameter. Dots join nested names: "
                                "`items.1.status`. `body` means the whole body.",
                            },
                            "issue": {"type": "string", "description": "What is wrong with this field."},
                        },
                    },
                    "description": "The wrong fields and parameters; empty if the error is not about a field.",
                },
            },
        }
    },
}


class TokenAuthenticationSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "chm_project.access.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token; `manage.py create_api_token` creates one.",
        }


class ScraperAuthenticationSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "chm_project.operations.views.ScraperAuthentication"
    name = "scraper"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of CHM_METRICS_TOKEN_FILE."}


def document_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = _ERROR_SCHEMA
    components["responses"] = {
        _response_name(entry.status): {
            "description": entry.title,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for entry in CODES
    }
    for path, operations in result["paths"].items():
        if path.startswith("/ping/"):  # pings return errors as plain text; their view describes these errors
            continue
        for operation in operations.values():
            for status in _possible_statuses(path, operation):
                reference = {"$ref": f"#/components/responses/{_response_name(status)}"}
                operation["responses"].setdefault(str(status), reference)
    return result


def declare_exact_fields(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Declare that requests may not contain unknown fields, and that responses contain every field.

    Fields in the extension x-optional of a serializer may be absent.
    """
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request"):
            schema["additionalProperties"] = False
        elif "properties" in schema:
            optional = schema.pop("x-optional", ())
            schema["required"] = [field for field in schema["properties"] if field not in optional]
    return result


def _possible_statuses(path: str, operation: dict[str, Any]) -> list[int]:
    possible = {400, 406, 500}
    # {} means that the operation needs no credentials.
    if {} not in operation["security"]:
        possible |= {401, 403, 429, 503, 504}
    if "{" in path:
        possible.add(404)
    if "requestBody" in operation:
        possible |= {408, 415}
    return sorted(possible)


def _response_name(status: int) -> str:
    return "".join(word.title() for word in BY_STATUS[status].code.split("_"))
