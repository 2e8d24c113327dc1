"""manage.py check_connection: request a page of runs and show how CHM would store it. Writes nothing."""

from argparse import RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from jmespath.exceptions import JMESPathError

from chm_project.command_kit.progress import spinner
from chm_project.command_kit.tables import show_json, show_table
from chm_project.scrubbing import scrub_text
from ingestion.assignment import assign_pipelines
from ingestion.connections import ConfigurationError, Connection, configured_connections
from ingestion.connectors.base import Page, Target
from ingestion.connectors.declarative import source_status
from ingestion.connectors.source_description import Expression, SourceDescription
from ingestion.errors import PartnerError
from ingestion.http import PartnerSession
from ingestion.management.commands.ingest_runs import uuid_argument
from inventory.models import Pipeline
from runs.events import Rejected, RunEvent, StorableRun, scrubbed_text, to_storable_run

FAILED, BAD_USAGE = 1, 2
MAX_VALUE_LENGTH = 80
UNREADABLE_TIME = "cannot read the time"  # if a time cannot be read, runs.events writes these words into status_reason

EXAMPLES = """
examples:
  manage.py check_connection northwind-airflow                    read the runs of its first pipeline
  manage.py check_connection northwind-airflow --pipeline UUID    read the runs of this pipeline
  manage.py check_connection northwind-airflow --rows 5           show only five runs

It logs in, requests a page, and shows how each run would be stored and which values would be left out.
It requests the next page only to show whether there is one.
exit codes: 0 the page could be read, 1 it could not, 2 bad arguments or configuration
"""


class Command(BaseCommand):
    help = (
        "Test a connection: request one page of one pipeline's runs and show how CHM would store them. Writes nothing."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the connection's name in the connections file")
        parser.add_argument("--pipeline", metavar="UUID", type=uuid_argument, help="request this pipeline's runs")
        parser.add_argument("--rows", metavar="N", type=int, default=20, help="how many runs to show (20)")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connections = configured_connections()
            if (name := options["name"]) not in connections:
                raise ConfigurationError(
                    [f"there is no connection {name!r}; there are: {', '.join(sorted(connections))}"]
                )
            connection = connections[name]
            selected_pipelines = assign_pipelines(connections, [name])[name]
            pipeline = _pipeline(selected_pipelines, options["pipeline"], name)
            with spinner(f"requesting a page from {name}", quiet=options["json"]):
                page, next_page_text = _first_page(connection, selected_pipelines, pipeline)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=BAD_USAGE) from None
        except PartnerError as error:
            raise CommandError(f"{name}: {error}", returncode=FAILED) from None
        results = [(event, event if isinstance(event, Rejected) else to_storable_run(event)) for event in page.events]
        if options["json"]:
            document = {
                "connection": name, "connector": connection.connector, "base_url": connection.base_url,
                "pipelines": len(selected_pipelines), "external_id": pipeline.external_id, "next_page": next_page_text,
                "runs": [
                    _run_as_dict(event, run, connection.source_description) for event, run in results[: options["rows"]]
                ],
                "notices": sorted(page.notices),
            }  # fmt: skip
            show_json(self.stdout, document)
            return
        self.stdout.write(f"{name}: {connection.connector} at {connection.base_url}")
        self.stdout.write(f"selects {len(selected_pipelines)} pipelines; requested {pipeline.external_id}")
        if connection.source_description is not None:
            _explain_first_run(self.stdout, connection.source_description, page)
        _print_runs(self.stdout, results, options["rows"], connection.source_description)
        self.stdout.write(f"next page: {next_page_text}")
        for notice in sorted(page.notices):
            self.stdout.write(f"notice: {notice}")


def _pipeline(selected_pipelines: list[Pipeline], pipeline_id: object, name: str) -> Pipeline:
    """Return the selected pipeline with this id, or the first one if the id is None.

    Raise ConfigurationError if there is none.
    """
    if pipeline_id is None and selected_pipelines:
        return selected_pipelines[0]
    matching = [pipeline for pipeline in selected_pipelines if pipeline.pk == pipeline_id]
    if not matching:
        what = "selects no pipeline with an external_id" if pipeline_id is None else f"does not select {pipeline_id}"
        raise ConfigurationError([f"connections.{name} {what}; see its pipelines table and the inventory"])
    return matching[0]


