"""Replace the variables in a board's query, as Grafana 11.6 and Metabase do: for tests, and to draw the boards.

Grafana first replaces variables in the browser. `${name:sqlstring}` is quoted; the custom value for "All" is not. Then
its server replaces macros such as `$__timeFrom()`, and refuses unknown ones.

Metabase removes an optional clause `[[ ... ]]` if a tag `{{ ... }}` in it has no value. It sends the values of tags as
parameters of the query and never as part of the SQL.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_VARIABLE = re.compile(r"\$(?P<plain>\w+)\b(?!\()|\$\{(?P<name>\w+)(?::(?P<format>\w+))?\}")
_MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")
_CLAUSE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_TAG = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def expand_for_grafana(
    sql: str, board: Mapping[str, Any], start: datetime, end: datetime, selected: Mapping[str, str]
) -> str:
    """Return the SQL that Grafana sends. A variable that is not in `selected` has its initial value."""
    variables_by_name = {variable["name"]: variable for variable in board["templating"]["list"]}

    def replace_variable(match: re.Match[str]) -> str:
        name = match["plain"] or match["name"]
        if name not in variables_by_name:
            return match[0]
        value = selected.get(
            name, variables_by_name[name].get("current", {}).get("value", variables_by_name[name]["query"])
        )
        if value == "$__all":
            return str(variables_by_name[name]["allValue"])
        if match["format"] != "sqlstring":
            raise ValueError(f"${name} is not quoted.")
        return "'" + str(value).replace("'", "''").replace('"', '\\"') + "'"

    def replace_macro(match: re.Match[str]) -> str:
        macro_values = {"__timeFrom": start, "__timeTo": end}
        if match[1] not in macro_values or match[2].strip():
            raise ValueError(f"The macro {match[0]} is not among those that the boards use.")
        return f"'{macro_values[match[1]].astimezone(UTC).isoformat().replace('+00:00', 'Z')}'"

    return _MACRO.sub(replace_macro, _VARIABLE.sub(replace_variable, sql))


def expand_for_metabase(sql: str, tags: Mapping[str, Any], values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the SQL that Metabase sends, with psycopg's placeholders, and the values of the placeholders.

    `tags` are the definitions of the tags. Raise ValueError if a tag has no definition, or a required tag no value.
    """
    tags_of_query = set(_TAG.findall(sql))
    if tags_of_query - set(tags):
        raise ValueError(f"Tags without a definition: {tags_of_query - set(tags)}")
    sql_with_escaped_percent = sql.replace("%", "%%")

    def replace_clause(match: re.Match[str]) -> str:
        return match[1] if all(name in values for name in _TAG.findall(match[1])) else ""

    remaining = _CLAUSE.sub(replace_clause, sql_with_escaped_percent)
    if missing := set(_TAG.findall(remaining)) - set(values):
        raise ValueError(f"Cannot run the query: missing required parameters: {missing}")
    # Metabase's driver sends texts as varchar. Without the cast, PostgreSQL would derive the type from the query.
    return _TAG.sub(r"%(\1)s::varchar", remaining), {name: values[name] for name in _TAG.findall(remaining)}
