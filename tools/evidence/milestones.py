"""Write docs/validation/001-chm-api-ingestion.md: the commands of each milestone with their output."""

import platform
import re
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from tools.evidence.requirements import ROOT

PAGE = ROOT / "docs" / "validation" / "001-chm-api-ingestion.md"
PYTEST = ".venv/bin/python -m pytest -q"
CONSTRAINT_TESTS = " ".join(f"{app}/tests/test_constraints.py" for app in ("inventory", "runs", "alerting"))
SHOWN_LINE_COUNT = 6
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


API_TESTS = (
    "inventory/tests",
    *(f"runs/tests/test_{name}.py" for name in ("api_runs", "latest", "summary")),
    "alerting/tests/test_api_alert_rules.py",
    *(f"chm_project/api/tests/test_{name}.py" for name in ("api_errors", "api_pagination", "api_surface")),
    "chm_project/api/tests/test_generated_client.py",
    "chm_project/access/tests/test_access_table.py",
)


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step of the delivery plan. If all its commands succeed, CHM has reached this step."""

    title: str
    purpose: str
    commands: tuple[str, ...]


MILESTONES = (
    Milestone(
        "Schema first",
        "Named constraints of the database refuse every invalid row, and no migration is missing.",
        (f"{PYTEST} {CONSTRAINT_TESTS}", ".venv/bin/python manage.py makemigrations --check --dry-run"),
    ),
    Milestone(
        "API baseline",
        "The API creates, reads, updates and deletes. Filters, pages, errors and access work, and so do the generated "
        "clients.",
        (
            f"{PYTEST} {' '.join(API_TESTS)}",
            "make fuzz FUZZ_CASES=10 FUZZ_SECONDS=20",
        ),
    ),
    Milestone(
        "Ingestion",
        "CHM ingests the runs of all recorded sources. Repeated and reordered pages change nothing. No fault of the "
        "quick test makes CHM lose or duplicate a run.",
        (f"{PYTEST} ingestion runs/tests/test_worked_sequences.py runs/tests/test_order_independence.py",
         "make faults ARGS=--quick"),
    ),
    Milestone(
        "Dashboards",
        "Every report was computed by hand for a small data set. API, SQL, boards and console return the same values.",
        (f"{PYTEST} -k 'shapes or reporting or board or grafana or metabase' chm_project",),
    ),
    Milestone(
        "Tests",
        "The most important tests pass, and so do the checks of the code and all tests.",
        ("make critical-path", "make lint", "make test"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The outcome of a command, with the last lines of its output."""

    command: str
    passed: bool
    seconds: float
    output: str


def run(title_part: str) -> int:
    """Run the commands of the milestones whose title contains `title_part`; return the exit status.

    The document shows all milestones, so write it only if `title_part` is empty.
    """
    results_by_milestone: list[tuple[Milestone, list[CommandResult]]] = []
    for milestone in MILESTONES:
        if title_part.lower() in milestone.title.lower():
            print(f"== {milestone.title}", flush=True)
            results_by_milestone.append((milestone, [_run_command(command) for command in milestone.commands]))
    all_passed = all(result.passed for _, command_results in results_by_milestone for result in command_results)
    if not title_part:
        PAGE.write_text(document(results_by_milestone), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return 0 if all_passed else 1


def _run_command(command: str) -> CommandResult:
    started = time.monotonic()
    completed = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    seconds = time.monotonic() - started
    # Remove the codes for the colours of a terminal.
    lines = [line.rstrip() for line in _COLOUR.sub("", completed.stdout).splitlines() if line.strip()]
    print(f"{'pass' if completed.returncode == 0 else 'FAIL'} {seconds:.0f} s  {command}", flush=True)
    if completed.returncode:
        # Print more lines than the document has, because the last lines usually show why the command failed.
        print("\n".join(lines[-40:]), flush=True)
    return CommandResult(command, completed.returncode == 0, seconds, "\n".join(lines[-SHOWN_LINE_COUNT:]))


def document(results_by_milestone: list[tuple[Milestone, list[CommandResult]]]) -> str:
    sections = []
    for number, (milestone, command_results) in enumerate(results_by_milestone, 1):
        parts = [
            f"## {number}. {milestone.title}: {'pass' if all(result.passed for result in command_results) else 'FAIL'}",
            milestone.purpose,
        ]
        for result in command_results:
            outcome = "pass" if result.passed else "FAIL"
            parts.append(f"`{result.command}`: {outcome}, {result.seconds:.0f} s\n\n```\n{result.output}\n```")
        sections.append("\n\n".join(parts))
    body = "\n\n".join(sections)
    packages = ", ".join(f"{name} {version(name)}" for name in ("django", "djangorestframework", "celery", "psycopg"))
    return f"""# Validation: API and ingestion

`make evidence` writes this page. It runs the commands of each milestone, and shows the last lines of their output.

Date {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {packages}, with embedded
PostgreSQL and Valkey.

{body}

## Known limits

- This page has only results with the embedded servers. `.ci/run` repeats most tests of the API, the console,
  the reports, the apps and ingestion with Debian's PostgreSQL 15 and Redis.
- The sources were tested in different ways:
    - live systems: Airflow ([results](airflow-live.md)), Prefect ([results](prefect-live.md)) and Dagster
      ([results](dagster-live.md)),
    - responses and events that were recorded from real systems: dbt and OpenLineage,
    - responses from the documentation of the system: dbt Cloud, Databricks, GitHub Actions, Airbyte and Azure Data
      Factory ([connect partners](../connectors.md) marks what is uncertain).
- Grafana, Metabase and Docker themselves were not used for this page.

[Performance](../performance.md) has figures of speed and memory. [Injected faults](faults.md) has the results of all
faults.
"""
