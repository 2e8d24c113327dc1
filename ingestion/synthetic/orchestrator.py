"""chm-synthetic-orchestrator: generate a synthetic data set step by step. It can be interrupted at any point.

The program normalises existing files and generates missing files from a seed. So it can generate a whole data set, or
add the missing files to CSV files that were written by hand.
"""

import fcntl
import json
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from ingestion.synthetic.dataset import (
    COLUMNS,
    ID_COLUMN,
    KEY_COLUMNS,
    Dataset,
    Row,
    file_digest,
    key_of,
    stable_id,
    write_atomically,
    write_table,
)
from ingestion.synthetic.generate import Plan, make_clients, make_pipelines, make_rules, make_runs
from ingestion.synthetic.validate import validate

DONE, BLOCKED, BAD_USAGE, BUSY, INTERRUPTED = 0, 1, 2, 3, 130
PLAN_OPTIONS = {
    "seed": "the seed of all random values (1)",
    "clients": "how many clients to generate (12)",
    "pipelines": "how many pipelines to generate (44)",
    "rules": "how many alert rules to generate (35)",
    "runs": "how many runs to generate (2500)",
    "days": "how many days the runs cover (123)",
}

HELP = """
Run the next step that is not completed, and write its result to the state file:

  A  normalise base files    headers, order, ids, blanks, line ends; missing files are generated from the seed
  B  build id registry       context/id_registry.csv
  C  generate runs batch     batches/runs_YYYY-MM.csv, one file per month, if there are none
  D  generate alert rules    base/alert_rules.csv, if it does not exist
  E  validate and report     context/validation_report.csv, a row for every fault

No step is skipped. The next call repeats a step that was interrupted or blocked; a blocked step names the reason. After
you change a file, use --reset: it clears the progress and keeps your files.
"""
EXAMPLES = """
examples:
  chm-synthetic-orchestrator --state-file data/synthetic/v1/context/session_state.json        run the next step
  chm-synthetic-orchestrator --state-file data/synthetic/v2/context/session_state.json --all --seed 2 --runs 50000
  chm-synthetic-orchestrator --state-file data/synthetic/v2/context/session_state.json --reset --all

exit codes: 0 done, 1 the step is blocked, 2 bad arguments or state file, 3 another call is running, 130 interrupted
"""


class Blocked(Exception):
    """The step cannot be completed. The message says what to do."""


class BadState(Exception):
    """The state file cannot be read, or does not match the arguments."""