def _first_page(connection: Connection, selected_pipelines: list[Pipeline], pipeline: Pipeline) -> tuple[Page, str]:
    """Return the first page, and a text that says whether a next page exists. Request the next page to find out."""
    target = Target(pipeline.pk, pipeline.client_id, pipeline.platform, pipeline.external_id or "", since=None)
    external_ids = {other.external_id for other in selected_pipelines}
    with PartnerSession(
        connection.base_url, auth=connection.create_auth(), settings=connection.http_settings
    ) as session:
        connector = connection.create_connector(session, external_ids.__contains__)
        for walk in connector.walks([target]):
            pages = walk.pages(None)
            if (page := next(pages, None)) is not None:
                return page, _next_page_text(pages)
    return Page(), "none"


def _next_page_text(pages: Iterator[Page]) -> str:
    """Request the next page. Return a text that says whether the page exists, or why the request failed."""
    try:
        second_page = next(pages, None)
    except PartnerError as error:
        return str(error)
    return "follows" if second_page is not None and second_page.events else "none, this is the only page"


# An event of the page, and the run as it would be stored.
EventAndRun = tuple[RunEvent | Rejected, StorableRun | Rejected]


def _run_as_dict(
    event: RunEvent | Rejected, run: StorableRun | Rejected, description: SourceDescription | None
) -> dict[str, Any]:
    if not isinstance(event, RunEvent) or not isinstance(run, StorableRun):
        return {"rejected": run.reason if isinstance(run, Rejected) else ""}
    return {
        "external_run_id": run.external_run_id, "source_status": _original_status(event, description),
        "status": run.status, "started_at": run.started_at, "finished_at": run.finished_at,
        "version": run.source_updated_at, "reason": run.status_reason,
    }  # fmt: skip


def _print_runs(out: Any, results: Sequence[EventAndRun], max_rows: int, description: SourceDescription | None) -> None:
    rows: list[tuple[object, ...]] = []
    for event, run in results[:max_rows]:
        if isinstance(event, RunEvent) and isinstance(run, StorableRun):
            times = [
                f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
                for moment in (run.started_at, run.finished_at, run.source_updated_at)
            ]
            original = _original_status(event, description)
            rows.append((run.external_run_id, original, run.status, *times, run.status_reason))
        elif isinstance(run, Rejected):
            rows.append(("rejected", "", "", "", "", "", run.reason))
    if rows:
        columns = ("external_run_id", "source's status", "status", "started", "finished", "version", "reason")
        show_table(out, columns, rows)
    statuses = Counter(run.status if isinstance(run, StorableRun) else "rejected" for _, run in results)
    counts = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items())) or "no run"
    out.write(f"first page: {counts}. Nothing was written.")
    stored = [run for _, run in results if isinstance(run, StorableRun)]
    unreadable = sum((run.status_reason or "").count(UNREADABLE_TIME) for run in stored)
    if unreadable:
        out.write(f"times that could not be read: {unreadable}; see time_format")


def _explain_first_run(out: Any, description: SourceDescription, page: Page) -> None:
    """Print the expression, the partner's value and the stored value of each field of the first run."""
    event = next((event for event in page.events if isinstance(event, RunEvent)), None)
    run = to_storable_run(event) if event is not None else None
    if event is None or not isinstance(run, StorableRun):
        return
    rows = []
    for name, expression in description.fields.items():
        rows.append((name, expression.text, _value(expression, event.payload), getattr(run, name, "")))
    expressions = ", ".join(expression.text for expression in description.status_expressions)
    rows.append(("status", expressions, _original_status(event, description), run.status))
    show_table(out, ("field", "expression", "partner's value", "stored value"), rows, title="the first run")


def _value(expression: Expression, payload: object) -> str:
    try:
        value = expression.search(payload)
    except JMESPathError as error:
        return f"cannot be read: {str(error).splitlines()[0]}"
    return (scrubbed_text(value) or "")[:MAX_VALUE_LENGTH]


def _original_status(event: RunEvent, description: SourceDescription | None) -> str:
    """Return the status in the source's words.

    If the payload has none, return an empty text for a source with a description, else CHM's status.
    """
    payload = event.payload if isinstance(event.payload, dict) else {}
    if description is not None:
        return scrub_text(source_status(description, payload) or "")
    # The fields of Prefect, of Airflow, and of Dagster and the generic partner API.
    words = (payload.get(name) for name in ("state_name", "state", "status"))
    return next((word for word in words if isinstance(word, str)), str(event.status))
