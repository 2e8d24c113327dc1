"""Check the boards with the types and the code of the Grafana in docker-compose.yml: `make check-boards`.

npm installs Grafana's packages and TypeScript into a temporary folder. Then the command checks:

- Every board, panel option and field option has the type that Grafana requires.
- Grafana's code inserts variables into the SQL as chm_project.dashboards.expand does.
- For sample rows, Grafana's code shows the expected texts, colours and links.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chm_project.dashboards import expand

DOCKER = Path(__file__).resolve().parent.parent
TYPESCRIPT_VERSION = "5.6.3"
SCENES_VERSION = "6.0.0"  # the version in the Grafana of docker-compose.yml; change both together
RANGE_END = datetime(2026, 6, 17, 12, tzinfo=UTC)
SAMPLE_ID = "01a1fd27-503e-706f-af67-6e9ef2701514"
# Values of the filters of a board: no filter, some filters, and texts that try to inject SQL.
FILTER_CHOICES: tuple[dict[str, str], ...] = (
    {}, {"client": SAMPLE_ID}, {"platform": "airflow", "environment": "dev"}, {"platform": "x' OR true --"},
    {"platform": 'a"b\\'}, {"environment": "NULL"}, {"client": "$__all", "platform": "cron"},
)  # fmt: skip
PANEL_TYPES_FOLDER = "./node_modules/@grafana/schema/dist/esm/raw/composable"
PANEL_TYPES = {"table": "Table", "barchart": "BarChart", "timeseries": "TimeSeries"}
# Grafana's types contain enumerations, but JSON contains only their values. Plain<T> is the type that a value of type T
# has as JSON.
PLAIN_TYPE = """
type Plain<T> = T extends string ? `${T}` : T extends boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[]
  : T extends number ? (number extends T ? number : `${T}` extends `${infer N extends number}` ? N : T)
  : unknown extends T ? T : { [K in keyof T]: Plain<T[K]> };
