"""The registry of shapes: one .sql file each, in the folder reporting/shapes of the app that knows its subject."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.apps import apps

# Written {in_scope} in a shape: what the caller restricts the inventory (p) to; null does not restrict.
IN_SCOPE = (
    "(%(client_id)s::uuid IS NULL OR p.client_id = %(client_id)s::uuid)"
    " AND (%(platform)s::text IS NULL OR p.platform = %(platform)s)"
    " AND (%(environment)s::text IS NULL OR p.environment = %(environment)s)"
)
# Written {run_in_scope} where the inventory is wanted for nothing else: without a restriction, no run meets a join.
RUN_IN_SCOPE = (
    "((%(client_id)s::uuid IS NULL AND %(platform)s::text IS NULL AND %(environment)s::text IS NULL)"  # noqa: S608
    f" OR r.pipeline_id IN (SELECT p.pipeline_id FROM reporting.pipelines AS p WHERE {IN_SCOPE}))"
)
TYPES = ("text", "integer", "numeric", "timestamptz", "date", "uuid")
_FIELD = re.compile(r"--   (\w+) +(\w+)(\??) +(\S.*)")
_HEADING = re.compile(r"-- (\w+) *(.*)")


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    sql_type: str
    nullable: bool
    description: str


@dataclass(frozen=True, slots=True)
class Shape:
    """`parameters` maps the shape's own parameters to their defaults, empty where the parameter's usual one holds."""

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
        """With named placeholders in psycopg's form."""
        return self.body.replace("{in_scope}", IN_SCOPE).replace("{run_in_scope}", RUN_IN_SCOPE)


def parse(name: str, text: str) -> Shape:
    """Raises ValueError for a header that does not say everything."""
    header: dict[str, str] = {}
    columns: list[Column] = []
    notes: list[str] = []
    lines = text.splitlines()
    body_at = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    heading = ""
    for line in lines[:body_at]:
        if field := _FIELD.fullmatch(line):
            columns.append(Column(field[1], field[2], bool(field[3]), field[4]))
        elif line.startswith("--    ") and columns:
            last = columns.pop()
            columns.append(Column(last.name, last.sql_type, last.nullable, f"{last.description} {line[2:].strip()}"))
        elif heading == "Columns":
            notes.append(line[2:].strip())
        elif found := _HEADING.fullmatch(line):
            heading = found[1]
            header[heading] = found[2]
    missing = {"Question", "Grain", "Inventory", "Panel", "Parameters", "Columns"} - set(header)
    if missing or not columns or any(column.sql_type not in TYPES for column in columns):
        raise ValueError(f"The header of the shape {name} is not complete: {', '.join(sorted(missing)) or 'columns'}.")
    parameters = {}
    for parameter in filter(None, (part.strip() for part in header["Parameters"].split(","))):
        own, _, default = parameter.partition(" = ")
        parameters[own] = default
    return Shape(
        name=name,
        question=header["Question"],
        grain=header["Grain"],
        inventory=header["Inventory"],
        panel=header["Panel"],
        view=header.get("View", ""),
        parameters=parameters,
        columns=tuple(columns),
        notes=" ".join(notes).strip(),
        body="\n".join(lines[body_at:]),
    )


@cache
def shapes() -> dict[str, Shape]:
    """All of them by name."""
    files = [file for app in apps.get_app_configs() for file in shape_files(Path(app.path))]
    return {file.stem: parse(file.stem, file.read_text()) for file in sorted(files, key=lambda file: file.stem)}


def shape_files(app: Path) -> list[Path]:
    return sorted((app / "reporting" / "shapes").glob("*.sql"))
