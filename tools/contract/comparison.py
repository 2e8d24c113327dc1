"""Find breaking changes between the last release's contract and the current one.

CHM has its own code for this, because npm and PyPI have no maintained tool. A change is breaking if a valid request
fails or if clients cannot read a response any more: something was removed, renamed, retyped, made required in a
request, or made optional in a response. New endpoints, parameters, fields and enum values of responses do not break.
"""

from collections.abc import Iterator
from typing import Any

Contract = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


def breaking_changes(released: Contract, current: Contract) -> list[str]:
    """Return a text for each breaking change, in the order of the released document."""
    # A schema that several operations use is compared for each of them.
    return list(dict.fromkeys(_Comparison(released, current).changes()))


def major(contract: Contract) -> int:
    return int(str(contract["info"]["version"]).partition(".")[0])


class _Comparison:
    def __init__(self, released: Contract, current: Contract) -> None:
        self.released, self.current = released, current

    def changes(self) -> Iterator[str]:
        """Yield a text for each breaking change."""
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
                    yield from self._content(f"{where} {status}", response, new["responses"][status], answer=True)

    def _parameters(self, where: str, old: Contract, new: Contract) -> Iterator[str]:
        before, after = self._by_name(self.released, old), self._by_name(self.current, new)
        for name, parameter in before.items():
            if name not in after:
                yield f"{where}: parameter {name[1]} removed"
            else:
                new_schema = after[name]["schema"]
                now_several = self._type(self.current, new_schema) == "array"
                if now_several and self._type(self.released, parameter["schema"]) != "array":
                    # A list parameter still accepts one value.
                    new_schema = self._resolved(self.current, new_schema)["items"]
                yield from self._schema(f"{where}: parameter {name[1]}", parameter["schema"], new_schema, answer=False)
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
                yield f"{where}: accepts no body any more"
            else:
                yield from self._content(f"{where} body", old, new, answer=False)

    def _content(self, where: str, old: Contract, new: Contract, *, answer: bool) -> Iterator[str]:
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{where}: {kind} removed"
            elif kind != "text/csv":  # its columns are the fields of the JSON form
                yield from self._schema(where, content["schema"], new["content"][kind]["schema"], answer=answer)

    def _schema(self, where: str, old: Contract, new: Contract, *, answer: bool) -> Iterator[str]:
        old, new = self._resolved(self.released, old), self._resolved(self.current, new)
        if old.get("type") != new.get("type") or old.get("format") != new.get("format"):
            yield f"{where}: {_kind(old)} is now {_kind(new)}"
            return
        was_nullable, is_nullable = bool(old.get("nullable")), bool(new.get("nullable"))
        if answer and is_nullable and not was_nullable:
            yield f"{where}: can now be null"
        if not answer and was_nullable and not is_nullable:
            yield f"{where}: can no longer be null"
        yield from self._limits(where, old, new, answer=answer)
        if "items" in old and "items" in new:
            yield from self._schema(f"{where}[]", old["items"], new["items"], answer=answer)
        yield from self._properties(where, old, new, answer=answer)

    @staticmethod
    def _limits(where: str, old: Contract, new: Contract, *, answer: bool) -> Iterator[str]:
        # A response with fewer values is still readable.
        if answer:
            return
        if "enum" in new:
            removed_values = (
                [value for value in old["enum"] if value not in new["enum"]] if "enum" in old else ["any text"]
            )
            if removed_values:
                yield f"{where}: no longer accepts {', '.join(map(str, removed_values))}"
        # With each bound: the function that returns the stricter of two values.
        for bound, tighter in (("maxLength", min), ("maximum", min), ("maxItems", min), ("minLength", max),
                               ("minimum", max), ("minItems", max)):  # fmt: skip
            if bound in new and (bound not in old or tighter(old[bound], new[bound]) != old[bound]):
                yield f"{where}: {bound} is now {new[bound]}"

    def _properties(self, where: str, old: Contract, new: Contract, *, answer: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name not in after:
                yield f"{where}: field {name} removed"
            else:
                yield from self._schema(f"{where}.{name}", schema, after[name], answer=answer)
        was, now = set(old.get("required", [])), set(new.get("required", []))
        if answer:
            for name in sorted(was - now & set(after)):
                if name in after:
                    yield f"{where}: field {name} may now be absent"
        else:
            for name in sorted(now - was):
                yield f"{where}: field {name} is now required"

    def _resolved(self, contract: Contract, node: Contract) -> Contract:
        """Follow references; merge an allOf of one part with the attributes next to it."""
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


def _kind(schema: Contract) -> str:
    kind = schema.get("type") or "a choice of forms"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)