class Workflow:
    """A data set and the state of its steps.

    The state contains no clock time, so the same seed gives the same bytes.
    """

    def __init__(self, data: Dataset, options: dict[str, Any]) -> None:
        self.data = data
        if not data.state_file.exists():
            self.plan = Plan(**options)
            steps = [{"step": step, "name": name, "status": "pending"} for step, (name, _) in STEPS.items()]
            self.state: dict[str, Any] = {"dataset": data.root.name, "plan": asdict(self.plan), "steps": steps}
            return
        try:
            self.state = json.loads(data.state_file.read_text(encoding="utf-8"))
            self.plan = Plan(**self.state["plan"])
            if [step["step"] for step in self.state["steps"]] != list(STEPS):
                raise ValueError("other steps")
            if not all(step["status"] in {"pending", "in_progress", "completed", "blocked"} for step in self._steps()):
                raise ValueError("unknown status")
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise BadState(f"{data.state_file} cannot be read ({error}); --reset starts again.") from None
        for name, value in options.items():
            if (stored := getattr(self.plan, name)) != value:
                raise BadState(f"This data set was started with {name} {stored}, not {value}; --reset starts again.")

    def next_step(self) -> dict[str, Any] | None:
        """Return the first step that is not completed, or None."""
        return next((step for step in self._steps() if step["status"] != "completed"), None)

    def run(self, step: dict[str, Any]) -> bool:
        """Run the step and return whether it was completed."""
        if step["status"] == "pending" and step["step"] in _MISSING_FILES:
            # The list of missing files is stored before the first file is written. If the step is repeated, this list
            # shows which files the program has generated itself and which files are the user's.
            step["makes"] = _MISSING_FILES[step["step"]](self.data)
        for key in ("artifacts", "error"):
            step.pop(key, None)
        step["status"] = "in_progress"
        self._write()
        try:
            self._check_completed_steps()
            files, counts, summary = STEPS[step["step"]][1](self, step.get("makes", []))
        except (Blocked, OSError, ValueError) as error:
            step |= {"status": "blocked", "error": str(error)}
            self._write()
            return False
        digests = [{"path": self.data.relative_name(path), "sha256": file_digest(path)} for path in files]
        step |= {"status": "completed", "artifacts": {"files": digests, "counts": counts, "summary": summary}}
        # Without this key, generated files and existing files with the same content give the same state.
        step.pop("makes", None)
        self._write()
        return True

    def _steps(self) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = self.state["steps"]
        return steps

    def _check_completed_steps(self) -> None:
        """Raise Blocked if a file of a completed step has changed."""
        for step in self._steps():
            for file in step.get("artifacts", {}).get("files", []):
                path = self.data.root / file["path"]
                if not path.exists() or file_digest(path) != file["sha256"]:
                    what = "was changed" if path.exists() else "is gone"
                    raise Blocked(f"{file['path']} {what} since step {step['step']}; start again with --reset")

    def _write(self) -> None:
        write_atomically(self.data.state_file, (json.dumps(self.state, indent=2, ensure_ascii=False) + "\n").encode())


# The files of a step, its counts and its summary.
Artifacts = tuple[list[Path], dict[str, int], str]


def _normalise_base(workflow: Workflow, missing: Sequence[str]) -> Artifacts:
    data, plan = workflow.data, workflow.plan
    if "clients" in missing and "pipelines" not in missing:
        raise Blocked("base/pipelines.csv exists, but base/clients.csv does not: add it, then use --reset")
    if "clients" in missing:
        write_table(data.base_file("clients"), COLUMNS["clients"], make_clients(plan))
    else:
        _normalise(data, "clients", data.base_file("clients"))
    if "pipelines" in missing:
        write_table(
            data.base_file("pipelines"),
            COLUMNS["pipelines"],
            make_pipelines(plan, _rows_without_faults(data, "clients")),
        )
    else:
        _normalise(data, "pipelines", data.base_file("pipelines"))
    files = [data.base_file("clients"), data.base_file("pipelines")]
    counts = {kind: len(data.read(data.base_file(kind), kind).rows) for kind in ("clients", "pipelines")}
    return files, counts, f"{counts['clients']} clients, {counts['pipelines']} pipelines"


def _build_registry(workflow: Workflow, _missing: Sequence[str]) -> Artifacts:
    data = workflow.data
    rows = [
        {"entity": kind, "id": row.get(ID_COLUMN[kind], ""), "key": key_of(kind, row)}
        for kind in ("clients", "pipelines")
        for _, row in data.read(data.base_file(kind), kind).rows
    ]
    write_table(data.registry_file, COLUMNS["id_registry"], rows)
    return [data.registry_file], {"ids": len(rows)}, f"{len(rows)} ids"


def _generate_runs(workflow: Workflow, missing: Sequence[str]) -> Artifacts:
    data = workflow.data
    if missing:
        by_month: dict[str, list[Row]] = {}
        for row in make_runs(
            workflow.plan, _rows_without_faults(data, "clients"), _rows_without_faults(data, "pipelines")
        ):
            by_month.setdefault(row["started_at"][:7], []).append(row)
        for month, rows in by_month.items():
            write_table(data.runs_file(month), COLUMNS["runs"], rows)
    else:
        for path in data.runs_files():
            _normalise(data, "runs", path)
    tables = [data.read(path, "runs") for path in data.runs_files()]
    statuses = Counter(row.get("status", "") for table in tables for _, row in table.rows)
    counts = {"runs": statuses.total(), **{status: statuses[status] for status in sorted(statuses)}}
    share = statuses["success"] / max(statuses.total(), 1)
    return data.runs_files(), counts, f"{counts['runs']} runs in {len(tables)} files, {share:.1%} of them successful"


