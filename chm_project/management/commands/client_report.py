"""manage.py client_report: write a client's report for a period to one HTML file."""

from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.staticfiles import finders
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.text import slugify

from chm_project.console.pages.client_report import PERIOD_DAYS, UnknownPeriod, period_of, read_report
from inventory.models import Client

BAD_USAGE = 2

EXAMPLES = """
examples:
  manage.py client_report "Northwind" --month 2026-10
  manage.py client_report "Northwind" --days 90 --output report.html

exit codes: 0 written, 1 the file cannot be written, 2 the client is unknown or an argument is invalid
"""


class Command(BaseCommand):
    help = "Write a client's health report, the same as in the console, to one self-contained HTML file."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("client", help="the name of the client, or its id")
        period = parser.add_mutually_exclusive_group(required=True)
        period.add_argument("--month", metavar="YYYY-MM", help="a month in UTC, such as 2026-10")
        period.add_argument("--days", type=int, choices=PERIOD_DAYS, help="this many days, up to and including today")
        parser.add_argument(
            "--output", metavar="FILE", help="file to write (default: CLIENT-PERIOD.html in this folder)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        client = _client(options["client"])
        try:
            period = period_of(options["month"] or f"{options['days']}d", timezone.now())
        except UnknownPeriod as error:
            raise CommandError(str(error), returncode=BAD_USAGE) from error
        context = {"report": read_report(client, period, linked=False), "styles": _styles()}
        path = Path(options["output"] or f"{slugify(client.name) or 'client'}-{period.key}.html")
        try:
            path.write_text(render_to_string("console/client_report_file.html", context), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"The report cannot be written: {error}") from error
        self.stdout.write(str(path))


def _client(name_or_id: str) -> Client:
    try:
        client = Client.objects.filter(pk=UUID(name_or_id)).first()
    except ValueError:
        client = Client.objects.filter(name__iexact=name_or_id.strip()).order_by("name").first()
    if client is None:
        raise CommandError(f"There is no client with the name or id {name_or_id!r}.", returncode=BAD_USAGE)
    return client


def _styles() -> str:
    path: Any = finders.find("console/console.css")
    return mark_safe(Path(path).read_text(encoding="utf-8"))  # noqa: S308 - our own file
