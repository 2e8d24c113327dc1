"""Read the files of the schema `reporting`: views, shapes, and SQL fragments for both.

Each app may have a folder `reporting/` with
  views/NAME.sql      a header that describes the view reporting.NAME and its columns, then the query of the view
  shapes/NAME.sql     a header, then a query with named parameters; with `View` in the header it is also a view
  fragments/NAME.sql  a comment that explains its table aliases, then SQL that views and shapes include as {NAME}

A fragment uses the state of each run at the time `state_at`. {NAME@since} inserts the fragment with `since` in place
of `state_at`. Example: {decisive_run} is the latest decisive run, and {decisive_run@since} the latest
one at the time `since`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

from django.apps import apps

TYPES = ("text", "integer", "numeric", "timestamptz", "date", "uuid", "boolean")
_VIEW_COLUMN = re.compile(r"--   (\w+) +(\S.*)")
_SHAPE_COLUMN = re.compile(r"--   (\w+) +(\w+)(\??) +(\S.*)")
_HEADING = re.compile(r"-- (\w+) *(.*)")
_FRAGMENT = re.compile(r"\{([a-z][a-z0-9_]*)(?:@([a-z_]+))?\}")
# The default length of a shape's window.
DEFAULT_WINDOW = "7 days"


@dataclass(frozen=True, slots=True)
class ViewFile:
    """A view from its file; `columns` maps each column to its comment."""

    name: str
    comment: str
    columns: dict[str, str]
    query: str


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    sql_type: str
    nullable: bool
    description: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A report. `parameters` maps the parameters in its header to their defaults.

    All reports have some more parameters: COMMON_PARAMETERS in runs/reporting/parameters.py.

    If a default is empty, the default in runs/reporting/parameters.py applies. `inventory` says which pipelines the
    report includes, for example "active". `panel` names its boards and the kind of chart, such as "Operations: table".
    """

    name: str
    question: str
    grain: str
    inventory: str
    panel: str
    view: str
    parameters: dict[str, str]
    columns: tuple[Column, ...]
    notes: str
    body: str

    @property
    def sql(self) -> str:
        """Return the query with expanded fragments and psycopg's named placeholders."""
        return expanded(self.body, fragments())


def parse_view(name: str, text: str) -> ViewFile:
    header, body = _header_and_query(text)
    comment, columns = [], {}
    for line in header:
        if column := _VIEW_COLUMN.fullmatch(line):
            columns[column[1]] = column[2]
        else:
            comment.append(line[2:].strip())
    return ViewFile(name, " ".join(comment), columns, body)


def parse_shape(name: str, text: str) -> Shape:
    """Return the shape of a file; raise ValueError for an incomplete header."""
    header: dict[str, str] = {}
    columns: list[Column] = []
    notes: list[str] = []
    lines, body = _header_and_query(text)
    heading = ""
    for line in lines:
        if field := _SHAPE_COLUMN.fullmatch(line):
            columns.append(Column(field[1], field[2], bool(field[3]), field[4]))
        elif line.startswith("--    ") and columns:
            last = columns.pop()
            columns.append(Column(last.name, last.sql_type, last.nullable, f"{last.description} {line[2:].strip()}"))
        elif heading == "Columns":
            notes.append(line[2:].strip())
        elif match := _HEADING.fullmatch(line):
            heading = match[1]
            header[heading] = match[2]
    missing = {"Question", "Grain", "Inventory", "Panel", "Parameters", "Columns"} - set(header)
    if missing or not columns:
        raise ValueError(f"The header of the shape {name} is not complete: {', '.join(sorted(missing)) or 'columns'}.")
    for column in columns:
        if column.sql_type not in TYPES:
            raise ValueError(
                f"The column {column.name} of the shape {name} has the type {column.sql_type}. Use one of: "
                f"{', '.join(TYPES)}."
            )
    parameters = {}
    for parameter in filter(None, (part.strip() for part in header["Parameters"].split(","))):
        parameter_name, _, default = parameter.partition(" = ")
        parameters[parameter_name] = default
    return Shape(
        name=name,
        question=header["Question"],
        grain=header["Grain"],
        inventory=header["Inventory"],
        panel=header["Panel"],
        view=header.get("View", ""),
        parameters=parameters,
        columns=tuple(columns),
        # The notes follow the columns, after an empty comment line. Documents and the API show their first paragraph.
        # Later paragraphs are for readers of the SQL.
        notes=" ".join(takewhile(bool, notes[1:])),
        body=body,
    )


def view_files() -> list[ViewFile]:
    return [parse_view(file.stem, file.read_text()) for file in _files("views")]


@cache
def shapes() -> dict[str, Shape]:
    """Return all shapes by name, sorted."""
    return {file.stem: parse_shape(file.stem, file.read_text()) for file in _files("shapes")}


@cache
def fragments() -> dict[str, str]:
    """Return all fragments by name; a fragment can include others."""
    return {file.stem: _header_and_query(file.read_text())[1] for file in _files("fragments")}


def expanded(sql: str, fragment_sql: dict[str, str]) -> str:
    """Return `sql` with each {name} replaced by its fragment; raise ValueError for an unknown fragment."""

    def replace_fragment(match: re.Match[str]) -> str:
        name, time_parameter = match.groups()
        if name not in fragment_sql:
            raise ValueError(f"{match[0]} is not a fragment. Known: {', '.join(sorted(fragment_sql))}.")
        text = expanded(fragment_sql[name], fragment_sql)
        if time_parameter:
            text = text.replace("%(state_at)s", f"%({time_parameter})s")
        # Indent all lines of the fragment like the line that names it.
        line = sql[sql.rfind("\n", 0, match.start()) + 1 : match.start()]
        return text.replace("\n", "\n" + " " * (len(line) - len(line.lstrip())))

    return _FRAGMENT.sub(replace_fragment, sql)


def default_window(parameters: Mapping[str, str]) -> str:
    """Return the default length of the window as an interval, such as "24 hours"."""
    match = re.match(r"\d+ (?:hours|days)", parameters["since"] or DEFAULT_WINDOW)
    if match is None:
        raise ValueError(f"The default of since must begin like {DEFAULT_WINDOW!r}, not {parameters['since']!r}.")
    return match[0]


def _header_and_query(text: str) -> tuple[list[str], str]:
    """Return the lines of the header, and the query."""
    lines = text.splitlines()
    query_line = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return lines[:query_line], "\n".join(lines[query_line:])


def _files(folder: str) -> list[Path]:
    """Return the files in this folder of all apps, sorted by name. Raise ValueError if two files have the same name."""
    files = [file for app in apps.get_app_configs() for file in Path(app.path, "reporting", folder).glob("*.sql")]
    file_by_name: dict[str, Path] = {}
    for file in files:
        if other := file_by_name.get(file.stem):
            raise ValueError(f"Two files of the schema reporting have the same name: {other} and {file}.")
        file_by_name[file.stem] = file
    return [file_by_name[name] for name in sorted(file_by_name)]
