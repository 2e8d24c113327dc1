"""manage.py scrub_stored: apply the current scrubbing rules to stored rows."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from rich.progress import Progress

from chm_project.command_kit.progress import progress_bar
from runs.stored_secrets import TABLES, ScrubbedTable, forget_position, rows_left, scrub_table


class Command(BaseCommand):
    help = "Remove secrets from stored rows by the current rules. If it was interrupted, it continues where it stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count what would change; change nothing")
        parser.add_argument(
            "--restart", action="store_true", help="start at the first row, not where the last call stopped"
        )

    def handle(self, *args: Any, dry_run: bool, restart: bool, **options: Any) -> None:
        with progress_bar("rows") as progress:
            for table in TABLES:
                if restart and not dry_run:
                    forget_position(table)
                self.stdout.write(self._scrub(table, progress, dry_run=dry_run))

    def _scrub(self, table: ScrubbedTable, progress: Progress, *, dry_run: bool) -> str:
        task = progress.add_task(table.name, total=rows_left(table, dry_run=dry_run))
        read = changed = unmasked_ids = 0
        for batch in scrub_table(table, dry_run=dry_run):
            read, changed, unmasked_ids = read + batch.read, changed + batch.changed, unmasked_ids + batch.unmasked_ids
            progress.advance(task, batch.read)
        line = f"{table.name}: {changed:,} of {read:,} rows {'would change' if dry_run else 'changed'}"
        if unmasked_ids:
            line += f"; ids that still contain a secret, because another run has the masked id: {unmasked_ids:,}"
        return line
