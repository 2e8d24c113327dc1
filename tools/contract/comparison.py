"""Find breaking changes between the last release's contract and the current one.

CHM has its own code for this, because no maintained tool was found on npm and PyPI. A change is breaking if a valid
request fails, or if clients cannot read a response any more: something was removed or renamed, got another type, became
required in a request, or became optional in a response. New endpoints, parameters, fields and enum values of responses
are not breaking.
"""

from collections.abc import Iterator
from typing import Any

Contract = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


def breaking_changes(released: Contract, current: Contract) -> list[str]:
    """Return a line for each breaking change, in the order of the released document."""
    # Several operations can use one schema, which is compared for each of them, so remove duplicates.
    return list(dict.fromkeys(_Comparison(released, current).changes()))


def major(contract: Contract) -> int:
    return int(str(contract["info"]["version"]).partition(".")[0])


class _Comparison:
    def __init__(self, released: Contract, current: Contract) -> None:
        self.released, self.current = released, current

    def changes(self) -> Iterator[str]:
        """Yield a line for each breaking change; a line can occur more than once."""
        for path, operations in self.released["paths"].items():
            for method in METHODS:
                if method not in operations:
                    continue
                where = f"{method.upper()} {path}"
                operation = self.current["paths"].get(path, {}).get(method)
                if operation is None:
                    yield f"{where}: removed"
                else:
                    yield from self._operation(where, operations[method], operation)

    def _operation(self, where: str, old: Contract, new: Contract) -> Iterator[str]:
        # Generated clients name their functions after the operationId.
        if old["operationId"] != new["operationId"]:
            yield f"{where}: operationId {old['operationId']} is now {new['operationId']}"
        yield from self._parameters(where, old, new)
        yield from self._body(where, old.get("requestBody"), new.get("requestBody"))
        for status, response in old["responses"].items():
            # Errors have the same form in all operations, so only successful responses are compared.
            if status.startswith("2"):
                if status not in new["responses"]:
                    yield f"{where}: no longer answers {status}"
                else:
                    yield from self._content(f"{where} {status}", response, new["responses"][status], in_response=True)

    def _parameters(self, where: str, old: Contract, new: Contract) -> Iterator[str]:
        before, after = self._by_name(self.released, old), self._by_name(self.current, new)
        for name, parameter in before.items():
            if name not in after:
                yield f"{where}: parameter {name[1]} removed"
            else:
                new_schema = after[name]["schema"]
                is_list_now = self._type(self.current, new_schema) == "array"
                if is_list_now and self._type(self.released, parameter["schema"]) != "array":
                    # A list parameter still accepts one value.
                    new_schema = self._resolved(self.current, new_schema)["items"]
                yield from self._schema(
                    f"{where}: parameter {name[1]}", parameter["schema"], new_schema, in_response=False
                )
        for name, parameter in after.items():
            if parameter.get("required") and not before.get(name, {}).get("required"):
                yield f"{where}: parameter {name[1]} is now required"

    def _by_name(self, contract: Contract, operation: Contract) -> dict[tuple[str, str], Contract]:
        parameters = [self._resolved(contract, parameter) for parameter in operation.get("parameters", [])]
        return {(parameter["in"], parameter["name"]): parameter for parameter in parameters}

    def _body(self, where: str, old: Contract | None, new: Contract | None) -> Iterator[str]:
        if new is not None and new.get("required") and not (old or {}).get("required"):
            yield f"{where}: a body is now required"
        if old is not None:
            if new is None:
                yield f"{where}: no longer accepts a body"
            else:
                yield from self._content(f"{where} body", old, new, in_response=False)

    def _content(self, where: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{where}: {kind} removed"
            elif kind != "text/csv":  # its columns are the fields of the JSON form
                yield from self._schema(
                    where, content["schema"], new["content"][kind]["schema"], in_response=in_response
                )

    def _schema(self, where: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        old, new = self._resolved(self.released, old), self._resolved(self.current, new)
        if old.get("type") != new.get("type") or old.get("format") != new.get("format"):
            yield f"{where}: {_type_name(old)} is now {_type_name(new)}"
            # The limits and fields of different types cannot be compared.
            return
        was_nullable, is_nullable = bool(old.get("nullable")), bool(new.get("nullable"))
        if in_response and is_nullable and not was_nullable:
            yield f"{where}: can now be null"
        if not in_response and was_nullable and not is_nullable:
            yield f"{where}: can no longer be null"
        yield from self._limits(where, old, new, in_response=in_response)
        if "items" in old and "items" in new:
            yield from self._schema(f"{where}[]", old["items"], new["items"], in_response=in_response)
        yield from self._properties(where, old, new, in_response=in_response)

    @staticmethod
    def _limits(where: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        # A response with fewer values is still readable.
        if in_response:
            return
        if "enum" in new:
            removed_values = (
                [value for value in old["enum"] if value not in new["enum"]] if "enum" in old else ["any text"]
            )
            if removed_values:
                yield f"{where}: no longer accepts {', '.join(map(str, removed_values))}"
        # For each limit: the function that returns the stricter of two values.
        for limit, stricter in (("maxLength", min), ("maximum", min), ("maxItems", min), ("minLength", max),
                               ("minimum", max), ("minItems", max)):  # fmt: skip
            if limit in new and (limit not in old or stricter(old[limit], new[limit]) != old[limit]):
                yield f"{where}: {limit} is now {new[limit]}"

    def _properties(self, where: str, old: Contract, new: Contract, *, in_response: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name not in after:
                yield f"{where}: field {name} removed"
            else:
                yield from self._schema(f"{where}.{name}", schema, after[name], in_response=in_response)
        old_required, new_required = set(old.get("required", [])), set(new.get("required", []))
        if in_response:
            for name in sorted(old_required - new_required & set(after)):
                if name in after:
                    yield f"{where}: field {name} may now be absent"
        else:
            for name in sorted(new_required - old_required):
                yield f"{where}: field {name} is now required"

    def _resolved(self, contract: Contract, node: Contract) -> Contract:
        """Return the object that a reference points to. Merge an allOf of one part with the attributes beside it."""
        if reference := node.get("$ref"):
            target: Any = contract
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
            return self._resolved(contract, target)
        if len(parts := node.get("allOf", [])) == 1:
            return self._resolved(contract, parts[0]) | {key: value for key, value in node.items() if key != "allOf"}
        return node

    def _type(self, contract: Contract, schema: Contract) -> str | None:
        kind: str | None = self._resolved(contract, schema).get("type")
        return kind


def _type_name(schema: Contract) -> str:
    kind = schema.get("type") or "a choice of forms"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)
