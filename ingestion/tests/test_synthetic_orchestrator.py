"""The program chm-synthetic-orchestrator: its steps, interrupted calls, equal bytes for equal seeds, and faults."""

import csv
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestion.synthetic import vocabulary
from ingestion.synthetic.dataset import COLUMNS
from inventory.models import Environment, PipelineType, Platform
from runs.models import Status

ROOT = Path(__file__).resolve().parents[2]
V1 = ROOT / "data" / "synthetic" / "v1"
COMMAND = [str(Path(sys.executable).with_name("chm-synthetic-orchestrator"))]


def orchestrate(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the program on the data set in this folder."""
    state_file = root / "context" / "session_state.json"
    return subprocess.run(
        [*COMMAND, "--state-file", str(state_file), *arguments], capture_output=True, text=True, check=False
    )


def contents(root: Path) -> dict[str, bytes]:
    """Return the content of each file below the folder, by its path."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def state(root: Path) -> dict[str, dict[str, Any]]:
    """Return the steps of the state file, by their letters."""
    document = json.loads((root / "context" / "session_state.json").read_text())
    return {step["step"]: step for step in document["steps"]}


def report(root: Path) -> list[dict[str, str]]:
    """Return the rows of the validation report."""
    with (root / "context" / "validation_report.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def copied_data_set(tmp_path: Path) -> Path:
    """Return a copy of the committed data set without its context."""
    root = tmp_path / "v1"
    shutil.copytree(V1, root, ignore=shutil.ignore_patterns("context"))
    return root


def test_generating_the_committed_data_set_gives_the_same_bytes(tmp_path: Path) -> None:
    for attempt in ("first", "second"):
        root = tmp_path / attempt / "v1"

        result = orchestrate(root, "--all")

        assert result.returncode == 0, result.stderr
        assert contents(root) == contents(V1)
    assert report(root) == []


def test_running_all_steps_on_existing_files_keeps_them_and_gives_the_same_state(copied_data_set: Path) -> None:
    assert orchestrate(copied_data_set, "--all").returncode == 0
    assert contents(copied_data_set) == contents(V1)

    assert orchestrate(copied_data_set, "--reset", "--all").returncode == 0
    assert contents(copied_data_set) == contents(V1)


def test_each_call_runs_exactly_the_next_step(tmp_path: Path) -> None:
    root = tmp_path / "v1"
    for done in ("A", "AB", "ABC", "ABCD", "ABCDE", "ABCDE"):
        assert orchestrate(root).returncode == 0
        assert "".join(step for step, entry in state(root).items() if entry["status"] == "completed") == done
    assert contents(root) == contents(V1)


def test_a_completed_step_lists_its_files_counts_and_a_summary(tmp_path: Path) -> None:
    root = tmp_path / "v1"
    orchestrate(root, "--all")

    artifacts = state(root)["C"]["artifacts"]

    assert [file["path"] for file in artifacts["files"]] == [f"batches/runs_2026-{month}.csv" for month in (
        "07", "08", "09", "10"
    )]  # fmt: skip
    assert artifacts["counts"]["runs"] == 2_500
    assert "2500 runs in 4 files" in artifacts["summary"]


# A program that forks a child for each call, because a new process would load all modules again. Its argument is
# the folder of the data sets. Each data set has two calls: the first is killed before or after it replaces a
# file, and the second resumes it. It prints the exit codes of all calls, and ends when a first call was not killed.
KILLED_AND_RESUMED_CALLS = """
import json, os, pathlib, signal, sys
from ingestion.synthetic.orchestrator import main

replace = pathlib.Path.replace

def call(root, calls_until_kill):
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def count():
        nonlocal calls_until_kill
        if calls_until_kill == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        calls_until_kill -= 1

    def counted(path, target):
        count()
        replace(path, target)
        count()

    pathlib.Path.replace = counted
    sys.stdout = open(os.devnull, "w")
    sys.argv = ["chm-synthetic-orchestrator", "--state-file", str(root / "context" / "session_state.json"), "--all"]
    os._exit(main() or 0)

exit_codes = []
while not exit_codes or exit_codes[-1][0] == -signal.SIGKILL:
    root = pathlib.Path(sys.argv[1]) / str(len(exit_codes)) / "v1"
    exit_codes.append((call(root, len(exit_codes)), call(root, -1)))
print(json.dumps(exit_codes))
"""


def test_a_killed_call_is_resumed_and_gives_the_same_bytes(tmp_path: Path) -> None:
    """The process is killed before and after each replacement of a file."""
    result = subprocess.run(
        [sys.executable, "-c", KILLED_AND_RESUMED_CALLS, str(tmp_path)], cwd=ROOT, capture_output=True, check=True
    )
    exit_codes = json.loads(result.stdout)

    assert exit_codes == [[-signal.SIGKILL, 0]] * (len(exit_codes) - 1) + [[0, 0]]
    assert len(exit_codes) > 30
    for point in range(len(exit_codes)):
        assert contents(tmp_path / str(point) / "v1") == contents(V1), f"killed at point {point}"


def test_a_second_call_at_the_same_time_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "v1"
    (root / "context").mkdir(parents=True)
    folder = os.open(root / "context", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)

    busy = orchestrate(root, "--all")
    os.close(folder)

    assert (busy.returncode, "Another call is running" in busy.stderr) == (3, True)
    assert contents(root) == {}
    assert orchestrate(root, "--all").returncode == 0


def test_another_seed_generates_other_data_of_the_requested_size(tmp_path: Path) -> None:
    root = tmp_path / "v2"
    sizes = ("--seed", "2", "--clients", "3", "--pipelines", "5", "--rules", "4", "--runs", "300", "--days", "20")

    result = orchestrate(root, "--all", *sizes)

    assert result.returncode == 0, result.stderr
    counts: dict[str, int] = {}
    for step in state(root).values():
        counts |= step["artifacts"]["counts"]
    assert (counts["clients"], counts["pipelines"], counts["alert_rules"], counts["runs"]) == (3, 5, 4, 300)
    again = orchestrate(root, "--seed", "3")
    assert again.returncode == 2
    assert "started with seed 2, not 3" in again.stderr


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(("--clients", "1", "--pipelines", "1", "--rules", "1", "--runs", "1", "--days", "1"), id="one"),
        pytest.param(("--clients", "30", "--pipelines", "400", "--runs", "20000", "--days", "365"), id="many"),
        pytest.param(("--clients", "5", "--pipelines", "2", "--runs", "40", "--rules", "0"), id="empty clients"),
    ],
)
def test_data_sets_of_unusual_sizes_have_no_faults(tmp_path: Path, sizes: tuple[str, ...]) -> None:
    result = orchestrate(tmp_path / "vx", "--all", *sizes)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--runs", "0"), "--runs 0 is not a number of at least 1"),
        (("--end", "soon"), "is not a date"),
        (("--rules", "-1"), "is not a number of at least 0"),
    ],
)
def test_bad_arguments_are_named_and_nothing_is_written(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    refused = orchestrate(tmp_path / "v1", *arguments)

    assert refused.returncode == 2
    assert message in refused.stderr
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"plan": {}, "steps": []}', '{"plan": {"seeds": 1}, "steps": []}', "\0"])
def test_a_broken_state_file_is_named_and_reset_repairs_it(copied_data_set: Path, text: str) -> None:
    state_file = copied_data_set / "context" / "session_state.json"
    state_file.parent.mkdir()
    state_file.write_text(text)

    refused = orchestrate(copied_data_set)

    assert refused.returncode == 2
    assert "--reset starts again" in refused.stderr
    assert state_file.read_text() == text
    assert orchestrate(copied_data_set, "--reset", "--all").returncode == 0
    assert contents(copied_data_set) == contents(V1)


