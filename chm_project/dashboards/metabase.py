"""Build the data of Metabase's models, questions and boards from shapes and views, for docker/metabase/provision.py."""

import json
import uuid
from typing import Any

from django.db import connection

from chm_project.dashboards.boards import (
    BUSINESS,
    CHARTED_COLUMNS,
    DESCRIPTIONS,
    GOVERNANCE,
    STATUS_COLOURS,
    PlacedShape,
    parameter_literals,
    placed_shapes,
    sql_with_values,
)
from inventory.models import Environment, Platform
from runs.reporting.shapes import Shape, default_window

BOARDS = (BUSINESS, GOVERNANCE)
# Names of the models in Metabase, keyed by view. Users build their own questions on models.
MODEL_NAMES = {
    "clients": "Clients",
    "pipelines": "Pipelines",
    "run_facts": "Runs",
    "latest_runs": "Latest runs",
    "current_failures": "Current failures",
}
BASE_TYPES = {
    "uuid": "type/UUID", "boolean": "type/Boolean", "integer": "type/Integer", "bigint": "type/BigInteger",
    "numeric": "type/Decimal", "date": "type/Date", "timestamp with time zone": "type/DateTimeWithLocalTZ",
    "interval": "type/*", "double precision": "type/Float",
}  # fmt: skip
FILTER_LABELS = {"client": "Client", "platform": "Platform", "environment": "Environment", "as_of": "As of (ISO time)"}
COLOURS = {"green": "#84BB4C", "red": "#EF8C8C", "blue": "#509EE3", "orange": "#F9CF48", "text": "#949AAB"}
STATUS_COLUMNS = ("status_then", "status_now", "latest_status")
RATE_COLUMNS = ("failure_rate", "failure_rate_7d", "failure_rate_30d", "success_rate")
# Ids are derived from this namespace, so that generating the file again creates the same ids.
NAMESPACE = uuid.UUID("6f1c3c1e-6f0e-5d0a-9a55-1d0c5f4b7a10")

# SQL of each parameter. If a filter is empty, Metabase removes the clause in [[ ]], and coalesce(default) remains.
_AS_OF = "coalesce([[{{as_of}}::timestamptz, ]]now())"
PARAMETER_SQL = {
    "as_of": _AS_OF,
    "state_at": "coalesce([[{{as_of}}::timestamptz, ]]'infinity'::timestamptz)",
    "until": _AS_OF,
    # An unknown client name must match no row; NULL would match all rows.
    "client_id": (
        "coalesce([[(SELECT c.client_id FROM reporting.clients AS c WHERE c.client_name = {{client}}), "
        "'00000000-0000-0000-0000-000000000000'::uuid, ]]NULL)"
    ),
    "platform": "coalesce([[{{platform}}, ]]NULL)",
    "environment": "coalesce([[{{environment}}, ]]NULL)",
}