"""


def main() -> int:
    release = re.search(r"grafana/grafana-oss:([0-9.]+)", (DOCKER / "docker-compose.yml").read_text())
    if not release:
        sys.exit("docker-compose.yml has no version of Grafana.")
    with tempfile.TemporaryDirectory() as folder:
        grafana_packages = [
            f"@grafana/{package}@{release[1]}" for package in ("schema", "data", "runtime", "ui", "e2e-selectors")
        ]
        other_packages = ["react@18", "react-dom@18", "react-router-dom@6", "rxjs@7", "lodash@4", "jsdom@26"]
        # With --ignore-scripts, npm runs no code of the packages. They work without their install scripts.
        _run(folder, "npm", "install", "--silent", "--legacy-peer-deps", "--ignore-scripts", *grafana_packages,
             f"@grafana/scenes@{SCENES_VERSION}", f"typescript@{TYPESCRIPT_VERSION}", *other_packages)  # fmt: skip
        boards = [json.loads(path.read_text()) for path in sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))]
        (Path(folder) / "boards.ts").write_text(typescript(boards))
        _run(folder, "npx", "tsc", "--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "node",
             "--target", "es2020", "boards.ts")  # fmt: skip
        sys.stdout.write(f"{len(boards)} boards agree with the types of Grafana {release[1]}.\n")
        shutil.copy(DOCKER / "grafana" / "behaviour.cjs", folder)
        differences = [*behaviour_differences(folder, boards)]
    sys.stdout.write("".join(f"{fault}\n" for fault in differences) or "The variables and panels behave as expected.\n")
    return bool(differences)


def behaviour_differences(folder: str, boards: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a message for each query, text or link that differs from the expected one."""
    queries = [
        {"board": board, "filters": filters, "sql": panel["targets"][0]["rawSql"]}
        for board in boards
        for panel in board["panels"]
        for filters in FILTER_CHOICES
    ]
    panel_by_shape = {
        re.search(r"Shape: (\w+)", panel["description"])[1]: panel  # type: ignore[index]
        for board in boards
        for panel in board["panels"]
    }
    panels_with_rows = [
        {"panel": panel_by_shape[shape_name], "frame": {"fields": frame}} for shape_name, frame in SAMPLE_ROWS.items()
    ]
    request = json.dumps({"sql": queries, "fields": panels_with_rows})
    completed = subprocess.run(["node", "behaviour.cjs"], cwd=folder, input=request,  # noqa: S607
                               capture_output=True, text=True, check=False)  # fmt: skip
    if completed.returncode:
        yield completed.stderr
        return
    result = json.loads(completed.stdout)
    range_start = RANGE_END - timedelta(days=7)
    for query, grafana_sql in zip(queries, result["sql"], strict=True):
        # Grafana's page inserts the variables, and its server expands the macros. Here, this code expands the macros.
        expected_sql = expand.expand_for_grafana(query["sql"], query["board"], range_start, RANGE_END, query["filters"])
        for macro, moment in (("$__timeFrom()", range_start), ("$__timeTo()", RANGE_END)):
            grafana_sql = grafana_sql.replace(macro, f"'{moment.isoformat().replace('+00:00', 'Z')}'")
        if expected_sql != grafana_sql:
            board_and_filters = f"{query['board']['title']}, {query['filters']}"
            yield f"{board_and_filters}: Grafana sends\n{grafana_sql}\nexpected:\n{expected_sql}"
    for shape_name, grafana_fields in zip(SAMPLE_ROWS, result["fields"], strict=True):
        shown = [{key: field[key] for key in EXPECTED_FIELDS[shape_name][0]} for field in grafana_fields]
        if shown != EXPECTED_FIELDS[shape_name]:
            yield f"{shape_name}: Grafana shows\n{shown}\nexpected:\n{EXPECTED_FIELDS[shape_name]}"
        names = [field["name"] for field in grafana_fields]
        if (x_field := panel_by_shape[shape_name]["options"].get("xField")) and x_field not in names:
            yield f"{shape_name}: the field {x_field}, which the bars need, is missing."


# 15 and 22 June 2026, in milliseconds.
MONDAY, NEXT_MONDAY = 1_781_481_600_000, 1_782_086_400_000
SAMPLE_ROWS: dict[str, list[dict[str, Any]]] = {
    "weekly_status_mix": [
        {"name": "week_start", "type": "time", "values": [MONDAY, MONDAY, NEXT_MONDAY]},
        {"name": "status", "type": "string", "values": ["failed", "success", "success"]},
        {"name": "runs", "type": "number", "values": [1, 5, 7]},
    ],
    "weekly_success_by_client": [
        {"name": "client_name", "type": "string", "values": ["Acme"]},
        {"name": "week_start", "type": "time", "values": [MONDAY]},
        {"name": "runs", "type": "number", "values": [4]},
        {"name": "success_rate", "type": "number", "values": [0.75]},
        {"name": "change_from_previous_week", "type": "number", "values": [None]},
    ],
    "run_duration_distribution": [
        {"name": "duration_bucket", "type": "number", "values": [1, 2, 21]},
        {"name": "run_count", "type": "number", "values": [10, 1, 2]},
    ],
    "failing_now": [
        {"name": "client_name", "type": "string", "values": ["Acme"]},
        {"name": "pipeline_name", "type": "string", "values": ["Orders"]},
        {"name": "failed_in_a_row", "type": "number", "values": [3]},
        {"name": "client_id", "type": "string", "values": [SAMPLE_ID]},
        {"name": "pipeline_id", "type": "string", "values": [SAMPLE_ID]},
    ],
    "latest_status_by_pipeline": [
        {"name": "latest_status", "type": "string", "values": ["failed", "success", "running"]},
    ],
    "top_flaky_pipelines": [{"name": "failure_rate", "type": "number", "values": [0.04, 0.1, 0.5625]}],
}
GREEN, ORANGE, RED, BLUE = "#73BF69", "#FF9830", "#F2495C", "#5794F2"
EXPECTED_FIELDS: dict[str, list[dict[str, Any]]] = {
    "weekly_status_mix": [
        {"name": "week_start\\status", "type": "time", "texts": ["2026-06-15", "2026-06-22"]},
        {"name": "failed", "type": "number", "texts": ["1", "0"]},
        {"name": "success", "type": "number", "texts": ["5", "7"]},
    ],
    "weekly_success_by_client": [
        {"name": "client_name", "texts": ["Acme"]},
        {"name": "week_start", "texts": ["2026-06-15 00:00:00"]},
        {"name": "success_rate", "texts": ["75%"]},
    ],
    "run_duration_distribution": [
        {"name": "duration_bucket", "type": "string", "texts": ["0-3 min", "3-6 min", "from 60 min"]},
        {"name": "run_count", "type": "number", "texts": ["10", "1", "2"]},
    ],
    "failing_now": [
        {"shown": "Client name", "hidden": False, "links": [f"http://chm/admin/console/client/{SAMPLE_ID}/"]},
        {
            "shown": "Pipeline name",
            "hidden": False,
            "links": [f"http://chm/admin/console/pipeline/{SAMPLE_ID}/"],
        },
        {"shown": "Failed in a row", "hidden": False, "links": []},
        {"shown": "client_id", "hidden": True, "links": []},
        {"shown": "pipeline_id", "hidden": True, "links": []},
    ],
    "latest_status_by_pipeline": [{"texts": ["failed", "success", "running"], "colours": [RED, GREEN, BLUE]}],
    "top_flaky_pipelines": [{"texts": ["4.0%", "10.0%", "56.3%"], "colours": [GREEN, ORANGE, RED]}],
}