def _generate_rules(workflow: Workflow, missing: Sequence[str]) -> Artifacts:
    data, path = workflow.data, workflow.data.base_file("alert_rules")
    if missing:
        rows = make_rules(workflow.plan, _rows_without_faults(data, "clients"), _rows_without_faults(data, "pipelines"))
        write_table(path, COLUMNS["alert_rules"], rows)
    else:
        _normalise(data, "alert_rules", path)
    number = len(data.read(path, "alert_rules").rows)
    return [path], {"alert_rules": number}, f"{number} alert rules"


def _validate_all(workflow: Workflow, _missing: Sequence[str]) -> Artifacts:
    data = workflow.data
    until = datetime.fromtimestamp(workflow.plan.until, UTC)
    faults = validate(data, until=until)
    write_table(data.report_file, COLUMNS["validation_report"], [fault.as_row() for fault in faults])
    if faults:
        raise Blocked(
            f"{len(faults)} faults, listed in {data.relative_name(data.report_file)}; the first is {faults[0]}. "
            "Correct the files, then use --reset"
        )
    return [data.report_file], {"problems": 0}, "no fault was found"


STEPS: dict[str, tuple[str, Callable[[Workflow, Sequence[str]], Artifacts]]] = {
    "A": ("normalise base files", _normalise_base),
    "B": ("build id registry", _build_registry),
    "C": ("generate runs batch", _generate_runs),
    "D": ("generate alert rules", _generate_rules),
    "E": ("validate and report", _validate_all),
}
# For each step, a function that returns which files the step has to generate, because they do not exist.
_MISSING_FILES: dict[str, Callable[[Dataset], list[str]]] = {
    "A": lambda data: [kind for kind in ("clients", "pipelines") if not data.base_file(kind).exists()],
    "C": lambda data: [] if data.runs_files() else ["runs"],
    "D": lambda data: [] if data.base_file("alert_rules").exists() else ["alert_rules"],
}


def _normalise(data: Dataset, kind: str, path: Path) -> None:
    """Rewrite the file with sorted rows and the columns in a fixed order.

    Spaces around values are removed, missing ids are added, and UUIDs get their usual form. No other value changes.

    A file that cannot be read stays as it is, and step E reports its faults.
    """
    table = data.read(path, kind)
    id_column = ID_COLUMN.get(kind)
    if any(fault.message != "the column is missing" or fault.field != id_column for fault in table.faults):
        return
    rows = [row for _, row in table.rows]
    for row in rows:
        for column in row:
            if column.endswith("_id") and column not in {"external_id", "external_run_id"}:
                row[column] = _normal_uuid(row[column])
        if id_column and not row.get(id_column):
            row[id_column] = stable_id(kind, key_of(kind, row))
    rows.sort(key=lambda row: ([row[column] for column in KEY_COLUMNS[kind]], row.get(id_column or "", "")))
    write_table(path, COLUMNS[kind], rows)