def test_normalising_a_file_changes_its_form_and_not_its_values(copied_data_set: Path) -> None:
    """Files with another order, ids in capitals, blanks, CRLF or a byte order mark are rewritten to the same bytes."""
    for path, kind in (
        (copied_data_set / "base" / "pipelines.csv", "pipelines"),
        (copied_data_set / "base" / "clients.csv", "clients"),
    ):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        columns = list(reversed(COLUMNS[kind]))
        lines = [",".join(f" {column.upper()} " for column in columns)]
        for row in reversed(rows):
            row |= {column: row[column].upper() for column in ("client_id", "pipeline_id") if column in row}
            lines.append(",".join(f'"  {row[column]} "' for column in columns))
        path.write_text("\ufeff" + "\r\n".join([*lines, "", ""]), newline="")

    assert orchestrate(copied_data_set, "--all").returncode == 0
    assert contents(copied_data_set) == contents(V1)


def test_rows_without_ids_get_ids_that_do_not_change(tmp_path: Path) -> None:
    root = tmp_path / "v3"
    (root / "base").mkdir(parents=True)
    (root / "base" / "clients.csv").write_text("name,is_active\nZeta,true\nAlpha,false\n")

    assert orchestrate(root, "--all", "--pipelines", "4", "--runs", "50", "--rules", "2").returncode == 0

    first = (root / "base" / "clients.csv").read_text()
    assert [line.split(",")[1] for line in first.splitlines()] == ["name", "Alpha", "Zeta"]
    assert orchestrate(root, "--reset", "--all").returncode == 0
    assert (root / "base" / "clients.csv").read_text() == first


