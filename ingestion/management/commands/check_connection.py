"""manage.py check_connection: one page of a partner, and what CHM makes of it; nothing is written."""

from argparse import RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from jmespath.exceptions import JMESPathError

from chm_project.command_kit.progress import spinner
from chm_project.command_kit.tables import show_json, show_table
from chm_project.scrubbing import scrub_text
from ingestion.assignment import assign
from ingestion.connections import ConfigurationError, Connection, configured
from ingestion.connectors.base import Page, Target
from ingestion.connectors.declarative import source_status
from ingestion.connectors.source_description import Expression, Source
from ingestion.errors import PartnerError
from ingestion.http import PartnerSession
from ingestion.management.commands.ingest_runs import uuid
from inventory.models import Pipeline
from runs.events import Rejected, RunEvent, StorableRun, storable, text

FAILED, BAD_USAGE = 1, 2
MAX_SHOWN = 80
UNREADABLE = "cannot read the time"  # as runs.events names it in status_reason

EXAMPLES = """
examples:
  manage.py check_connection northwind-airflow                    the first of its pipelines
  manage.py check_connection northwind-airflow --pipeline UUID    this one
  manage.py check_connection northwind-airflow --rows 5

It logs in, asks for one page, and shows each run as it would be stored, with what would be repaired.
exit codes: 0 the page could be read, 1 it could not, 2 bad arguments or configuration
"""


class Command(BaseCommand):
    help = (
        "Try a connection: ask its partner for one page of one pipeline's runs and show how they map. Writes nothing."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the connection, as the connections file names it")
        parser.add_argument("--pipeline", metavar="UUID", type=uuid, help="ask for this pipeline's runs")
        parser.add_argument("--rows", metavar="N", type=int, default=20, help="how many runs to show (20)")
        parser.add_argument("--json", action="store_true", help="print what would be stored as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connections = configured()
            if (name := options["name"]) not in connections:
                raise ConfigurationError(
                    [f"there is no connection {name!r}; there are: {', '.join(sorted(connections))}"]
                )
            connection = connections[name]
            selected = assign(connections, [name])[name]
            pipeline = _chosen(selected, options["pipeline"], name)
            with spinner(f"asking {name}", quiet=options["json"]):
                page, follows = _first_page(connection, selected, pipeline)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=BAD_USAGE) from None
        except PartnerError as error:
            raise CommandError(f"{name}: {error}", returncode=FAILED) from None
        made = [(event, event if isinstance(event, Rejected) else storable(event)) for event in page.events]
        if options["json"]:
            document = {
                "connection": name, "connector": connection.connector, "base_url": connection.base_url,
                "pipelines": len(selected), "external_id": pipeline.external_id, "next_page": follows,
                "runs": [_document(event, run, connection.source) for event, run in made[: options["rows"]]],
                "notices": sorted(page.notices),
            }  # fmt: skip
            show_json(self.stdout, document)
            return
        self.stdout.write(f"{name}: {connection.connector} at {connection.base_url}")
        self.stdout.write(f"selects {len(selected)} pipelines; asked for {pipeline.external_id}")
        if connection.source is not None:
            _explain(self.stdout, connection.source, page)
        _show(self.stdout, made, options["rows"], connection.source)
        self.stdout.write(f"next page: {follows}")
        for notice in sorted(page.notices):
            self.stdout.write(f"look at this: {notice}")


def _chosen(selected: list[Pipeline], wanted: object, name: str) -> Pipeline:
    if wanted is None and selected:
        return selected[0]
    found = [pipeline for pipeline in selected if pipeline.pk == wanted]
    if not found:
        what = "selects no pipeline that has an external_id" if wanted is None else f"does not select {wanted}"
        raise ConfigurationError([f"connections.{name} {what}; see its pipelines table and the inventory"])
    return found[0]


def _first_page(connection: Connection, selected: list[Pipeline], pipeline: Pipeline) -> tuple[Page, str]:
    """Return the first page, and whether another one follows: the second is requested too, and not shown."""
    target = Target(pipeline.pk, pipeline.client_id, pipeline.platform, pipeline.external_id or "", since=None)
    known = {other.external_id for other in selected}
    with PartnerSession(connection.base_url, auth=connection.authentication(), settings=connection.http) as session:
        connector = connection.connect(session, known.__contains__)
        for walk in connector.walks([target]):
            pages = walk.pages(None)
            if (page := next(pages, None)) is not None:
                return page, _following(pages)
    return Page(), "none"


def _following(pages: Iterator[Page]) -> str:
    try:
        second = next(pages, None)
    except PartnerError as error:
        return str(error)
    return "follows" if second is not None and second.events else "none, this is all"


Made = tuple[RunEvent | Rejected, StorableRun | Rejected]


def _document(event: RunEvent | Rejected, run: StorableRun | Rejected, source: Source | None) -> dict[str, Any]:
    if not isinstance(event, RunEvent) or not isinstance(run, StorableRun):
        return {"rejected": run.reason if isinstance(run, Rejected) else ""}
    return {
        "external_run_id": run.external_run_id, "source_status": _source_word(event, source), "status": run.status,
        "started_at": run.started_at, "finished_at": run.finished_at, "version": run.at, "reason": run.status_reason,
    }  # fmt: skip


def _show(out: Any, made: Sequence[Made], most: int, source: Source | None) -> None:
    rows: list[tuple[object, ...]] = []
    for event, run in made[:most]:
        if isinstance(event, RunEvent) and isinstance(run, StorableRun):
            times = [
                f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "" for moment in (run.started_at, run.finished_at, run.at)
            ]
            word = _source_word(event, source)
            rows.append((run.external_run_id, word, run.status, *times, run.status_reason))
        elif isinstance(run, Rejected):
            rows.append(("rejected", "", "", "", "", "", run.reason))
    if rows:
        columns = ("external_run_id", "source's status", "status", "started", "finished", "version", "reason")
        show_table(out, columns, rows)
    statuses = Counter(run.status if isinstance(run, StorableRun) else "rejected" for _, run in made)
    counted = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items())) or "no run"
    out.write(f"first page: {counted}. Nothing was written.")
    unreadable = sum((run.status_reason or "").count(UNREADABLE) for _, run in made if isinstance(run, StorableRun))
    if unreadable:
        out.write(f"times that could not be read: {unreadable}; see time_format")


def _explain(out: Any, source: Source, page: Page) -> None:
    """Of the first run: where a description looks, what it finds there, what would be stored."""
    event = next((event for event in page.events if isinstance(event, RunEvent)), None)
    run = storable(event) if event is not None else None
    if event is None or not isinstance(run, StorableRun):
        return
    rows = []
    for name, expression in source.fields.items():
        found = _found(expression, event.payload)
        rows.append((name, expression.text, found, getattr(run, name, "")))
    looked_at = ", ".join(expression.text for expression in source.words)
    rows.append(("status", looked_at, _source_word(event, source), run.status))
    show_table(out, ("field", "from", "the partner's", "stored"), rows, title="the first run")


def _found(expression: Expression, payload: object) -> str:
    try:
        found = expression.search(payload)
    except JMESPathError as error:
        return f"cannot be read: {str(error).splitlines()[0]}"
    return (text(found) or "")[:MAX_SHOWN]


def _source_word(event: RunEvent, source: Source | None) -> str:
    """As the source wrote it, where its answer is kept under a usual name."""
    payload = event.payload if isinstance(event.payload, dict) else {}
    if source is not None:
        return scrub_text(source_status(source, payload) or "")
    words = (payload.get(name) for name in ("state_name", "state", "status"))
    return next((word for word in words if isinstance(word, str)), str(event.status))
