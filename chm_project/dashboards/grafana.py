"""Build Grafana's boards from the shapes, with Grafana's SDK in the same release as the Grafana in docker compose."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import barchart, common, dashboard, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models

from chm_project.dashboards.boards import (
    BUSINESS,
    CHARTED_COLUMNS,
    DESCRIPTIONS,
    GOVERNANCE,
    OPERATIONS,
    ORANGE_RATE,
    RED_RATE,
    STATUS_COLOURS,
    PlacedShape,
    key_columns,
    parameter_literals,
    placed_shapes,
    sql_with_values,
)
from inventory.models import Environment, Platform
from runs.reporting.parameters import SHAPE_PARAMETERS
from runs.reporting.shapes import Shape, default_window

T = TypeVar("T")
P = TypeVar("P", table.Panel, barchart.Panel, timeseries.Panel)

BOARD_UIDS = {OPERATIONS: "chm-operations", BUSINESS: "chm-business", GOVERNANCE: "chm-governance"}
DATASOURCE = models.DataSourceRef(type_val="grafana-postgresql-datasource", uid="chm-reporting")
# Placeholder for links; docker/grafana/start.sh replaces it with the address of the installation.
CHM_URL = "http://localhost:8000"
# SQL for the choice "All". Grafana inserts this custom value unchanged, and quotes all others.
ALL_VALUE = "NULL"

# Properties of a column in tables and tooltips, by column name. The units are Grafana's names.
RATE_PROPERTIES = (("unit", "percentunit"), ("decimals", 1))
COLUMN_PROPERTIES: dict[str, tuple[tuple[str, object], ...]] = {
    "usual_gap_minutes": (("unit", "m"),),
    "late_minutes": (("unit", "m"),),
    "hours_since_success": (("unit", "h"),),
    "total_rows_30d": (("unit", "short"),),
    "avg_rows_per_run": (("unit", "short"),),
    "throughput_cv": (("decimals", 2),),
} | dict.fromkeys(("failure_rate", "failure_rate_7d", "failure_rate_30d", "success_rate"), RATE_PROPERTIES)
# The smallest values that are drawn in orange and in red, by column name.
COLOUR_THRESHOLDS: dict[str, tuple[float, float]] = {
    "late_minutes": (0, 60),
    "hours_since_success": (24, 72),
    "failed_in_a_row": (1, 3),
    "flips": (2, 6),
    "never_ingested": (1, 5),
    "stale": (1, 5),
    "failing_ingestion": (1, 5),
    "throughput_cv": (1, 2),
} | dict.fromkeys(("failure_rate", "failure_rate_7d", "failure_rate_30d"), (ORANGE_RATE, RED_RATE))
STATUS_COLUMNS = ("status_then", "status_now", "latest_status")
COLUMN_WIDTHS = {
    "error_message": 420,
    "cause": 420,
    "reason": 420,
    "last_error": 420,
    "client_name": 160,
    "platform": 110,
    "environment": 110,
}


class Query(Dataquery):
    """A query of Grafana's PostgreSQL data source, for which the SDK has no class."""

    def __init__(self, sql: str) -> None:
        self.sql = sql

    def to_json(self) -> dict[str, object]:
        return {
            "refId": "A", "datasource": DATASOURCE, "editorMode": "code", "format": "table", "rawQuery": True,
            "rawSql": self.sql,
        }  # fmt: skip


class Prebuilt(Builder[T]):
    """Wrap a finished value for methods of the SDK that accept only a builder."""

    def __init__(self, value: T) -> None:
        self.value = value

    def build(self) -> T:
        return self.value


