"""Request templates with placeholders: {external_id}, {external_run_id}, {since}, {now}."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

PLACE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """A request, or with an empty path a part that is merged into another request."""

    method: str = "GET"
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    def with_part(self, part: "RequestTemplate | None") -> "RequestTemplate":
        if part is None:
            return self
        body = None if self.body is None and part.body is None else {**(self.body or {}), **(part.body or {})}
        return replace(self, path=part.path or self.path, query={**self.query, **part.query}, body=body)

    def with_parameter(self, name: str, value: str | int) -> "RequestTemplate":
        """Return the request with the parameter in its body if it has one, else in its query."""
        if self.body is not None:
            return replace(self, body={**self.body, name: value})
        return replace(self, query={**self.query, name: str(value)})

    def filled(self, values: Mapping[str, str | int | float]) -> "RequestTemplate":
        return replace(
            self,
            path=PLACE.sub(lambda place: quote(str(values[place[1]]), safe=""), self.path),
            query={name: str(_filled(text, values)) for name, text in self.query.items()},
            body=None if self.body is None else _filled(self.body, values),
        )

    def placeholders(self) -> set[str]:
        return {name for text in _texts([self.path, self.query, self.body]) for name in PLACE.findall(text)}


def unknown_placeholders(request: RequestTemplate, known: Set[str]) -> Set[str]:
    return request.placeholders() - known


def _filled(value: Any, values: Mapping[str, str | int | float]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(below, values) for key, below in value.items()}
    if isinstance(value, list):
        return [_filled(below, values) for below in value]
    if not isinstance(value, str):
        return value
    if (whole := PLACE.fullmatch(value)) is not None:
        return values[whole[1]]  # a number stays a number
    return PLACE.sub(lambda place: str(values[place[1]]), value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for below in value.values() for text in _texts(below)]
    if isinstance(value, list):
        return [text for below in value for text in _texts(below)]
    return [value] if isinstance(value, str) else []
