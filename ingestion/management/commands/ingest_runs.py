"""manage.py ingest_runs: one ingestion by hand."""

import json
import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chm_project.command_kit.progress import progress_bar
from chm_project.command_kit.tables import show_table
from ingestion.assignment import assign, unselected
from ingestion.connections import ConfigurationError, Connection, configured, missing_secrets
from ingestion.remapping import remap
from ingestion.report import Report
from ingestion.scope import IngestionScope
from ingestion.services import ingest_connection
from inventory.models import Client, Pipeline

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130
COUNTS = ("pages_processed", "created", "updated", "unchanged", "stale", "pruned", "rejected")

EXAMPLES = """
examples:
  manage.py ingest_runs                                  what changed since the last time, on all connections
  manage.py ingest_runs --connection northwind-airflow   one connection
  manage.py ingest_runs --client "Northwind" --full      everything one client's partners still have
  manage.py ingest_runs --since 2026-11-01T00:00:00Z     fill a gap
  manage.py ingest_runs --connection house --remap       apply a changed description to what is stored
  manage.py ingest_runs --dry-run --json                 what would happen, for a program

exit codes: 0 all went well, 1 something failed (the rest is ingested), 2 bad arguments or configuration,
            130 interrupted
"""


def moment(text: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an ISO 8601 time, such as 2026-11-01T00:00:00Z") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _only_described(connections: Iterable[Connection], *, named: bool) -> None:
    """Raise ConfigurationError if a connection was named whose answers no description translates."""
    for connection in connections:
        if named and connection.source is None:
            raise ConfigurationError([f"{connection.name}: {connection.connector} has no description to apply again"])


def uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a UUID") from None


class Command(BaseCommand):
    help = (
        "Ingest runs from the configured partner systems. Safe to repeat and to interrupt: nothing is lost or doubled."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--connection", metavar="NAME", help="only this connection")
        parser.add_argument("--client", metavar="NAME", help="only pipelines of this client")
        parser.add_argument("--pipeline", metavar="UUID", type=uuid, help="only this pipeline")
        start = parser.add_mutually_exclusive_group()
        start.add_argument(
            "--since", metavar="ISO", type=moment, help="from this time, instead of each pipeline's watermark"
        )
        start.add_argument("--full", action="store_true", help="from the beginning")
        start.add_argument(
            "--remap",
            action="store_true",
            help="translate the stored answers again, after fields or status in a description changed; asks no partner",
        )
        parser.add_argument("--dry-run", action="store_true", help="ask the partners, store nothing")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connections = configured()
            if (name := options["connection"]) is not None and name not in connections:
                raise ConfigurationError(
                    [f"there is no connection {name!r}; there are: {', '.join(sorted(connections))}"]
                )
            chosen = [connections[name]] if name is not None else list(connections.values())
            if missing := missing_secrets(chosen):
                raise ConfigurationError(missing)
            if options["remap"]:
                _only_described(chosen, named=name is not None)
                chosen = [connection for connection in chosen if connection.source is not None]
            assigned = assign(connections)
            scope = self._scope(options)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=BAD_USAGE) from None
        reports: list[Report] = []
        interrupted = False
        with progress_bar("pipelines", quiet=options["json"]) as progress:
            for connection in chosen:
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
                    interrupted = True
                    break
        self._print(reports, list(unselected(connections)), scope, as_json=options["json"])
        if interrupted:
            self.stderr.write("Interrupted. What was stored stays; run the command again to go on.")
            sys.exit(INTERRUPTED)
        if any(report.errors for report in reports):
            sys.exit(FAILED)

    def _scope(self, options: dict[str, Any]) -> IngestionScope:
        client_id = pipeline_id = None
        if (name := options["client"]) is not None:
            client = Client.objects.filter(name=name).first()
            if client is None:
                raise ConfigurationError([f"there is no client named {name!r}"])
            client_id = client.id
        if (wanted := options["pipeline"]) is not None:
            pipeline = Pipeline.objects.filter(pk=wanted).select_related("client").first()
            if pipeline is None:
                raise ConfigurationError([f"there is no pipeline {wanted}"])
            if not Pipeline.objects.ingestible().filter(pk=wanted).exists():
                raise ConfigurationError(
                    [f"pipeline {pipeline.name!r} is not ingested: it is disabled, or has no external_id"]
                )
            pipeline_id = pipeline.id
        return IngestionScope(
            client_id=client_id,
            pipeline_id=pipeline_id,
            since=options["since"],
            full=options["full"],
            dry_run=options["dry_run"],
        )

    def _print(self, reports: list[Report], left_out: list[Pipeline], scope: IngestionScope, *, as_json: bool) -> None:
        if as_json:
            document = {
                "dry_run": scope.dry_run,
                "connections": [report.as_dict() for report in reports],
                "unselected_pipelines": [str(pipeline.id) for pipeline in left_out],
            }
            self.stdout.write(json.dumps(document, indent=2))
            return
        numbers = ("pipelines", "pages", *COUNTS[1:], "unknown", "errors")
        rows = [
            (report.connection, report.pipelines_processed, *(getattr(report, name) for name in COUNTS),
             report.unknown_pipelines, len(report.errors))
            for report in reports
        ]  # fmt: skip
        title = "Dry run: nothing was stored" if scope.dry_run else ""
        show_table(self.stdout, ("connection", *numbers), rows, title=title, numbers=numbers)
        for report in reports:
            for error in report.errors:
                of = f" {error['pipeline']}" if error["pipeline"] else ""
                self.stderr.write(f"{report.connection}{of}: {error['error']}")
            for notice in sorted(report.notices):
                self.stderr.write(f"{report.connection}: {notice}")
            for reason in report.rejections:
                self.stderr.write(f"{report.connection}: rejected: {reason}")
            if report.unknown:
                some = ", ".join(sorted(report.unknown)[:10])
                self.stderr.write(f"{report.connection}: not in the inventory: {some}")
        if left_out:
            some = ", ".join(f"{pipeline.client.name}/{pipeline.name}" for pipeline in left_out[:10])
            self.stderr.write(f"{len(left_out)} pipelines are selected by no connection: {some}")
