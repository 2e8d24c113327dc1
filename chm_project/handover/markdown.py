"""Write the handover as Markdown, to paste into a chat or to print."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from chm_project.handover.report import Handover
from inventory.models import Platform
from runs.reporting.run_shapes import Row

# The title of each part of a handover. The page and the Markdown have the parts in this order.
TITLE_BY_PART = {
    "incidents": "New incidents",
    "recovered": "Recovered",
    "new": "Still failing",
    "known": "Still failing, marked as known",
    "late": "Late",
    "sources": "Sources overdue or failing",
    "changes": "Changes to rules and inventory",
}
_SPECIAL_CHARACTERS = re.compile(r"([\\`*_{}\[\]<>#|~@])")


def handover_as_markdown(handover: Handover) -> str:
    """Return the handover with a heading and a list for each part. An empty part contains "None."."""
    parts = {
        "incidents": [_incident(row) for row in handover.incidents],
        "recovered": [f"{_pipeline(row)} at {_time(row['changed_at'])}" for row in handover.recovered],
        "new": [_failing(row) for row in handover.new_failures],
        "known": [f"{_failing(row)} (known: {_escaped(row['known_reason'])})" for row in handover.known_failures],
        "late": [f"{_pipeline(row)}, expected {_time(row['expected_at'])}{_notes(row)}" for row in handover.late],
        "sources": [
            f"{_escaped(row['client_name'])}, {_platform(row)}: {row['stale']} overdue, "
            f"{row['failing_ingestion']} failing"
            for row in handover.sources_dark
        ],
        "changes": [
            f"{_time(row['changed_at'])} {row['kind']} {_escaped(row['name'])}: {_escaped(row['change'])}"
            for row in handover.changes
        ],
    }
    lines = [f"# Handover {_time(handover.since)} to {_time(handover.until)}"]
    counts = {key: len(items) for key, items in parts.items()} | {"changes": handover.change_count}
    for key, title in TITLE_BY_PART.items():
        lines += ["", f"## {title}: {counts[key]}", "", *_list_lines(parts[key], counts[key])]
    return "\n".join(lines) + "\n"


def _list_lines(items: Sequence[str], count: int) -> list[str]:
    lines = [f"- {item}" for item in items] or ["None."]
    return [*lines, "", f"The first {len(items)} of {count}."] if len(items) < count else lines


def incident_summary(row: Row) -> str:
    """Return a text about an incident, such as "2 pipelines of Acme, Borealis on Airflow"."""
    number = row["pipelines"]
    return f"{number} pipeline{'' if number == 1 else 's'} of {row['client_names']} on {_platform(row)}"


def _platform(row: Row) -> str:
    return str(Platform(row["platform"]).label)


def _incident(row: Row) -> str:
    since = _time(row["since"])
    period = f"from {since} to {_time(row['ended_at'])}" if row["ended_at"] else f"since {since}"
    return f"{_escaped(incident_summary(row))} {period}: {_error(row)}"


def _failing(row: Row) -> str:
    return f"{_pipeline(row)} since {_time(row['failing_since'])}: {_error(row)}"


def _error(row: Row) -> str:
    return _escaped(row["error_message"] or "no error text") + _notes(row)


def _notes(row: Row) -> str:
    """Return the planned maintenance, the owner and the runbook of a row as text; "" if it has none of these."""
    names = {"maintenance": "planned maintenance", "owner": "owner"}
    notes = [f" ({name}: {_escaped(row[key])})" for key, name in names.items() if row[key]]
    return "".join(notes) + (f" <{row['runbook_url']}>" if row["runbook_url"] else "")


def _pipeline(row: Row) -> str:
    return f"{_escaped(row['pipeline_name'])} of {_escaped(row['client_name'])}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _escaped(text: str) -> str:
    """Return at most 200 characters of the first line, with the special characters of Markdown and chats escaped."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return _SPECIAL_CHARACTERS.sub(r"\\\1", line[:200])