def test_a_file_that_changed_since_its_step_blocks_the_next_step_until_a_reset(tmp_path: Path) -> None:
    root = tmp_path / "v1"
    orchestrate(root)
    clients = root / "base" / "clients.csv"
    clients.write_text(clients.read_text().replace("Baltic Foods", "Baltic Fish"))

    blocked = orchestrate(root)

    assert blocked.returncode == 1
    assert state(root)["B"]["status"] == "blocked"
    assert state(root)["B"]["error"] == "base/clients.csv was changed since step A; start again with --reset"
    assert orchestrate(root).returncode == 1
    assert orchestrate(root, "--reset", "--all").returncode == 0


def test_runs_are_not_generated_from_a_faulty_inventory(copied_data_set: Path) -> None:
    shutil.rmtree(copied_data_set / "batches")
    path = copied_data_set / "base" / "pipelines.csv"
    path.write_text(path.read_text().replace(",airflow,", ",airfow,", 1))

    blocked = orchestrate(copied_data_set, "--all")

    assert blocked.returncode == 1
    assert state(copied_data_set)["C"]["status"] == "blocked"
    assert '"airfow" is not one of' in state(copied_data_set)["C"]["error"]


def test_a_step_that_cannot_write_is_blocked_with_the_error(copied_data_set: Path) -> None:
    (copied_data_set / "context" / "id_registry.csv").mkdir(parents=True)

    blocked = orchestrate(copied_data_set, "--all")

    assert blocked.returncode == 1
    assert "Is a directory" in state(copied_data_set)["B"]["error"]


Rows = list[dict[str, str]]


def index_of(rows: Rows, **values: str) -> int:
    """Return the index of the first row that has these values."""
    return next(n for n, row in enumerate(rows) if all(row[key] == value for key, value in values.items()))


