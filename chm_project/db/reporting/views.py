"""The views of the schema `reporting`, with complete queries and in the order in which they can be created."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType

from chm_project.db.reporting.files import Shape, default_window, expanded, fragments, shapes, view_files

# The SQL that replaces the filters and parameters of a shape in its view. A view has no filter and no limit, and shows
# the current state.
_NO_SCOPE = {"in_scope": "true", "run_in_scope": "true"}
_VALUES_NOW = {
    "as_of": "now()",
    "state_at": "'infinity'",
    "until": "now()",
    "client_id": "NULL",
    "platform": "NULL",
    "environment": "NULL",
    "limit": "NULL",
}
_PARAMETER = re.compile(r"%\((\w+)\)s")
_VIEW_REFERENCE = re.compile(r"\breporting\.(\w+)")


@dataclass(frozen=True, slots=True)
class View:
    """A view with its complete query; `columns` maps each column to its comment."""

    name: str
    query: str
    comment: str
    columns: dict[str, str]

    @property
    def reads(self) -> set[str]:
        """Return the other views that the query reads."""
        return set(_VIEW_REFERENCE.findall(re.sub(r"--.*", "", self.query))) - {self.name}


def views() -> list[View]:
    """Return all views, each after the views that it reads.

    Raise ValueError for duplicate names, unknown views or fragments, and views that read each other.
    """
    all_views = [
        View(file.name, _with_current_values(file.name, expanded(file.query, fragments())), file.comment, file.columns)
        for file in view_files()
    ] + [_shape_view(shape) for shape in shapes().values() if shape.view]
    by_name = {view.name: view for view in all_views}
    if len(by_name) < len(all_views):
        [(name, _)] = Counter(view.name for view in all_views).most_common(1)
        raise ValueError(f"The schema reporting has two views with the name {name}.")
    for view in all_views:
        if unknown := view.reads - set(by_name):
            raise ValueError(f"reporting.{view.name} reads reporting.{min(unknown)}, which no file defines.")
    try:
        order = TopologicalSorter({name: sorted(by_name[name].reads) for name in sorted(by_name)}).static_order()
        return [by_name[name] for name in order]
    except CycleError as error:
        raise ValueError(f"These views of the schema reporting read each other: {error.args[1]}.") from None


def content_hash(definitions: Iterable[View]) -> str:
    """Return a hash of all texts of the views."""
    digest = hashlib.sha256()
    for view in definitions:
        digest.update(repr((view.name, view.query, view.comment, sorted(view.columns.items()))).encode())
    return digest.hexdigest()[:16]


def _shape_view(shape: Shape) -> View:
    query = _with_current_values(shape.name, expanded(shape.body, fragments() | _NO_SCOPE), shape.parameters)
    without_limit = ", without its limit" if "limit" in shape.parameters else ""
    comment = f"{shape.question} The shape {shape.name} as of now{without_limit}: {shape.grain}."
    return View(shape.view, query, comment, {column.name: column.description for column in shape.columns})


def _with_current_values(name: str, query: str, parameters: Mapping[str, str] = MappingProxyType({})) -> str:
    values = dict(_VALUES_NOW)
    if "since" in parameters:
        values["since"] = f"(now() - interval '{default_window(parameters)}')"

    def current_value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ValueError(f"{name} cannot be a view: its parameter {match[1]} has no current value.")
        return values[match[1]]

    return _PARAMETER.sub(current_value, query).replace("%%", "%")
