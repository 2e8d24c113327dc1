"""Holds the boards against the types that Grafana publishes for its own release (`make check-boards`).

Needs npm; installs @grafana/schema in the version of docker-compose.yml, and TypeScript, into a temporary folder. The
dashboards are checked whole, and every panel's options and field options against the types of its kind of panel.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DOCKER = Path(__file__).resolve().parent.parent
TYPESCRIPT = "5.6.3"
RAW = "./node_modules/@grafana/schema/dist/esm/raw/composable"
KINDS = {"table": "Table", "barchart": "BarChart", "timeseries": "TimeSeries"}
# The schema's words are enumerations; JSON holds their texts and numbers.
PLAIN = """
type Plain<T> = T extends string ? `${T}` : T extends boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[]
  : T extends number ? (number extends T ? number : `${T}` extends `${infer N extends number}` ? N : T)
  : unknown extends T ? T : { [K in keyof T]: Plain<T[K]> };
"""


def main() -> int:
    found = re.search(r"grafana/grafana-oss:([0-9.]+)", (DOCKER / "docker-compose.yml").read_text())
    if not found:
        sys.exit("docker-compose.yml names no version of Grafana.")
    with tempfile.TemporaryDirectory() as folder:
        _run(folder, "npm", "install", "--silent", f"@grafana/schema@{found[1]}", f"typescript@{TYPESCRIPT}")
        boards = sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))
        (Path(folder) / "boards.ts").write_text(typescript([json.loads(board.read_text()) for board in boards]))
        _run(folder, "npx", "tsc", "--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "node",
             "--target", "es2020", "boards.ts")  # fmt: skip
    sys.stdout.write(f"{len(boards)} boards agree with the types of Grafana {found[1]}.\n")
    return 0


def typescript(boards: list[dict[str, Any]]) -> str:
    lines = ["import type { Dashboard } from '@grafana/schema';", PLAIN]
    lines += [
        f"import type {{ Options as {name}Options, FieldConfig as {name}Fields }} from"
        f" '{RAW}/{kind}/panelcfg/x/{name}PanelCfg_types.gen';"
        for kind, name in KINDS.items()
        if kind != "table"
    ]
    # A table's cells share their options with other panels.
    lines.append(f"import type {{ Options as TableOptions }} from '{RAW}/table/panelcfg/x/TablePanelCfg_types.gen';")
    lines.append("import type { TableFieldOptions as TableFields } from '@grafana/schema';")
    for number, board in enumerate(boards):
        lines.append(f"export const board{number}: Plain<Dashboard> = {json.dumps(board)};")
        for panel in board["panels"]:
            name, own = KINDS[panel["type"]], f"{number}_{panel['id']}"
            fields = panel["fieldConfig"]
            custom = fields["defaults"].get("custom", {}) | {
                one["id"].removeprefix("custom."): one["value"]
                for override in fields["overrides"]
                for one in override["properties"]
                if one["id"].startswith("custom.")
            }
            lines.append(f"export const options{own}: Plain<Partial<{name}Options>> = {json.dumps(panel['options'])};")
            lines.append(f"export const fields{own}: Plain<Partial<{name}Fields>> = {json.dumps(custom)};")
    return "\n".join(lines)


def _run(folder: str, program: str, *arguments: str) -> None:
    if not (path := shutil.which(program)):
        sys.exit(f"{program} is needed and not installed.")
    done = subprocess.run([path, *arguments], cwd=folder, check=False)  # noqa: S603 - our own command lines
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