# The file, values that select a row, the change of the row, and the field and a part of the message of the fault.
FAULTY_VALUES = [
    ("clients", {"is_active": "true"}, {"name": ""}, "name", "is empty"),
    ("clients", {}, {"name": "x" * 256}, "name", "longer than 255"),
    ("clients", {}, {"is_active": "yes"}, "is_active", "not one of: true, false"),
    ("pipelines", {}, {"platform": "airfow"}, "platform", "not one of: airflow"),
    ("pipelines", {}, {"pipeline_type": "load"}, "pipeline_type", "not one of: ingestion"),
    ("pipelines", {}, {"environment": "production"}, "environment", "not one of: dev"),
    ("pipelines", {}, {"client_id": "019b76da-a800-7000-8000-000000000000"}, "client_id", "there is no client"),
    ("alert_rules", {}, {"channel": "fax"}, "channel", "not one of: slack"),
    ("alert_rules", {}, {"destination": ""}, "destination", "is empty"),
    ("alert_rules", {"client_id": ""}, {"pipeline_id": ""}, "client_id", "needs a client, a pipeline, or both"),
    ("alert_rules", {"client_id": ""}, {"pipeline_id": "p1"}, "pipeline_id", "there is no pipeline"),
    ("alert_rules", {"rule_type": "failures_in_window"}, {"threshold": ""}, "threshold", "is required for"),
    ("alert_rules", {"rule_type": "failures_in_window"}, {"window_minutes": "0"}, "window_minutes", "number from 1"),
    ("runs", {}, {"pipeline_id": "019b76da-a800-7000-8000-000000000000"}, "pipeline_id", "there is no pipeline"),
    ("runs", {"status": "success"}, {"status": "succeeded"}, "status", "not one of: running"),
    ("runs", {}, {"external_run_id": ""}, "external_run_id", "is empty"),
    ("runs", {"status": "canceled"}, {"started_at": "31.10.2026 10:00"}, "started_at", "not a time in UTC"),
    ("runs", {"status": "success"}, {"updated_at": "2026-10-31T10:00:00+01:00"}, "updated_at", "not a time in UTC"),
    ("runs", {"status": "success"}, {"updated_at": "2026-06-01T00:00:00Z"}, "updated_at", "is before finished_at"),
    ("runs", {"status": "success"}, {"updated_at": "2026-11-02T00:00:00Z"}, "updated_at", "after the end"),
    ("runs", {"status": "success"}, {"finished_at": "2026-06-01T00:00:00Z"}, "finished_at", "is before started_at"),
    ("runs", {"status": "success"}, {"status": "running"}, "finished_at", "must be empty for the status running"),
    ("runs", {"status": "running"}, {"status": "success"}, "finished_at", "is required for the status success"),
    ("runs", {"status": "failed"}, {"error_message": ""}, "error_message", "is required for a failed run"),
    ("runs", {"status": "failed"}, {"status_reason": ""}, "status_reason", "is required for a failed run"),
    ("runs", {"status": "success"}, {"error_message": "boom"}, "error_message", "must be empty for the status success"),
    ("runs", {"status": "success"}, {"duration_seconds": "1"}, "duration_seconds", "from started_at to finished_at"),
    ("runs", {"status": "success"}, {"rows_processed": "-5"}, "rows_processed", "not a whole number from 0"),
    ("runs", {"status": "success"}, {"rows_processed": "9" * 30}, "rows_processed", "not a whole number from 0"),
    ("runs", {}, {"payload": '{"attempt": 1'}, "payload", "not a JSON object"),
    ("runs", {}, {"payload": "[1]"}, "payload", "not a JSON object"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "row_filter", "change", "field", "problem"),
    [pytest.param(*defect, id=f"{defect[0]} {'='.join(*defect[2].items())[:40]}") for defect in FAULTY_VALUES],
)
def test_each_fault_is_a_row_with_its_file_line_and_field(
    copied_data_set: Path, kind: str, row_filter: dict[str, str], change: dict[str, str], field: str, problem: str
) -> None:
    file = "batches/runs_2026-10.csv" if kind == "runs" else f"base/{kind}.csv"
    with (copied_data_set / file).open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    changed_row = rows[index_of(rows, **row_filter)]
    changed_row |= change
    with (copied_data_set / file).open("w", newline="") as opened:
        writer = csv.DictWriter(opened, COLUMNS[kind])
        writer.writeheader()
        writer.writerows(rows)

    blocked = orchestrate(copied_data_set, "--all")

    assert blocked.returncode == 1
    assert state(copied_data_set)["E"]["status"] == "blocked"
    faults = [
        row
        for row in report(copied_data_set)
        if row["file"] == file and row["field"] == field and problem in row["problem"]
    ]
    assert len(faults) == 1, report(copied_data_set)
    with (copied_data_set / file).open(newline="") as opened:
        reader = csv.DictReader(opened)
        line = next(reader.line_num for row in reader if all(row[name] == changed_row[name] for name in COLUMNS[kind]))
    assert faults[0]["line"] == str(line)
    # A wrong status or time causes further faults.
    assert len(report(copied_data_set)) == 1 or {"status", "started_at", "finished_at"} & {field, *change}, report(
        copied_data_set
    )


