"""The SQL that migrations run for the schema `reporting`: views from .sql files, every column commented."""

import re
from pathlib import Path

from runs.reporting.shapes import parse, shape_files

_COLUMN = re.compile(r"--   (\w+) +(\S.*)")
# In place of a shape's parameters: the view shows what holds now, for all of the inventory.
_NOW = {
    "{in_scope}": "true",
    "{run_in_scope}": "true",
    "%(client_id)s": "NULL",
    "%(as_of)s": "now()",
    "%(since)s": "(now() - interval '7 days')",
    "%(until)s": "now()",
}


def create_views(app: Path) -> tuple[str, ...]:
    """Statements for the views of an app: those of its files, then those of its shapes that name one."""
    statements: list[str] = []
    for file in sorted((app / "reporting" / "views").glob("*.sql")):
        statements += _view(file.stem.partition("_")[2], file.read_text())
    for file in shape_files(app):
        shape = parse(file.stem, file.read_text())
        if shape.view:
            statements += _shape_view(shape.view, file.stem, file.read_text())
    return tuple(statements)


def drop_views(app: Path) -> tuple[str, ...]:
    names = [file.stem.partition("_")[2] for file in sorted((app / "reporting" / "views").glob("*.sql"))]
    names += [shape.view for file in shape_files(app) if (shape := parse(file.stem, file.read_text())).view]
    return tuple(f"DROP VIEW reporting.{name}" for name in reversed(names))


def _view(name: str, text: str) -> list[str]:
    lines = text.splitlines()
    body_at = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    purpose, columns = [], {}
    for line in lines[:body_at]:
        if column := _COLUMN.fullmatch(line):
            columns[column[1]] = column[2]
        else:
            purpose.append(line[2:].strip())
    return ["\n".join(lines[body_at:]), *_comments(name, " ".join(purpose), columns)]


def _shape_view(view: str, name: str, text: str) -> list[str]:
    shape = parse(name, text)
    body = shape.body
    for placeholder, value in _NOW.items():
        body = body.replace(placeholder, value)
    columns = {column.name: column.description for column in shape.columns}
    purpose = f"{shape.question} The shape {name} as of now: {shape.grain}."
    return [f"CREATE VIEW reporting.{view} AS\n{body}", *_comments(view, purpose, columns)]


def _comments(view: str, purpose: str, columns: dict[str, str]) -> list[str]:
    return [
        f"COMMENT ON VIEW reporting.{view} IS {_quoted(purpose)}",
        *(f"COMMENT ON COLUMN reporting.{view}.{name} IS {_quoted(text)}" for name, text in columns.items()),
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