def board_files() -> dict[str, str]:
    """Return the JSON text of each board, keyed by file name."""
    return {
        f"{uid}.json": json.dumps(build_dashboard(title), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
        for title, uid in BOARD_UIDS.items()
    }


def build_dashboard(title: str) -> models.Dashboard:
    parameters = {name for placed in placed_shapes(title) for name in placed.shape.parameters}
    builder = (
        dashboard.Dashboard(title)
        .uid(BOARD_UIDS[title])
        .description(DESCRIPTIONS[title])
        .tags(["chm"])
        .readonly()
        .timezone("utc")
        .week_start("monday")
        .refresh("1m")
        .time("now-7d", "now")
        .variables(variables("bucket" in parameters))
        .links([board_links()])
    )
    for panel_id, placed in enumerate(placed_shapes(title), 1):
        panel = PANEL_BUILDERS[placed.panel_kind](placed).build()
        panel.id_val = panel_id
        builder.with_panel(Prebuilt(panel))
    return builder.build()


def grafana_sql(shape: Shape) -> str:
    """Return the shape's SQL with Grafana's time range and variables in place of its parameters."""
    end = "$__timeTo()::timestamptz"
    return sql_with_values(shape, parameter_literals(shape) | {
        "as_of": end,
        # A board of the past excludes runs that happened after the range. If the range ends now, exclude no run.
        "state_at": f"CASE WHEN {end} < now() - interval '1 minute' THEN {end} ELSE 'infinity'::timestamptz END",
        # A shape without the parameter `until` reads its default window, not the start of Grafana's range.
        "since": "$__timeFrom()::timestamptz" if "until" in shape.parameters else _default_since(shape, end),
        "until": end,
        "bucket": "${bucket:sqlstring}",
        "client_id": "${client:sqlstring}",
        "platform": "${platform:sqlstring}",
        "environment": "${environment:sqlstring}",
    })  # fmt: skip


def _default_since(shape: Shape, end: str) -> str:
    return f"({end} - interval '{default_window(shape.parameters)}')" if "since" in shape.parameters else ""


def variables(has_bucket: bool) -> list[Builder[models.VariableModel]]:
    """Return the variables of a board: client, platform, environment, CHM's URL, and the bucket if a shape has one."""
    all_option = models.VariableOption(selected=True, text="All", value="$__all")
    client = (
        dashboard.QueryVariable("client")
        .label("Client")
        .datasource(DATASOURCE)
        .query("SELECT client_name AS __text, client_id::text AS __value FROM reporting.clients ORDER BY client_name")
        .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
        .include_all(True)
        .all_value(ALL_VALUE)
        .allow_custom_value(False)
        .current(all_option)
    )
    built = [client.build()]
    for name, values in (("platform", Platform.values), ("environment", Environment.values)):
        built.append(
            dashboard.CustomVariable(name)
            .label(name.capitalize())
            .values(",".join(values))
            .include_all(True)
            .all_value(ALL_VALUE)
            .allow_custom_value(False)
            .current(all_option)
            .build()
        )
    if has_bucket:
        bucket = SHAPE_PARAMETERS["bucket"]
        built.append(
            dashboard.CustomVariable("bucket")
            .label("Bucket")
            .values(",".join(bucket.choices))
            .allow_custom_value(False)
            .current(models.VariableOption(selected=True, text=bucket.default, value=bucket.default))
            .build()
        )
    chm_url = dashboard.ConstantVariable("chm_url").value(CHM_URL).build()
    chm_url.hide, chm_url.skip_url_sync = models.VariableHide.HIDE_VARIABLE, True
    for variable in (*built, chm_url):
        # Grafana's schema allows these fields only for interval variables.
        variable.auto = variable.auto_min = variable.auto_count = None
    return [Prebuilt(variable) for variable in (*built, chm_url)]


def board_links() -> Builder[models.DashboardLink]:
    return (
        dashboard.DashboardLink("CHM")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(["chm"])
        .include_vars(True)
        .keep_time(True)
    )


def _with_common_options(panel: P, placed: PlacedShape) -> P:
    shape = placed.shape
    return (
        panel.title(shape.question)
        .description(f"{shape.grain[0].upper()}{shape.grain[1:]}. Inventory: {shape.inventory}. Shape: {shape.name}.")
        .datasource(DATASOURCE)
        .with_target(Prebuilt[Dataquery](Query(grafana_sql(shape))))
        .span(placed.width)
        .height(placed.height)
        .no_value("Nothing")
    )


def table_panel(placed: PlacedShape) -> table.Panel:
    panel = (
        _with_common_options(table.Panel(), placed)
        .show_header(True)
        .filterable(True)
        .cell_height(options.TableCellHeight.SM)
    )
    hidden_columns, paths_by_column = key_columns(placed.shape), link_paths(placed.shape)
    for column in placed.shape.columns:
        properties: list[tuple[str, object]] = [
            ("displayName", column.name.replace("_", " ").capitalize()),
            *COLUMN_PROPERTIES.get(column.name, ()),
        ]
        if column.name in COLOUR_THRESHOLDS:
            properties += [
                ("thresholds", thresholds(*COLOUR_THRESHOLDS[column.name])),
                ("custom.cellOptions", {"type": "color-text"}),
            ]
        if column.name in STATUS_COLUMNS:
            properties += [
                ("mappings", [models.ValueMap({
                    status: models.ValueMappingResult(text=status, color=colour, index=index)
                    for index, (status, colour) in enumerate(STATUS_COLOURS.items())
                })]),
                ("custom.cellOptions", {"type": "color-text"}),
            ]  # fmt: skip
        if column.name in COLUMN_WIDTHS:
            properties.append(("custom.width", COLUMN_WIDTHS[column.name]))
        if column.name in hidden_columns:
            properties = [("custom.hidden", True)]
        if path := paths_by_column.get(column.name):
            properties.append(("links", [link_to_chm(path)]))
        if column.name == "source_url":
            properties.append(("links", [SOURCE_LINK]))
        panel.override_by_name(column.name, dynamic_values(properties))
    return panel


SOURCE_LINK = {"title": "Open at the source", "url": "${__value.raw}", "targetBlank": True}
# For each key column: its page in CHM, and the columns that can link to the page. The first one that the shape has
# gets the link.
LINKED_PAGES = {
    "client_id": ("console/client/{}/", ("client_name",)),
    "pipeline_id": ("console/pipeline/{}/", ("pipeline_name",)),
    "run_id": (
        "runs/run/{}/change/",
        ("error_message", "changed_at", "last_start_at", "last_run_at", "latest_status", "event_at"),
    ),
}


def link_paths(shape: Shape) -> dict[str, str]:
    """Return the path in CHM that the cells of each linked column open, keyed by column name.

    Grafana replaces the field in the path with the row's key. Columns without a link are left out.
    """
    names = [column.name for column in shape.columns]
    paths = {}
    for key in key_columns(shape):
        page, candidates = LINKED_PAGES[key]
        paths[next(name for name in candidates if name in names)] = page.format(f"${{__data.fields.{key}}}")
    return paths


def link_to_chm(path: str) -> dict[str, object]:
    return {"title": "Open in CHM", "url": f"${{chm_url}}/admin/{path}", "targetBlank": True}


def bar_chart(placed: PlacedShape) -> barchart.Panel:
    """Return a chart with a group of bars for each row. The label of a group is the first text column of the row."""
    text_columns = [column.name for column in placed.shape.columns if column.sql_type == "text"]
    panel = _bar_panel(placed).x_field(text_columns[0])
    charted = CHARTED_COLUMNS[placed.shape.name]
    for column in placed.shape.columns:
        if column.name in charted and column.name in COLOUR_THRESHOLDS:
            panel.override_by_name(column.name, dynamic_values([
                *COLUMN_PROPERTIES[column.name],
                ("thresholds", thresholds(*COLOUR_THRESHOLDS[column.name])),
                ("color", {"mode": "thresholds"}),
            ]))  # fmt: skip
        elif column.name not in (text_columns[0], *charted):
            panel.override_by_name(column.name, dynamic_values([
                *COLUMN_PROPERTIES.get(column.name, ()),
                ("custom.hideFrom", {"viz": True, "legend": True, "tooltip": False}),
            ]))  # fmt: skip
    return panel.x_tick_label_rotation(-45 if len(charted) == 1 and text_columns[0] == "client_name" else 0)


def stacked_bar_chart(placed: PlacedShape) -> barchart.Panel:
    """Return a chart of rows with a time, a name and a count: one bar for each time, with one part for each name."""
    time, name, count = (column.name for column in placed.shape.columns)
    matrix = {"columnField": name, "rowField": time, "valueField": count, "emptyValue": "zero"}
    panel = (
        _bar_panel(placed)
        .with_transformation(models.DataTransformerConfig(id_val="groupingToMatrix", options=matrix))
        .x_field(f"{time}\\{name}")
        .stacking(options.StackingMode.NORMAL)
        .override_by_name(f"{time}\\{name}", dynamic_values([("unit", "time:YYYY-MM-DD")]))
    )
    for status, colour in STATUS_COLOURS.items():
        panel.override_by_name(status, dynamic_values([("color", {"mode": "fixed", "fixedColor": colour})]))
    return panel


def histogram(placed: PlacedShape) -> barchart.Panel:
    """Return a bar chart of counts by bucket. Grafana's own histogram would count the rows again."""
    bucket, _ = (column.name for column in placed.shape.columns)
    values = parameter_literals(placed.shape)
    bucket_count, max_seconds = int(values["bucket_count"]), int(values["max_duration_seconds"])
    labels = {
        str(n): f"{_minutes(max_seconds * (n - 1) / bucket_count)}-{_minutes(max_seconds * n / bucket_count)}"
        for n in range(1, bucket_count + 1)
    }
    labels[str(bucket_count + 1)] = f"from {_minutes(max_seconds)}"
    bucket_to_text = {"conversions": [{"targetField": bucket, "destinationType": "string"}], "fields": {}}
    texts = {value: models.ValueMappingResult(text=f"{label} min") for value, label in labels.items()}
    return (
        _bar_panel(placed)
        .with_transformation(models.DataTransformerConfig(id_val="convertFieldType", options=bucket_to_text))
        .x_field(bucket)
        .group_width(0.95)
        .x_tick_label_rotation(-45)
        .override_by_name(bucket, dynamic_values([("mappings", [models.ValueMap(texts)])]))
    )


def line_chart(placed: PlacedShape) -> timeseries.Panel:
    """Return a chart of rows with a name and a time: one line for each name."""
    name = next(column.name for column in placed.shape.columns if column.sql_type == "text")
    time = next(column.name for column in placed.shape.columns if column.sql_type in {"date", "timestamptz"})
    charted = CHARTED_COLUMNS[placed.shape.name]
    visible_fields = {"include": {"names": [name, time, *charted]}}
    line_per_name = {"fields": [name], "keepFields": False, "naming": {"asLabels": True}}
    return (
        _with_common_options(timeseries.Panel(), placed)
        .with_transformation(models.DataTransformerConfig(id_val="filterFieldsByName", options=visible_fields))
        .with_transformation(models.DataTransformerConfig(id_val="partitionByValues", options=line_per_name))
        .display_name(f"${{__field.labels.{name}}}")
        .unit("percentunit")
        .min(0)
        .max(1)
        .show_points(options.VisibilityMode.ALWAYS)
        .line_width(2)
        .legend(_legend())
    )


def time_series(placed: PlacedShape) -> timeseries.Panel:
    """Return a chart with a bar for each bucket. A line would also connect buckets with a gap between them."""
    return (
        _with_common_options(timeseries.Panel(), placed)
        .draw_style(options.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .unit("short")
        .min(0)
        .decimals(0)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.FIXED).fixed_color("red"))
        .legend(common.VizLegendOptions().show_legend(False))
    )


PANEL_BUILDERS: dict[str, Callable[[PlacedShape], Builder[models.Panel]]] = {
    "table": table_panel,
    "bar chart": bar_chart,
    "stacked bar chart": stacked_bar_chart,
    "histogram": histogram,
    "line chart": line_chart,
    "time series": time_series,
}


def _bar_panel(placed: PlacedShape) -> barchart.Panel:
    return _with_common_options(barchart.Panel(), placed).min(0).fill_opacity(80).group_width(0.8).legend(_legend())


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.BOTTOM)
        .calcs([])
    )


def thresholds(orange_from: float, red_from: float) -> models.ThresholdsConfig:
    return models.ThresholdsConfig(
        mode=models.ThresholdsMode.ABSOLUTE,
        steps=[
            models.Threshold(value=None, color="green"),
            models.Threshold(value=orange_from, color="orange"),
            models.Threshold(value=red_from, color="red"),
        ],
    )


def dynamic_values(properties: Sequence[tuple[str, Any]]) -> list[models.DynamicConfigValue]:
    return [models.DynamicConfigValue(id_val=name, value=value) for name, value in properties]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g}"
