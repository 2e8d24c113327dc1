"""Draw pictures of Grafana's boards for the documents. The rows come from the boards' queries, without Grafana."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl
from django.db import connection
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chm_project.dashboards.boards import CHARTED_COLUMNS, LAYOUT, ORANGE_RATE, RED_RATE, STATUS_COLOURS
from chm_project.dashboards.expand import expand_for_grafana

# Agg writes files and needs no display.
mpl.use("Agg")

COLUMN_INCHES, ROW_INCHES, TOP_INCHES = 0.72, 0.36, 0.55
BACKGROUND, PANEL_BACKGROUND, TEXT_COLOUR, DIM_TEXT_COLOUR, LINE_COLOUR = (
    "#111217",
    "#181b1f",
    "#ccccdc",
    "#8e8e9c",
    "#2c3235",
)
COLOURS = {"green": "#73bf69", "red": "#f2495c", "blue": "#5794f2", "orange": "#ff9830", "text": "#8e8e9c"}
SERIES_COLOURS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#fade2a")
RATE_COLUMNS = ("failure_rate", "failure_rate_7d", "failure_rate_30d", "success_rate")
# A line chart shows only this many clients, the first by name.
MAX_CLIENTS = 12
LINE_HEIGHT = 0.78  # height of a table's line, in rows of the grid

Rows = list[dict[str, Any]]


def draw_board(board: dict[str, Any], now: datetime, path: Path) -> None:
    """Draw the board to a PNG file: the last seven days until `now`, with "All" selected in each variable."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    figure = Figure(figsize=(24 * COLUMN_INCHES, height * ROW_INCHES + TOP_INCHES), facecolor=BACKGROUND)
    inches = figure.get_size_inches()
    figure.text(0.005, 1 - 0.25 / inches[1], board["title"], color=TEXT_COLOUR, size=15, weight="bold", va="center")
    subtitle = f"a rendering of the board's queries, {now:%Y-%m-%d %H:%M} UTC, last 7 days, all clients"
    figure.text(0.995, 1 - 0.25 / inches[1], subtitle, color=DIM_TEXT_COLOUR, size=9, va="center", ha="right")
    for panel, (name, _, _) in zip(board["panels"], LAYOUT[board["title"]], strict=True):
        grid_position = panel["gridPos"]
        left, width = grid_position["x"] / 24, grid_position["w"] / 24
        top = 1 - (TOP_INCHES + grid_position["y"] * ROW_INCHES) / inches[1]
        panel_height = grid_position["h"] * ROW_INCHES / inches[1]
        frame = figure.add_axes(
            (left + 0.003, top - panel_height + 0.003, width - 0.006, panel_height - 0.006), facecolor=PANEL_BACKGROUND
        )
        hide_axes(frame)
        frame.set_title(
            panel["title"],
            color=TEXT_COLOUR,
            size=10,
            loc="left",
            y=1 - 0.3 / (grid_position["h"] * ROW_INCHES),
            x=0.01,
        )
        rows = run_query(expand_for_grafana(panel["targets"][0]["rawSql"], board, now - timedelta(days=7), now, {}))
        if not rows:
            frame.text(0.5, 0.5, panel["fieldConfig"]["defaults"]["noValue"], color=DIM_TEXT_COLOUR, ha="center")
        elif panel["type"] == "table":
            draw_table(frame, panel, rows, grid_position)
        else:
            chart_area = (
                left + 0.035,
                top - panel_height + 0.22 * panel_height + 0.004,
                width - 0.045,
                0.64 * panel_height,
            )
            draw_chart(figure.add_axes(chart_area, facecolor=PANEL_BACKGROUND), name, rows)
    # Leave out the version of matplotlib, because each new version would change the file.
    figure.savefig(path, dpi=70, facecolor=BACKGROUND, metadata={"Software": None})


