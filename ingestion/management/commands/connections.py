"""manage.py connections: show the status of each connection, and how its source differs from the inventory."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from ingestion.connection_status import ConnectionStatus, read_status
from ingestion.connections import ConfigurationError, configured_connections

BAD_USAGE = 2


class Command(BaseCommand):
    help = (
        "Show the walks and errors of each connection, and the pipelines that only its source or only the inventory "
        "has. Sends no requests: the figures are those of the last walks."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="only this connection")
        parser.add_argument("--json", action="store_true", help="print everything as JSON, with the lists of pipelines")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connections = configured_connections()
            if (name := options["name"]) is not None and name not in connections:
                raise ConfigurationError(
                    [f"there is no connection {name!r}; there are: {', '.join(sorted(connections))}"]
                )
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=BAD_USAGE) from None
        now = timezone.now()
        selected_connections = [connections[name]] if name else list(connections.values())
        statuses = [read_status(connection, connections, now) for connection in selected_connections]
        if options["json"]:
            self.stdout.write(json.dumps([status.as_dict() for status in statuses], indent=2))
        else:
            self._print(statuses)

    def _print(self, statuses: list[ConnectionStatus]) -> None:
        table = Table("connection", "connector", "every", "last walk", "next walk")
        for heading in ("pipelines", "unmatched", "missing", "paused", "import errors", "failed walks"):
            table.add_column(heading, justify="right")
        for status in statuses:
            unmatched, import_errors = len(status.unmatched), len(status.import_errors)
            counts = (
                status.pipeline_count,
                unmatched,
                status.missing_count,
                status.paused_count,
                import_errors,
                status.failed_walk_count,
            )
            table.add_row(
                status.connection.name,
                status.connection.connector,
                f"{status.connection.interval_seconds} s",
                f"{status.last_walk_at:%Y-%m-%d %H:%M:%S}" if status.last_walk_at else "never",
                f"{status.next_walk_at:%H:%M:%S}",
                *map(str, counts),
            )
        # Without these options, Rich would use 80 columns if the output is not a terminal, and read brackets in texts
        # as markup.
        Console(file=self.stdout, width=160, markup=False).print(table)  # type: ignore[arg-type]
        for status in statuses:
            for error, number in status.errors:
                self.stderr.write(f"{status.connection.name}: {error} ({number} pipelines)")
            if status.source_list and status.source_list.error:
                self.stderr.write(f"{status.connection.name}: no list of pipelines: {status.source_list.error}")