def boards_file() -> str:
    """Return all data for provision.py as JSON.

    The database must be migrated, because the comments on its views describe the models.
    """
    content = {
        "collection": {
            "name": "CHM",
            "description": "The boards of CHM, created by provision.py, which overwrites changes made here.",
        },
        "database": "CHM",
        "models": [model(view, name) for view, name in MODEL_NAMES.items()],
        "questions": list(
            {placed.shape.name: question(placed) for title in BOARDS for placed in placed_shapes(title)}.values()
        ),
        "dashboards": [dashboard(title) for title in BOARDS],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def model(view: str, name: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.attname, format_type(a.atttypid, NULL), col_description(a.attrelid, a.attnum),"
            " obj_description(a.attrelid, 'pg_class') FROM pg_attribute AS a"
            " WHERE a.attrelid = %s::regclass AND a.attnum > 0 ORDER BY a.attnum",
            [f"reporting.{view}"],
        )
        rows = cursor.fetchall()
    columns = [
        {
            "name": column,
            "display_name": column.replace("_", " ").capitalize(),
            "description": description,
            "base_type": (base_type := BASE_TYPES.get(sql_type, "type/Text")),
            "effective_type": base_type,
            "semantic_type": "type/PK" if column == primary_key(view) else None,
            "field_ref": ["field", column, {"base-type": base_type}],
        }
        for column, sql_type, description, _ in rows
    ]
    names = ", ".join(str(column["name"]) for column in columns)
    return {
        "name": name,
        "description": rows[0][3],
        "sql": f"SELECT {names}\nFROM reporting.{view}",
        "columns": columns,
    }


def primary_key(view: str) -> str:
    """Return the column whose value is different in each row of the view."""
    return {"clients": "client_id", "run_facts": "run_id"}.get(view, "pipeline_id")


def question(placed: PlacedShape) -> dict[str, Any]:
    shape = placed.shape
    return {
        "name": shape.question,
        "shape": shape.name,
        "description": f"{shape.grain[0].upper()}{shape.grain[1:]}. Inventory: {shape.inventory}.",
        "sql": metabase_sql(shape),
        "tags": {
            name: tag(name, label) for name, label in FILTER_LABELS.items() if f"{{{{{name}}}}}" in metabase_sql(shape)
        },
        **display_settings(placed),
    }


def metabase_sql(shape: Shape) -> str:
    since = f"({_AS_OF} - interval '{default_window(shape.parameters)}')" if "since" in shape.parameters else ""
    return sql_with_values(shape, parameter_literals(shape) | PARAMETER_SQL | {"since": since})


def tag(name: str, label: str) -> dict[str, Any]:
    return {"id": str(uuid.uuid5(NAMESPACE, name)), "name": name, "display-name": label, "type": "text"}


def display_settings(placed: PlacedShape) -> dict[str, Any]:
    """Return `display` and `visualization_settings` of a question."""
    shape = placed.shape
    names = [column.name for column in shape.columns]
    settings: dict[str, Any] = {
        "column_settings": {
            json.dumps(["name", name], separators=(",", ":")): {"number_style": "percent", "decimals": 1}
            for name in names
            if name in RATE_COLUMNS
        }
    }
    if placed.panel_kind == "table":
        settings["table.column_formatting"] = [
            {"columns": [name], "type": "single", "operator": "=", "value": status, "color": COLOURS[colour],
             "highlight_row": False}
            for name in names if name in STATUS_COLUMNS for status, colour in STATUS_COLOURS.items()
        ]  # fmt: skip
        return {"display": "table", "visualization_settings": settings}
    settings["graph.metrics"] = list(CHARTED_COLUMNS[shape.name])
    settings["graph.dimensions"] = [next(column.name for column in shape.columns if column.sql_type == "text")]
    if placed.panel_kind == "stacked bar chart":
        settings["graph.dimensions"] = names[:2]
        settings["stackable.stack_type"] = "stacked"
        settings["series_settings"] = {status: {"color": COLOURS[colour]} for status, colour in STATUS_COLOURS.items()}
    if placed.panel_kind == "line chart":
        settings["graph.dimensions"] = ["week_start", "client_name"]
    return {"display": "line" if placed.panel_kind == "line chart" else "bar", "visualization_settings": settings}


def dashboard(title: str) -> dict[str, Any]:
    cards: list[dict[str, Any]] = []
    grid_row = column = height = 0
    for placed in placed_shapes(title):
        if column + placed.width > 24:
            grid_row, column, height = grid_row + height, 0, 0
        cards.append({"question": placed.shape.question, "tags": list(question(placed)["tags"]), "row": grid_row,
                      "col": column, "size_x": placed.width, "size_y": placed.height})  # fmt: skip
        column, height = column + placed.width, max(height, placed.height)
    return {"name": title, "description": DESCRIPTIONS[title], "parameters": parameters(), "cards": cards}


def parameters() -> list[dict[str, Any]]:
    """Return the filters of a board. provision.py replaces the name of a model by its id in Metabase."""
    sources: dict[str, dict[str, Any]] = {
        "client": {
            "values_query_type": "list",
            "values_source_type": "card",
            "values_source_config": {
                "model": MODEL_NAMES["clients"],
                "value_field": ["field", "client_name", {"base-type": "type/Text"}],
            },
        },
        "as_of": {"values_query_type": "none"},
    }
    for name, values in (("platform", Platform.values), ("environment", Environment.values)):
        sources[name] = {
            "values_query_type": "list",
            "values_source_type": "static-list",
            "values_source_config": {"values": list(values)},
        }
    # Not isMultiSelect, because the SQL compares with one value.
    return [
        {"id": uuid.uuid5(NAMESPACE, f"parameter {name}").hex[:8], "name": label, "slug": name, "type": "string/=",
         "sectionId": "string", "isMultiSelect": False, **sources[name]}
        for name, label in FILTER_LABELS.items()
    ]  # fmt: skip
