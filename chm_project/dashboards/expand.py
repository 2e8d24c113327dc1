"""Expand a board's query like Grafana 11.6 and Metabase do, for tests and pictures.

Grafana: the page first replaces the variables (`${name:sqlstring}` quotes; a custom value for "All" is not quoted).
Then the server replaces each macro `$name(...)` and refuses unknown macros. Metabase: an optional clause `[[ ... ]]`
is removed if one of its tags has no value, and each tag becomes a parameter of the driver, never text.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_VARIABLE = re.compile(r"\$(?P<plain>\w+)\b(?!\()|\$\{(?P<name>\w+)(?::(?P<format>\w+))?\}")
_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_CLAUSE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_TAG = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def grafana(sql: str, board: Mapping[str, Any], start: datetime, end: datetime, chosen: Mapping[str, str]) -> str:
    """Return the SQL that Grafana sends. Variables of the board that are not in `chosen` have their initial value."""
    known = {variable["name"]: variable for variable in board["templating"]["list"]}

    def variable(match: re.Match[str]) -> str:
        name = match["plain"] or match["name"]
        if name not in known:
            return match[0]
        value = chosen.get(name, known[name].get("current", {}).get("value", known[name]["query"]))
        if value == "$__all":
            return str(known[name]["allValue"])
        if match["format"] != "sqlstring":
            raise ValueError(f"${name} is not quoted.")
        return "'" + str(value).replace("'", "''").replace('"', '\\"') + "'"

    def macro(match: re.Match[str]) -> str:
        moments = {"__timeFrom": start, "__timeTo": end}
        if match[1] not in moments or match[2].strip():
            raise ValueError(f"Not a macro of these boards: {match[0]}")
        return f"'{moments[match[1]].astimezone(UTC).isoformat().replace('+00:00', 'Z')}'"

    return _MACRO.sub(macro, _VARIABLE.sub(variable, sql))


def metabase(sql: str, tags: Mapping[str, Any], values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the SQL with psycopg's placeholders, and the values for them."""
    tags_of_query = set(_TAG.findall(sql))
    if tags_of_query - set(tags):
        raise ValueError(f"Tags without a definition: {tags_of_query - set(tags)}")
    escaped = sql.replace("%", "%%")

    def clause(match: re.Match[str]) -> str:
        return match[1] if all(name in values for name in _TAG.findall(match[1])) else ""

    remaining = _CLAUSE.sub(clause, escaped)
    if missing := set(_TAG.findall(remaining)) - set(values):
        raise ValueError(f"Cannot run the query: missing required parameters: {missing}")
    # The driver sends a text as varchar; psycopg would leave the type to the server.
    return _TAG.sub(r"%(\1)s::varchar", remaining), {name: values[name] for name in _TAG.findall(remaining)}
