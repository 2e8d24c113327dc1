"""Test which changes of the API's contract are reported as breaking."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tools.contract.comparison import breaking_changes
from tools.contract.generate import ACCEPTED_CHANGES_FILE, RELEASED_DOCUMENT, contract

RELEASED_CONTRACT: dict[str, Any] = {
    "info": {"version": "1.0.0"},
    "paths": {
        "/runs": {
            "get": {
                "operationId": "runs_list",
                "parameters": [
                    {"in": "query", "name": "status", "schema": {"type": "string", "enum": ["failed", "success"]}},
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 1000}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Run"}},
                                        "text/csv": {"schema": {"type": "string"}}}},
                },
            },
            "post": {
                "operationId": "runs_create",
                "requestBody": {"content": {"application/json": {"schema": {
                    "type": "object", "required": ["status"],
                    "properties": {"status": {"type": "string"}, "rows": {"type": "integer", "nullable": True}},
                }}}},
                "responses": {"201": {"content": {}}},
            },
            "put": {
                "operationId": "runs_replace",
                "requestBody": {"content": {"application/json": {"schema": {"oneOf": [
                    {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
                    {"type": "array", "items": {"type": "string"}, "maxItems": 10},
                ]}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"oneOf": [
                    {"type": "object", "required": ["created"], "properties": {"created": {"type": "integer"}}},
                    {"type": "array", "items": {"type": "integer"}},
                ]}}}}},
            },
        },
    },
    "components": {"schemas": {"Run": {
        "type": "object", "required": ["id", "error"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "error": {"type": "string", "nullable": True},
            "labels": {"type": "array", "items": {"type": "string"}},
        },
    }}},
}  # fmt: skip

Change = Callable[[dict[str, Any]], object]


def list_operation(document: dict[str, Any]) -> Any:
    return document["paths"]["/runs"]["get"]


def create_body(document: dict[str, Any]) -> Any:
    return document["paths"]["/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"]


def body_forms(document: dict[str, Any]) -> Any:
    return document["paths"]["/runs"]["put"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]


def response_forms(document: dict[str, Any]) -> Any:
    return document["paths"]["/runs"]["put"]["responses"]["200"]["content"]["application/json"]["schema"]["oneOf"]


def run_schema(document: dict[str, Any]) -> Any:
    return document["components"]["schemas"]["Run"]


BREAKING_CHANGES: dict[str, Change] = {
    "a path was removed": lambda new: new["paths"].pop("/runs"),
    "a method was removed": lambda new: new["paths"]["/runs"].pop("post"),
    "an operation has another name": lambda new: list_operation(new).update(operationId="list_runs"),
    "a parameter was removed": lambda new: list_operation(new)["parameters"].pop(),
    "a parameter became required": lambda new: list_operation(new)["parameters"][0].update(required=True),
    "a new parameter is required": lambda new: list_operation(new)["parameters"].append(
        {"in": "query", "name": "client", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter has another type": lambda new: list_operation(new)["parameters"][1]["schema"].update(type="string"),
    "a parameter accepts fewer values": lambda new: list_operation(new)["parameters"][0]["schema"]["enum"].pop(),
    "a limit is stricter": lambda new: list_operation(new)["parameters"][1]["schema"].update(maximum=100),
    "a status was removed": lambda new: list_operation(new)["responses"].pop("200"),
    "a media type of a response was removed": lambda new: list_operation(new)["responses"]["200"]["content"].pop(
        "text/csv"
    ),
    "a field of a response was removed": lambda new: run_schema(new)["properties"].pop("error"),
    "a field of a response became optional": lambda new: run_schema(new)["required"].remove("error"),
    "a field of a response became nullable": lambda new: run_schema(new)["properties"]["id"].update(nullable=True),
    "a field of a response has another format": lambda new: run_schema(new)["properties"]["id"].pop("format"),
    "the items of a list have another type": lambda new: run_schema(new)["properties"]["labels"]["items"].update(
        type="integer"
    ),
    "a field of a body was removed": lambda new: create_body(new)["properties"].pop("rows"),
    "a field of a body became required": lambda new: create_body(new)["required"].append("rows"),
    "a field of a body can no longer be null": lambda new: create_body(new)["properties"]["rows"].pop("nullable"),
    "a form of a body was removed": lambda new: body_forms(new).pop(),
    "a field in a form of a body was removed": lambda new: body_forms(new)[0]["properties"].pop("id"),
    "a field in a form of a body became required": lambda new: body_forms(new)[0]["required"].append("name"),
    "a form of a body accepts fewer items": lambda new: body_forms(new)[1].update(maxItems=5),
    "a response has a new form": lambda new: response_forms(new).append({"type": "string"}),
    "a field in a form of a response was removed": lambda new: response_forms(new)[0]["properties"].pop("created"),
}
COMPATIBLE_CHANGES: dict[str, Change] = {
    "nothing": lambda new: None,
    "a new path": lambda new: new["paths"].update({"/new": {}}),
    "a new parameter": lambda new: list_operation(new)["parameters"].append(
        {"in": "query", "name": "q", "schema": {"type": "string"}}
    ),
    "a parameter accepts several values": lambda new: list_operation(new)["parameters"][0].update(
        schema={"type": "array", "items": {"type": "string", "enum": ["failed", "success"]}}
    ),
    "a new value of a parameter": lambda new: list_operation(new)["parameters"][0]["schema"]["enum"].append("running"),
    "a new field of a response": lambda new: run_schema(new)["properties"].update(url={"type": "string"}),
    "a new field of a body": lambda new: create_body(new)["properties"].update(url={"type": "string"}),
    "a body has a new form": lambda new: body_forms(new).insert(0, {"type": "string"}),
    "a response no longer has a form": lambda new: response_forms(new).pop(0),
    "a new field in a form of a response": lambda new: response_forms(new)[0]["properties"].update(
        updated={"type": "integer"}
    ),
    "a schema became a reference": lambda new: (
        new["components"]["schemas"].update(Id=run_schema(new)["properties"]["id"]),
        run_schema(new)["properties"].update(
            id={"allOf": [{"$ref": "#/components/schemas/Id"}], "description": "Its id."}
        ),
    ),
}


@pytest.mark.parametrize("change", BREAKING_CHANGES.values(), ids=BREAKING_CHANGES)
def test_a_breaking_change_is_reported(change: Change) -> None:
    new = deepcopy(RELEASED_CONTRACT)
    change(new)

    # A removed path is reported once for each of its three operations.
    assert len(breaking_changes(RELEASED_CONTRACT, new)) == (3 if "/runs" not in new["paths"] else 1)


@pytest.mark.parametrize("change", COMPATIBLE_CHANGES.values(), ids=COMPATIBLE_CHANGES)
def test_a_compatible_change_is_not_reported(change: Change) -> None:
    new = deepcopy(RELEASED_CONTRACT)
    change(new)

    assert breaking_changes(RELEASED_CONTRACT, new) == []


def test_the_contract_has_only_accepted_breaking_changes_since_the_last_release() -> None:
    accepted = [line for line in ACCEPTED_CHANGES_FILE.read_text().splitlines() if line and not line.startswith("#")]

    assert breaking_changes(contract(RELEASED_DOCUMENT), contract()) == accepted
