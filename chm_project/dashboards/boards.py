"""Layout of the boards.

The line `Panel` in a shape's header names the boards that show the shape, and the kind of its panel on each board.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from runs.reporting.parameters import COMMON_PARAMETERS, SHAPE_PARAMETERS
from runs.reporting.shapes import Shape, shapes

OPERATIONS = "Operations"
BUSINESS = "Q1-Q5 Business Monitoring"
GOVERNANCE = "Q6-Q10 Operations & Governance"

# Shapes in reading order, with width and height in Grafana's grid of 24 columns.
LAYOUT: dict[str, tuple[tuple[str, int, int], ...]] = {
    OPERATIONS: (
        ("incidents", 24, 8),
        ("failing_now", 24, 9),
        ("late_pipelines", 24, 8),
        ("unusual_runs", 24, 8),
        ("failures_over_time", 16, 9),
        ("failure_counts_by_client", 8, 9),
        ("latest_status_by_pipeline", 24, 12),
        ("top_flaky_pipelines", 12, 12),
        ("run_duration_distribution", 12, 12),
    ),
    BUSINESS: (
        ("weekly_status_mix", 12, 9),
        ("client_risk", 12, 9),
        ("changes_since_yesterday", 24, 9),
        ("vendor_dependency", 8, 9),
        ("weekly_success_by_client", 16, 9),
        ("latest_status_by_pipeline", 24, 12),
    ),
    GOVERNANCE: (
        ("client_throughput", 12, 9),
        ("reliability_by_environment", 6, 9),
        ("failure_rate_by_platform", 6, 9),
        ("freshness_watchlist", 24, 10),
        ("ingestion_health", 24, 9),
        ("top_flaky_pipelines", 12, 10),
        ("governance_gaps", 12, 10),
    ),
}

DESCRIPTIONS = {
    OPERATIONS: "What is failing, late and flaky, for the person on duty.",
    BUSINESS: "How the clients' pipelines are doing, for delivery leads.",
    GOVERNANCE: "Volume, freshness, reliability and missing settings, for operators and delivery leads.",
}

# The columns that a chart draws. The tooltip of a bar chart also shows the other columns.
CHARTED_COLUMNS = {
    "client_risk": ("failure_rate_7d",),
    "failure_counts_by_client": ("failed_24h", "failed_7d"),
    "failure_rate_by_platform": ("failure_rate",),
    "failures_over_time": ("failed_runs",),
    "reliability_by_environment": ("failure_rate_30d",),
    "run_duration_distribution": ("run_count",),
    "vendor_dependency": ("failure_rate_30d",),
    "weekly_status_mix": ("runs",),
    "weekly_success_by_client": ("success_rate",),
}
STATUS_COLOURS = {
    "success": "green", "failed": "red", "running": "blue", "canceled": "orange", "skipped": "text",
}  # fmt: skip
# The smallest failure rates that are drawn in orange and in red.
ORANGE_RATE, RED_RATE = 0.05, 0.2


@dataclass(frozen=True, slots=True)
class PlacedShape:
    """A shape on a board, with its kind of panel and its size in Grafana's grid."""

    shape: Shape
    panel_kind: str
    width: int
    height: int


def placed_shapes(title: str) -> list[PlacedShape]:
    """Return the shapes of a board; raise ValueError if LAYOUT and the headers disagree."""
    kind_by_name = panel_kinds(title)
    placed_names = {name for name, _, _ in LAYOUT[title]}
    if missing := sorted(set(kind_by_name) - placed_names):
        raise ValueError(f"{missing[0]} names the board {title}; add it to LAYOUT in chm_project/dashboards/boards.py.")
    if undeclared := sorted(placed_names - set(kind_by_name)):
        raise ValueError(f"LAYOUT has {undeclared[0]} on the board {title}, which the shape's header does not name.")
    return [PlacedShape(shapes()[name], kind_by_name[name], width, height) for name, width, height in LAYOUT[title]]


def panel_kinds(title: str) -> dict[str, str]:
    """Return the kind of panel of each shape whose header names the board, keyed by the shape's name."""
    kinds = {}
    for shape in shapes().values():
        for panel in shape.panel.split(";"):
            board_title, _, kind = panel.strip().rpartition(": ")
            if board_title == title:
                kinds[shape.name] = kind
    return kinds


# Boards sort flaky pipelines by flips. Sorted by failures, the list would begin with pipelines that fail every time,
# which the list of failing pipelines already shows.
FLAKY_ORDER = "flips"


def parameter_literals(shape: Shape) -> dict[str, str]:
    """Return the values of the shape's parameters on boards, as SQL literals.

    Each value is the default of its parameter. Only `order` has the value FLAKY_ORDER. Times, and parameters without a
    default, are left out.
    """
    values = {
        name: f"'{value}'" if SHAPE_PARAMETERS[name].sql_type == "text" else value
        for name, shape_default in shape.parameters.items()
        if (value := shape_default or SHAPE_PARAMETERS[name].default)
        and SHAPE_PARAMETERS[name].sql_type != "timestamptz"
    }
    return values | ({"order": f"'{FLAKY_ORDER}'"} if "order" in values else {})


def sql_with_values(shape: Shape, values: Mapping[str, str]) -> str:
    """Return the shape's SQL with its parameters replaced by the SQL in `values`; raise KeyError if one is missing."""
    names = [*COMMON_PARAMETERS, *shape.parameters, "state_at"]
    return (shape.sql % {name: values[name] for name in names}).strip()


# Columns with the id of a client, pipeline or run. A row links to the page of this client, pipeline or run.
KEY_COLUMNS = ("client_id", "pipeline_id", "run_id")


def key_columns(shape: Shape) -> list[str]:
    """Return the names of the shape's key columns; empty if it has none."""
    return [column.name for column in shape.columns if column.name in KEY_COLUMNS]
