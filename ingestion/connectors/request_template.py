"""Templates of requests with the placeholders {external_id}, {external_run_id}, {since} and {now}."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

PLACEHOLDER_PATTERN = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """A request, or a part that `with_part` merges into a request. The path of a part may be empty."""

    method: str = "GET"
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    def with_part(self, part: "RequestTemplate | None") -> "RequestTemplate":
        """Return the request with the part merged into it. Values of the part replace values of the request."""
        if part is None:
            return self
        body = None if self.body is None and part.body is None else {**(self.body or {}), **(part.body or {})}
        return replace(self, path=part.path or self.path, query={**self.query, **part.query}, body=body)

    def with_parameter(self, name: str, value: str | int) -> "RequestTemplate":
        """Return the request with the parameter added to its body if it has one, else to its query."""
        if self.body is not None:
            return replace(self, body={**self.body, name: value})
        return replace(self, query={**self.query, name: str(value)})

    def with_values(self, values: Mapping[str, str | int | float]) -> "RequestTemplate":
        """Return the request with the values inserted, percent-encoded in the path."""
        return replace(
            self,
            # safe="" also encodes slashes, so that an id with a slash stays one part of the path.
            path=PLACEHOLDER_PATTERN.sub(lambda match: quote(str(values[match[1]]), safe=""), self.path),
            query={name: str(_fill(text, values)) for name, text in self.query.items()},
            body=None if self.body is None else _fill(self.body, values),
        )

    def placeholders(self) -> set[str]:
        return {
            name for text in _texts([self.path, self.query, self.body]) for name in PLACEHOLDER_PATTERN.findall(text)
        }


def unknown_placeholders(request: RequestTemplate, allowed: Set[str]) -> Set[str]:
    return request.placeholders() - allowed


def _fill(value: Any, values: Mapping[str, str | int | float]) -> Any:
    if isinstance(value, Mapping):
        return {key: _fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    if not isinstance(value, str):
        return value
    if (only_placeholder := PLACEHOLDER_PATTERN.fullmatch(value)) is not None:
        return values[only_placeholder[1]]  # a number stays a number in a JSON body
    return PLACEHOLDER_PATTERN.sub(lambda match: str(values[match[1]]), value)


def _texts(value: Any) -> list[str]:
    """Return all texts in a JSON value, at any depth."""
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