def run_query(sql: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def draw_table(axes: Axes, panel: dict[str, Any], rows: Rows, grid_position: dict[str, int]) -> None:
    overrides: dict[str, dict[str, Any]] = {
        override["matcher"]["options"]: {item["id"]: item["value"] for item in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }
    names = [name for name in rows[0] if not overrides[name].get("custom.hidden")]
    max_rows = int(grid_position["h"] / LINE_HEIGHT) - 2
    visible_rows = rows[:max_rows]
    widths = [3 if name in {"error_message", "last_error"} else 1.5 if name.endswith("_name") else 1 for name in names]

    def y_of_line(line: int) -> float:
        return 1 - (1.3 + line * LINE_HEIGHT) / grid_position["h"]

    left = 0.01
    for name, width in zip(names, widths, strict=True):
        column_width = 0.98 * width / sum(widths)
        max_characters = int(column_width * grid_position["w"] * COLUMN_INCHES * 12.5)
        axes.text(
            left, y_of_line(0), overrides[name]["displayName"][:max_characters], color="#6e9fff", size=8, va="center"
        )
        for row_number, row in enumerate(visible_rows, 1):
            text, colour = cell_text_and_colour(name, row[name], overrides[name].get("thresholds"))
            axes.text(left, y_of_line(row_number), text[:max_characters], color=colour, size=8, va="center")
        left += column_width
    for row_number in range(len(visible_rows) + 1):
        axes.axhline(y_of_line(row_number) - LINE_HEIGHT / 2 / grid_position["h"], color=LINE_COLOUR, linewidth=0.6)
    if len(rows) > len(visible_rows):
        axes.text(
            0.99,
            0.02,
            f"{len(visible_rows)} of {len(rows)} rows",
            color=DIM_TEXT_COLOUR,
            size=7,
            ha="right",
            va="bottom",
        )


def cell_text_and_colour(name: str, value: Any, thresholds: dict[str, Any] | None) -> tuple[str, str]:
    if value is None:
        return "", TEXT_COLOUR
    colour = COLOURS.get(STATUS_COLOURS.get(str(value), ""), TEXT_COLOUR)
    for step in thresholds["steps"] if thresholds else ():
        if step["value"] is None or float(value) >= step["value"]:
            colour = COLOURS[step["color"]]
    if name in RATE_COLUMNS:
        return f"{float(value):.1%}", colour
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value), colour


def rate_colour(rate: float) -> str:
    return COLOURS["red" if rate >= RED_RATE else "orange" if rate >= ORANGE_RATE else "green"]


def draw_chart(axes: Axes, name: str, rows: Rows) -> None:
    axes.tick_params(colors=DIM_TEXT_COLOUR, labelsize=7, length=0)
    axes.grid(axis="y", color=LINE_COLOUR, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    columns, charted_columns = list(rows[0]), CHARTED_COLUMNS[name]
    if name in {"weekly_status_mix", "weekly_success_by_client"}:
        draw_weekly_chart(axes, name, rows)
    elif name == "failures_over_time":
        # The unit of a time axis is a day. A bar is a little narrower than an hour.
        axes.bar([row["ts_bucket"] for row in rows], [row["failed_runs"] for row in rows], width=1 / 26,
                 color=COLOURS["red"])  # fmt: skip
    else:
        # run_duration_distribution has two columns and no text. Its label is the first column, the bucket.
        label = next(column for column in columns if isinstance(rows[0][column], str) or len(columns) == 2)
        visible_rows = rows[:20] if name == "failure_counts_by_client" else rows
        labels = [
            bucket_label(row[label]) if name == "run_duration_distribution" else str(row[label])[:14]
            for row in visible_rows
        ]
        for number, column in enumerate(charted_columns):
            values = [float(row[column] or 0) for row in visible_rows]
            width = 0.8 / len(charted_columns)
            positions = [position + number * width for position in range(len(values))]
            colours: Sequence[str] | str = (
                [rate_colour(value) for value in values] if column in RATE_COLUMNS else SERIES_COLOURS[number]
            )
            axes.bar(positions, values, width=width * 0.9, color=colours, label=column)
        axes.set_xticks(range(len(labels)), labels, rotation=40 if len(labels) > 4 else 0,
                        ha="right" if len(labels) > 4 else "center", fontsize=6.5)  # fmt: skip
        if len(charted_columns) > 1:
            axes.legend(loc="upper right", fontsize=6.5, frameon=False, labelcolor=DIM_TEXT_COLOUR)
    if charted_columns[0] in RATE_COLUMNS:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")


def draw_weekly_chart(axes: Axes, name: str, rows: Rows) -> None:
    weeks: list[date] = sorted({row["week_start"] for row in rows})
    positions = range(len(weeks))
    if name == "weekly_status_mix":
        counts = {(row["week_start"], row["status"]): row["runs"] for row in rows}
        bottoms = [0] * len(weeks)
        for status, colour in STATUS_COLOURS.items():
            values = [counts.get((week, status), 0) for week in weeks]
            axes.bar(positions, values, bottom=bottoms, color=COLOURS[colour], label=status, width=0.8)
            bottoms = [low + value for low, value in zip(bottoms, values, strict=True)]
    else:
        for number, client in enumerate(sorted({row["client_name"] for row in rows})[:MAX_CLIENTS]):
            rates = {row["week_start"]: float(row["success_rate"]) for row in rows if row["client_name"] == client}
            axes.plot([weeks.index(week) for week in rates], list(rates.values()), marker="o", markersize=3,
                      color=SERIES_COLOURS[number % len(SERIES_COLOURS)], label=client)  # fmt: skip
    axes.set_xticks(positions, [f"{week:%d %b}" for week in weeks])
    add_legend(axes)


def add_legend(axes: Axes) -> None:
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=6, fontsize=6.5, frameon=False, labelcolor=DIM_TEXT_COLOUR
    )


def bucket_label(bucket_number: int) -> str:
    """Return the label of a bucket of run_duration_distribution: 20 buckets of 3 minutes, and one for longer runs."""
    return f"{(bucket_number - 1) * 3}-{bucket_number * 3} min" if bucket_number <= 20 else "from 60 min"


def hide_axes(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    for spine in axes.spines.values():
        spine.set_color(LINE_COLOUR)


def read_boards(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
