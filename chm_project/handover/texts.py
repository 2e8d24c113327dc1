"""The handover as Markdown, for chats and printing."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from chm_project.handover.report import Handover
from runs.reporting.adapter import Row

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@])")


def markdown(handover: Handover) -> str:
    sections = [
        ("New incidents", [_incident(row) for row in handover.incidents]),
        ("Recovered", [f"{_pipeline(row)} at {_time(row['changed_at'])}" for row in handover.recovered]),
        ("Failing, new", [_failing(row) for row in handover.new_failures]),
        ("Failing, known", [
            f"{_failing(row)} (known: {_plain(row['known_reason'])})" for row in handover.known_failures
        ]),
        ("Late", [f"{_pipeline(row)}, expected {_time(row['expected_at'])}{_notes(row)}" for row in handover.late]),
        ("Sources overdue or failing", [
            f"{_plain(row['client_name'])}, {row['platform']}: {row['stale']} overdue, "
            f"{row['failing_ingestion']} failing"
            for row in handover.sources_dark
        ]),
        ("Changes to rules and inventory", [
            f"{_time(row['changed_at'])} {row['kind']} {_plain(row['name'])}: {_plain(row['change'])}"
            for row in handover.changes
        ]),
    ]  # fmt: skip
    lines = [f"# Handover {_time(handover.since)} to {_time(handover.until)}"]
    for title, items in sections:
        lines += ["", f"## {title}: {len(items)}", "", *_list(items)]
    return "\n".join(lines) + "\n"


def _list(items: Iterable[str]) -> list[str]:
    return [f"- {item}" for item in items] or ["None."]


def extent(row: Row) -> str:
    """Return what an incident covers: its pipelines, clients and platform."""
    number = row["pipelines"]
    return f"{number} pipeline{'' if number == 1 else 's'} of {row['client_names']} on {row['platform']}"


def _incident(row: Row) -> str:
    since = _time(row["since"])
    lasted = f"from {since} to {_time(row['ended_at'])}" if row["ended_at"] else f"since {since}"
    return f"{_plain(extent(row))} {lasted}: {_error(row)}"


def _failing(row: Row) -> str:
    return f"{_pipeline(row)} since {_time(row['failing_since'])}: {_error(row)}"


def _error(row: Row) -> str:
    return _plain(row["error_message"] or "no error text") + _notes(row)


def _notes(row: Row) -> str:
    """Return the notes of the maintenance file for a row."""
    names = {"maintenance": "planned maintenance", "owner": "owner"}
    found = [f" ({name}: {_plain(row[key])})" for key, name in names.items() if row[key]]
    return "".join(found) + (f" <{row['runbook_url']}>" if row["runbook_url"] else "")


def _pipeline(row: Row) -> str:
    return f"{_plain(row['pipeline_name'])} of {_plain(row['client_name'])}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _plain(text: str) -> str:
    """Return the first line of a foreign text, without characters of Markdown and chats."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return _SPECIAL.sub(r"\\\1", line[:200])
