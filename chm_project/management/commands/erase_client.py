"""manage.py erase_client: remove a client and everything that belongs to it."""

import getpass
import os
import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from chm_project.command_kit.progress import progress_bar
from chm_project.operations.erasure import count_owned_rows, erase_client
from inventory.models import Client

BAD_USAGE, INTERRUPTED = 2, 130

EXAMPLES = """
examples:
  manage.py erase_client "Northwind"                    print what would be removed, then ask for the name
  manage.py erase_client "Northwind" --yes "Northwind"  the same without the question, for scripts

Only a backup can restore the client. To stop watching a client and keep its history, disable it instead.
The admin log keeps an entry with the client's name and the numbers of removed rows. Safe to interrupt and to repeat.
exit codes: 0 erased; 2 not erased, because the client is unknown or its name was not repeated; 130 interrupted
"""


class Command(BaseCommand):
    help = "Remove a client permanently, with its pipelines, their runs, its alert rules and the tokens bound to it."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the client's full name")
        parser.add_argument("--yes", metavar="NAME", help="the name again; skips the question")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if (client := Client.objects.filter(name=name).first()) is None:
            raise CommandError(f"There is no client named {name!r}.", returncode=BAD_USAGE)
        owned_rows = count_owned_rows(client)
        state = "active" if client.is_active else "disabled"
        self.stderr.write(f"This removes the {state} client {name} permanently, with {owned_rows}.")
        try:
            typed_name = options["yes"] if options["yes"] is not None else self._ask_for_name()
            if typed_name != name:
                raise CommandError(f"{typed_name!r} is not {name!r}. Nothing was removed.", returncode=BAD_USAGE)
            erased = self._erase(client, owned_rows.runs)
        except KeyboardInterrupt:
            self.stderr.write("\nInterrupted. Rows that were removed are gone; run the command again to continue.")
            sys.exit(INTERRUPTED)
        self.stdout.write(f"Removed {name} with {erased}.")

    def _ask_for_name(self) -> str:
        self.stderr.write("Type the name of the client to remove it: ", ending="")
        self.stderr.flush()
        return sys.stdin.readline().rstrip("\n")

    def _erase(self, client: Client, run_count: int) -> object:
        with progress_bar("runs") as progress:
            bar = progress.add_task("removing", total=run_count)
            return erase_client(
                client, erased_by=_account_name(), on_batch=lambda removed: progress.update(bar, completed=removed)
            )


def _account_name() -> str:
    """Return the name of the operator's account. In a container the account often has only a number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError until Python 3.12
        return f"user {os.getuid()}"
