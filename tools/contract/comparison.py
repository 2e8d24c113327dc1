"""Find breaking changes between the last release's contract and the current one.

A change is breaking if a request that was valid now fails, or if clients can no longer read a response:

- An operation, parameter, field, status or media type was removed or renamed, or has another type.
- A parameter or field of a request is now required, or accepts fewer values.
- A field of a response can now be absent or null.

New operations, optional parameters, and new fields and enum values of responses are not breaking.
CHM has its own comparison, because no maintained package on npm or PyPI makes it.
"""

from collections.abc import Iterator
from typing import Any

Contract = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


def breaking_changes(released: Contract, current: Contract) -> list[str]:
    """Return a line for each breaking change, in the order of the released document."""
    # Remove duplicates: the same line can occur for each operation that uses a schema.
    return list(dict.fromkeys(_Comparison(released, current).changes()))


def major(contract: Contract) -> int:
    return int(str(contract["info"]["version"]).partition(".")[0])


class _Comparison:
    def __init__(self, released: Contract, current: Contract) -> None:
        self.released, self.current = released, current

    def changes(self) -> Iterator[str]:
        """Yield a line for each breaking change; a line can occur more than once."""
        for path, released_operations in self.released["paths"].items():
            for method in METHODS:
                if method not in released_operations:
                    continue
                location = f"{method.upper()} {path}"
                current_operation = self.current["paths"].get(path, {}).get(method)
                if current_operation is None:
                    yield f"{location}: removed"
                else:
                    yield from self._operation(location, released_operations[method], current_operation)

    def _operation(self, location: str, released_operation: Contract, current_operation: Contract) -> Iterator[str]:
        # Generated clients name their functions after the operationId.
        if released_operation["operationId"] != current_operation["operationId"]:
            yield (
                f"{location}: operationId {released_operation['operationId']} is now {current_operation['operationId']}"
            )
        yield from self._parameters(location, released_operation, current_operation)
        yield from self._body(location, released_operation.get("requestBody"), current_operation.get("requestBody"))
        for status, response in released_operation["responses"].items():
            # Errors have the same form in all operations, so only successful responses are compared.
            if status.startswith("2"):
                if status not in current_operation["responses"]:
                    yield f"{location}: no longer answers {status}"
                else:
                    yield from self._content(
                        f"{location} {status}", response, current_operation["responses"][status], in_response=True
                    )

    def _parameters(self, location: str, released_operation: Contract, current_operation: Contract) -> Iterator[str]:
        released_parameters = self._parameters_by_name(self.released, released_operation)
        current_parameters = self._parameters_by_name(self.current, current_operation)
        for place_and_name, parameter in released_parameters.items():
            if place_and_name not in current_parameters:
                yield f"{location}: parameter {place_and_name[1]} removed"
            else:
                new_schema = current_parameters[place_and_name]["schema"]
                is_list_now = self._schema_type(self.current, new_schema) == "array"
                if is_list_now and self._schema_type(self.released, parameter["schema"]) != "array":
                    # A parameter that is now a list still accepts a single value, so compare the type of its items.
                    new_schema = self._resolved(self.current, new_schema)["items"]
                yield from self._schema(
                    f"{location}: parameter {place_and_name[1]}", parameter["schema"], new_schema, in_response=False
                )
        for place_and_name, parameter in current_parameters.items():
            if parameter.get("required") and not released_parameters.get(place_and_name, {}).get("required"):
                yield f"{location}: parameter {place_and_name[1]} is now required"

    def _parameters_by_name(self, contract: Contract, operation: Contract) -> dict[tuple[str, str], Contract]:
        """Return the parameters by their place and name, such as ("query", "limit")."""
        parameters = [self._resolved(contract, parameter) for parameter in operation.get("parameters", [])]
        return {(parameter["in"], parameter["name"]): parameter for parameter in parameters}

    def _body(self, location: str, old: Contract | None, new: Contract | None) -> Iterator[str]:
        if new is not None and new.get("required") and not (old or {}).get("required"):
            yield f"{location}: a body is now required"
        if old is not None:
            if new is None:
                yield f"{location}: no longer accepts a body"
            else:
                yield from self._content(f"{location} body", old, new, in_response=False)

    def _content(self, location: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        for media_type, content in old.get("content", {}).items():
            if media_type not in new.get("content", {}):
                yield f"{location}: {media_type} removed"
            elif media_type != "text/csv":  # CSV has the same fields as JSON
                yield from self._schema(
                    location, content["schema"], new["content"][media_type]["schema"], in_response=in_response
                )

    def _schema(self, location: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        old, new = self._resolved(self.released, old), self._resolved(self.current, new)
        if "oneOf" in old or "oneOf" in new:
            yield from self._choices(location, old, new, in_response=in_response)
            return
        if old.get("type") != new.get("type") or old.get("format") != new.get("format"):
            yield f"{location}: {_type_name(old)} is now {_type_name(new)}"
            # Do not compare limits and fields of different types.
            return
        was_nullable, is_nullable = bool(old.get("nullable")), bool(new.get("nullable"))
        if in_response and is_nullable and not was_nullable:
            yield f"{location}: can now be null"
        if not in_response and was_nullable and not is_nullable:
            yield f"{location}: can no longer be null"
        yield from self._limits(location, old, new, in_response=in_response)
        if "items" in old and "items" in new:
            yield from self._schema(f"{location}[]", old["items"], new["items"], in_response=in_response)
        yield from self._properties(location, old, new, in_response=in_response)

    def _choices(self, location: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        """Compare schemas of which at least one is a choice of several forms (`oneOf`).

        Each released form of a request must still be accepted by one of the current forms. Each current form of a
        response must still be readable as one of the released forms.
        """
        old_forms, new_forms = old.get("oneOf", [old]), new.get("oneOf", [new])
        if in_response:
            possible_pairs = [[(old_form, new_form) for old_form in old_forms] for new_form in new_forms]
        else:
            possible_pairs = [[(old_form, new_form) for new_form in new_forms] for old_form in old_forms]
        for pairs in possible_pairs:
            changes_by_pair = [list(self._schema(location, *pair, in_response=in_response)) for pair in pairs]
            # Two forms with fewer differences are more probably the same form.
            yield from min(changes_by_pair, key=len)

    @staticmethod
    def _limits(location: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        # Compare only requests. Clients can still read a response with other values or limits.
        if in_response:
            return
        if "enum" in new:
            removed_values = (
                [value for value in old["enum"] if value not in new["enum"]] if "enum" in old else ["any text"]
            )
            if removed_values:
                yield f"{location}: no longer accepts {', '.join(map(str, removed_values))}"
        # For each limit, the function that returns the stricter one of two values.
        for limit, stricter in (("maxLength", min), ("maximum", min), ("maxItems", min), ("minLength", max),
                               ("minimum", max), ("minItems", max)):  # fmt: skip
            if limit in new and (limit not in old or stricter(old[limit], new[limit]) != old[limit]):
                yield f"{location}: {limit} is now {new[limit]}"

    def _properties(self, location: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        old_properties, new_properties = old.get("properties", {}), new.get("properties", {})
        for name, schema in old_properties.items():
            if name not in new_properties:
                yield f"{location}: field {name} removed"
            else:
                yield from self._schema(f"{location}.{name}", schema, new_properties[name], in_response=in_response)
        old_required, new_required = set(old.get("required", [])), set(new.get("required", []))
        if in_response:
            for name in sorted(old_required - new_required & set(new_properties)):
                if name in new_properties:
                    yield f"{location}: field {name} may now be absent"
        else:
            for name in sorted(new_required - old_required):
                yield f"{location}: field {name} is now required"

    def _resolved(self, contract: Contract, node: Contract) -> Contract:
        """Return the node, or if it is a `$ref`, the node that the `$ref` names.

        If the node has an `allOf` with only one part, return this part with the other attributes of the node.
        """
        if reference := node.get("$ref"):
            target: Any = contract
            for key in reference.removeprefix("#/").split("/"):
                target = target[key]
            return self._resolved(contract, target)
        if len(parts := node.get("allOf", [])) == 1:
            return self._resolved(contract, parts[0]) | {key: value for key, value in node.items() if key != "allOf"}
        return node

    def _schema_type(self, contract: Contract, schema: Contract) -> str | None:
        type_name: str | None = self._resolved(contract, schema).get("type")
        return type_name


def _type_name(schema: Contract) -> str:
    type_name = schema.get("type") or "a choice of forms"
    return f"{type_name} ({schema['format']})" if "format" in schema else str(type_name)
