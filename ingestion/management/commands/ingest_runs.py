"""manage.py ingest_runs: ingest runs now, without beat and workers."""

import json
import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chm_project.command_kit.progress import progress_bar
from chm_project.command_kit.tables import show_table
from ingestion.assignment import assign_pipelines, pipelines_without_connection, why_not_ingested
from ingestion.connections import ConfigurationError, Connection, configured_connections, missing_secrets
from ingestion.remapping import remap
from ingestion.report import Report
from ingestion.scope import IngestionScope
from ingestion.services import ingest_connection
from inventory.models import Client, Pipeline

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130
SHOWN_COUNTS = ("pages_processed", "created", "updated", "unchanged", "stale", "pruned", "rejected")

EXAMPLES = """
examples:
  manage.py ingest_runs                                  all connections, changes since the last ingestion
  manage.py ingest_runs --connection northwind-airflow   one connection
  manage.py ingest_runs --client "Northwind" --full      all runs of one client that its partners still have
  manage.py ingest_runs --since 2026-11-01T00:00:00Z     changes since a time, to fill a gap
  manage.py ingest_runs --connection house --remap       apply a changed description to stored runs
  manage.py ingest_runs --dry-run --json                 show the result as JSON and store nothing

exit codes: 0 success, 1 a walk failed (the others are stored), 2 bad arguments or configuration, 130 interrupted
"""


def time_argument(text: str) -> datetime:
    """Return the time of an option, in UTC if it has no zone. Raise ArgumentTypeError."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an ISO 8601 time, such as 2026-11-01T00:00:00Z") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _require_description(connections: Iterable[Connection], *, is_named: bool) -> None:
    """Raise ConfigurationError if the user named a connection that has no description."""
    for connection in connections:
        if is_named and connection.source_description is None:
            raise ConfigurationError([f"{connection.name}: the connector {connection.connector} has no description"])


def uuid_argument(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a UUID") from None


class Command(BaseCommand):
    help = (
        "Ingest runs from the configured partner systems. Safe to repeat and to interrupt: no run is lost or stored "
        "twice."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--connection", metavar="NAME", help="only this connection")
        parser.add_argument("--client", metavar="NAME", help="only pipelines of this client")
        parser.add_argument("--pipeline", metavar="UUID", type=uuid_argument, help="only this pipeline")
        start = parser.add_mutually_exclusive_group()
        start.add_argument(
            "--since", metavar="ISO", type=time_argument, help="start at this time instead of each pipeline's watermark"
        )
        start.add_argument("--full", action="store_true", help="start at the beginning")
        start.add_argument(
            "--remap",
            action="store_true",
            help="translate stored responses again after fields or status in a description changed; sends no requests",
        )
        parser.add_argument("--dry-run", action="store_true", help="send the requests but store nothing")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connections = configured_connections()
            if (name := options["connection"]) is not None and name not in connections:
                raise ConfigurationError(
                    [f"there is no connection {name!r}; there are: {', '.join(sorted(connections))}"]
                )
            selected_connections = [connections[name]] if name is not None else list(connections.values())
            # Checked before the first request, so that all missing secrets are reported together. --remap sends no
            # requests.
            if not options["remap"] and (missing := missing_secrets(selected_connections)):
                raise ConfigurationError(missing)
            if options["remap"]:
                _require_description(selected_connections, is_named=name is not None)
                selected_connections = [
                    connection for connection in selected_connections if connection.source_description is not None
                ]
            assigned = assign_pipelines(connections)
            scope = self._scope(options, connections)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=BAD_USAGE) from None
        reports: list[Report] = []
        was_interrupted = False
        with progress_bar("pipelines", quiet=options["json"]) as progress:
            for connection in selected_connections:
                pipelines = assigned[connection.name]
                bar = progress.add_task(connection.name, total=sum(map(scope.covers, pipelines)))
                reports.append(report := Report(connection.name))
                if options["remap"]:
                    pipelines = list(filter(scope.covers, pipelines))
                    reports[-1] = remap(connection, pipelines, dry_run=scope.dry_run)
                    progress.advance(bar, len(pipelines))
                    continue
                try:
                    ingest_connection(
                        connection,
                        pipelines,
                        scope,
                        report=report,
                        on_walk=lambda done, bar=bar: progress.advance(bar, done),  # type: ignore[misc]
                    )
                except KeyboardInterrupt:
                    was_interrupted = True
                    break
        self._print(reports, list(pipelines_without_connection(connections)), scope, as_json=options["json"])
        if was_interrupted:
            self.stderr.write("Interrupted. Stored runs stay; run the command again to continue.")
            sys.exit(INTERRUPTED)
        # No CommandError here, because the errors are already printed.
        if any(report.errors for report in reports):
            sys.exit(FAILED)

    def _scope(self, options: dict[str, Any], connections: Mapping[str, Connection]) -> IngestionScope:
        client_id = pipeline_id = None
        if (name := options["client"]) is not None:
            client = Client.objects.filter(name=name).first()
            if client is None:
                raise ConfigurationError([f"there is no client named {name!r}"])
            client_id = client.id
        if (requested_id := options["pipeline"]) is not None:
            pipeline = Pipeline.objects.filter(pk=requested_id).select_related("client").first()
            if pipeline is None:
                raise ConfigurationError([f"there is no pipeline {requested_id}"])
            name = options["connection"]
            if reason := why_not_ingested(pipeline, connections, name=name, client_id=client_id):
                raise ConfigurationError([f"{pipeline.name}: {reason}"])
            pipeline_id = pipeline.id
        return IngestionScope(
            client_id=client_id,
            pipeline_id=pipeline_id,
            since=options["since"],
            full=options["full"],
            dry_run=options["dry_run"],
        )

    def _print(
        self, reports: list[Report], unselected_pipelines: list[Pipeline], scope: IngestionScope, *, as_json: bool
    ) -> None:
        if as_json:
            document = {
                "dry_run": scope.dry_run,
                "connections": [report.as_dict() for report in reports],
                "unselected_pipelines": [str(pipeline.id) for pipeline in unselected_pipelines],
            }
            self.stdout.write(json.dumps(document, indent=2))
            return
        numeric_columns = ("pipelines", "pages", *SHOWN_COUNTS[1:], "unknown", "errors")
        rows = [
            (report.connection, report.pipelines_processed, *(getattr(report, name) for name in SHOWN_COUNTS),
             report.unknown_pipelines, len(report.errors))
            for report in reports
        ]  # fmt: skip
        title = "Dry run: nothing was stored" if scope.dry_run else ""
        show_table(self.stdout, ("connection", *numeric_columns), rows, title=title, numeric_columns=numeric_columns)
        for report in reports:
            for error in report.errors:
                external_id = f" {error['pipeline']}" if error["pipeline"] else ""
                self.stderr.write(f"{report.connection}{external_id}: {error['error']}")
            for notice in sorted(report.notices):
                self.stderr.write(f"{report.connection}: {notice}")
            for reason in report.rejections:
                self.stderr.write(f"{report.connection}: rejected: {reason}")
            if report.unknown:
                examples = ", ".join(sorted(report.unknown)[:10])
                self.stderr.write(f"{report.connection}: not in the inventory: {examples}")
        if unselected_pipelines:
            examples = ", ".join(f"{pipeline.client.name}/{pipeline.name}" for pipeline in unselected_pipelines[:10])
            self.stderr.write(f"pipelines that no connection selects: {len(unselected_pipelines)}, such as {examples}")