def _normal_uuid(text: str) -> str:
    """Return the UUID in lower case with hyphens, or the text unchanged if it is not a UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        return text


def _rows_without_faults(data: Dataset, kind: str) -> list[Row]:
    """Return the rows of this kind, for the generation of other rows. Raise Blocked if they have faults."""
    faulty = [
        fault
        for fault in validate(data, ids_must_be_registered=False)
        if fault.file in {"base/clients.csv", data.relative_name(data.base_file(kind))}
    ]
    if faulty:
        raise Blocked(
            f"{len(faulty)} faults in the base files; the first is {faulty[0]}. Correct them, then use --reset"
        )
    return [row for _, row in data.read(data.base_file(kind), kind).rows]


@contextmanager
def _data_set_lock(data: Dataset) -> Iterator[bool]:
    """Yield True if no other call is running on this data set, else False."""
    data.state_file.parent.mkdir(parents=True, exist_ok=True)
    # The folder is locked and not the state file, because every write replaces the state file by a new file.
    folder = os.open(data.state_file.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(folder)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="chm-synthetic-orchestrator",
        description="Generate a synthetic data set, or normalise and check an existing one." + HELP,
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--state-file", required=True, type=Path, metavar="DATASET/context/session_state.json")
    parser.add_argument("--all", action="store_true", help="run all remaining steps, until one is blocked")
    parser.add_argument("--reset", action="store_true", help="clear the progress first; plan, base and batches stay")
    plan = parser.add_argument_group("options of a new data set; later, they can change only with --reset")
    for name, explanation in PLAN_OPTIONS.items():
        plan.add_argument(f"--{name}", type=int, metavar="N", help=explanation)
    plan.add_argument("--end", metavar="YYYY-MM-DD", help="the runs end at midnight before this day (2026-11-01)")
    return parser


def _plan_options(parser: ArgumentParser, arguments: Any) -> dict[str, Any]:
    """Return the options of the plan that the user set."""
    options = {field.name: value for field in fields(Plan) if (value := getattr(arguments, field.name)) is not None}
    for name, value in options.items():
        if name in {"clients", "pipelines", "runs", "days"} and value < 1:
            parser.error(f"--{name} {value} is not a number of at least 1")
    if options.get("rules", 0) < 0:
        parser.error(f"--rules {options['rules']} is not a number of at least 0")
    if "end" in options:
        try:
            options["end"] = date.fromisoformat(options["end"]).isoformat()
        except ValueError:
            parser.error(f"--end {options['end']!r} is not a date, such as 2026-11-01")
    return options


def _reset(data: Dataset) -> dict[str, Any]:
    """Remove the progress, and return the options of the plan; empty if the plan cannot be read."""
    try:
        plan = asdict(Plan(**json.loads(data.state_file.read_text(encoding="utf-8"))["plan"]))
    except (ValueError, TypeError, KeyError, OSError):
        plan = {}
    for path in (data.state_file, data.registry_file, data.report_file):
        path.unlink(missing_ok=True)
    return plan


def write_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # the reader may be a pipe


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    parsed_arguments = parser.parse_args(arguments)
    options = _plan_options(parser, parsed_arguments)
    state_file: Path = parsed_arguments.state_file.absolute()
    if (state_file.parent.name, state_file.name) != ("context", "session_state.json"):
        parser.error("--state-file must be context/session_state.json in the folder of a data set")
    data = Dataset(state_file.parents[1])
    try:
        with _data_set_lock(data) as acquired:
            if not acquired:
                sys.stderr.write(f"Another call is running on {data.root}; wait until it ends.\n")
                return BUSY
            if parsed_arguments.reset:
                options = _reset(data) | options
            return _run_steps(Workflow(data, options), all_steps=parsed_arguments.all)
    except (BadState, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return BAD_USAGE
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; the next call repeats this step.\n")
        return INTERRUPTED


def _run_steps(workflow: Workflow, *, all_steps: bool) -> int:
    """Run the next step, or all remaining steps, and return the exit code."""
    if workflow.next_step() is None:
        write_line("All steps are completed already; --reset starts again.")
    while (step := workflow.next_step()) is not None:
        write_line(f"{step['step']} {step['name']} ...")
        if not workflow.run(step):
            sys.stderr.write(f"{step['step']} is blocked: {step['error']}\n")
            return BLOCKED
        write_line(f"{step['step']} completed: {step['artifacts']['summary']}")
        if not all_steps:
            break
    return DONE


if __name__ == "__main__":
    sys.exit(main())