def typescript(boards: list[dict[str, Any]]) -> str:
    """Return a TypeScript file in which every board, panel option and field option has Grafana's type."""
    lines = ["import type { Dashboard } from '@grafana/schema';", PLAIN_TYPE]
    lines += [
        f"import type {{ Options as {name}Options, FieldConfig as {name}Fields }} from"
        f" '{PANEL_TYPES_FOLDER}/{panel_type}/panelcfg/x/{name}PanelCfg_types.gen';"
        for panel_type, name in PANEL_TYPES.items()
        if panel_type != "table"
    ]
    # The type of a table's field options is not in the module of the table panel.
    table_module = f"{PANEL_TYPES_FOLDER}/table/panelcfg/x/TablePanelCfg_types.gen"
    lines.append(f"import type {{ Options as TableOptions }} from '{table_module}';")
    lines.append("import type { TableFieldOptions as TableFields } from '@grafana/schema';")
    for number, board in enumerate(boards):
        lines.append(f"export const board{number}: Plain<Dashboard> = {json.dumps(board)};")
        for panel in board["panels"]:
            name, suffix = PANEL_TYPES[panel["type"]], f"{number}_{panel['id']}"
            fields = panel["fieldConfig"]
            custom_options = fields["defaults"].get("custom", {}) | {
                option["id"].removeprefix("custom."): option["value"]
                for override in fields["overrides"]
                for option in override["properties"]
                if option["id"].startswith("custom.")
            }
            lines.append(
                f"export const options{suffix}: Plain<Partial<{name}Options>> = {json.dumps(panel['options'])};"
            )
            lines.append(f"export const fields{suffix}: Plain<Partial<{name}Fields>> = {json.dumps(custom_options)};")
    return "\n".join(lines)


def _run(folder: str, program: str, *arguments: str) -> None:
    if not (path := shutil.which(program)):
        sys.exit(f"{program} is not installed, but needed.")
    completed = subprocess.run([path, *arguments], cwd=folder, check=False)  # noqa: S603 - our own command lines
    if completed.returncode:
        sys.exit(completed.returncode)


if __name__ == "__main__":
    sys.exit(main())
