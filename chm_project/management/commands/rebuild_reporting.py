"""manage.py rebuild_reporting: build the views of the schema `reporting`, or check that they are current."""

import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from chm_project.command_kit.progress import spinner
from chm_project.db.reporting import builder

EXAMPLES = """
examples:
  manage.py rebuild_reporting           build the views again, even if no file has changed
  manage.py rebuild_reporting --check   print whether the database is current; exit status 1 if it is not

manage.py migrate builds the views when a file has changed. Use this command for views that were changed or dropped by
hand. Permissions to read the views stay the same.
"""


class Command(BaseCommand):
    help = "Build the views of the schema reporting from their files, or print whether they are current."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only print whether the views are current")
        parser.add_argument(
            "--wait", type=float, default=builder.WAIT_SECONDS, metavar="SECONDS",
            help="how long to retry while other sessions read the views (default: %(default)s)",
        )  # fmt: skip

    def handle(self, *args: Any, check: bool, wait: float, **options: Any) -> None:
        unapplied_count = builder.count_unapplied_migrations(connection)
        if check:
            is_current = unapplied_count == 0 and builder.is_current(connection)
            self.stdout.write(f"The schema reporting is {'' if is_current else 'not '}current.")
            sys.exit(0 if is_current else 1)
        if unapplied_count > 0:
            raise CommandError(
                f"{unapplied_count} migrations are not applied. Run manage.py migrate, which builds the views."
            )
        with spinner("building the views"):
            view_count = builder.rebuild(connection, even_if_current=True, wait_seconds=wait)
        self.stdout.write(f"The schema reporting was built: {view_count} views.")