# The file, the change of its text, and the line, the field and a part of the message of a fault.
DAMAGED_FILES: dict[str, tuple[str, Callable[[str], str], int, str, str]] = {
    "missing column": ("clients", lambda t: t.replace("is_active", "live", 1), 1, "is_active", "column is missing"),
    "unknown column": ("clients", lambda t: t.replace("is_active", "live", 1), 1, "live", "is not a column"),
    "a field too many": ("clients", lambda t: t.replace(",true\n", ",true,x\n", 1), 2, "", "has 4 fields where"),
    "fields too few": ("alert_rules", lambda t: t + "one,two\n", 37, "", "has 2 fields"),
    "not UTF-8": ("clients", lambda t: t.replace("Baltic", "B\udcffltic", 1), 0, "", "is not UTF-8"),
    "an open quote": ("clients", lambda t: t + '"open', 14, "", "is not CSV from here on"),
    "a row twice": ("pipelines", lambda t: t + t.splitlines()[-1] + "\n", 46, "pipeline_id", "base/pipelines.csv:45"),
    "not a UUID": ("clients", lambda t: t.replace("019b", "O19b", 1), 2, "client_id", "is not a UUID"),
    "an empty file": ("clients", lambda t: "", 1, "name", "column is missing"),
}


@pytest.mark.parametrize(("file", "change", "line", "field", "problem"), DAMAGED_FILES.values(), ids=DAMAGED_FILES)
def test_files_that_are_not_tables_are_reported_and_do_not_change(
    copied_data_set: Path, file: str, change: Callable[[str], str], line: int, field: str, problem: str
) -> None:
    path = copied_data_set / "base" / f"{file}.csv"
    changed = change(path.read_text()).encode(errors="surrogateescape")
    path.write_bytes(changed)

    blocked = orchestrate(copied_data_set, "--all")

    assert blocked.returncode == 1
    faults = [row for row in report(copied_data_set) if row["field"] == field and problem in row["problem"]]
    assert (faults[0]["file"], faults[0]["line"]) == (f"base/{file}.csv", str(line))
    assert path.read_bytes() == changed


def test_repeated_values_that_must_be_unique_are_faults(copied_data_set: Path) -> None:
    clients = copied_data_set / "base" / "clients.csv"
    clients.write_text(clients.read_text().replace("Cobalt Energy", "Baltic Foods"))
    pipelines = copied_data_set / "base" / "pipelines.csv"
    pipeline_line = next(line for line in pipelines.read_text().splitlines() if ",vendor_api," in line)
    pipelines.write_text(pipelines.read_text() + pipeline_line.replace("019b76da-a800-7", "019b76da-a800-8", 1) + "\n")
    rules = copied_data_set / "base" / "alert_rules.csv"
    rule_line = next(line for line in rules.read_text().splitlines() if line.endswith(",true"))
    rules.write_text(rules.read_text() + rule_line.replace("019b76da-a800-7", "019b76da-a800-8", 1) + "\n")
    runs = copied_data_set / "batches" / "runs_2026-10.csv"
    runs.write_text(runs.read_text() + runs.read_text().splitlines()[-1] + "\n")

    assert orchestrate(copied_data_set, "--all").returncode == 1

    assert [
        (row["file"], row["field"]) for row in report(copied_data_set) if " is already used in " in row["problem"]
    ] == [
        ("base/clients.csv", "name"),
        ("base/pipelines.csv", "name"),
        ("base/pipelines.csv", "external_id"),
        ("base/alert_rules.csv", "destination"),
        ("batches/runs_2026-10.csv", "external_run_id"),
    ]


def test_the_vocabulary_is_equal_to_the_choices_of_the_models() -> None:
    from alerting.models import Channel, RuleType

    assert sorted(vocabulary.PLATFORMS) == sorted(Platform.values)
    assert sorted(vocabulary.PIPELINE_TYPES) == sorted(PipelineType.values)
    assert sorted(vocabulary.ENVIRONMENTS) == sorted(Environment.values)
    assert sorted(vocabulary.STATUSES) == sorted(Status.values)
    assert sorted(vocabulary.RULE_TYPES) == sorted(RuleType.values)
    assert sorted(vocabulary.CHANNELS) == sorted(Channel.values)


def test_the_help_has_steps_examples_and_exit_codes() -> None:
    help_text = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True).stdout

    assert all(word in help_text for word in ("--reset", "validate and report", "examples:", "exit codes:"))
