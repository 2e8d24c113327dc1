"""manage.py generate_history: a large, believable history in an empty database."""

from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, connection, transaction
from rich.progress import Progress

from chm_project.command_kit.progress import progress_bar
from ingestion.management.commands.ingest_runs import moment
from ingestion.synthetic.history import RUN_COLUMNS, History, Sizes
from inventory.models import Client, Pipeline
from runs.models import Run

BAD_USAGE = 2
COPY_RUNS = 100_000

EXAMPLES = """
examples:
  manage.py generate_history                                       200,000 runs of 400 pipelines, a year of them
  manage.py generate_history --clients 200 --pipelines 10000 --runs 5000000 --days 365
  manage.py generate_history --seed 7 --until 2026-11-01T00:00:00Z  the same rows every time

All or nothing: interrupted, it leaves the database as it was. Rates, flaky pipelines, incidents, late data, open runs
and missing values are drawn from the seed; nothing of it comes from a real client.
"""


def size(text: str) -> int:
    number = int(text.replace(",", "").replace("_", "")) if text.replace(",", "").replace("_", "").isdecimal() else 0
    if number < 1:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return number


class Command(BaseCommand):
    help = "Fill an empty database with a believable history of runs, for benchmarks and demonstrations."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clients", metavar="N", type=size, default=20)
        parser.add_argument("--pipelines", metavar="N", type=size, default=400)
        parser.add_argument("--runs", metavar="N", type=size, default=200_000)
        parser.add_argument("--days", metavar="N", type=size, default=365, help="how far back the history goes")
        parser.add_argument("--seed", metavar="N", type=int, default=1)
        parser.add_argument(
            "--until", metavar="ISO", type=moment, help="when the history ends (default: now, to the minute)"
        )
        parser.add_argument("--add", action="store_true", help="also where the database holds clients or runs already")

    def handle(self, *args: Any, **options: Any) -> None:
        sizes = Sizes(*(options[name] for name in ("clients", "pipelines", "runs", "days")))
        if sizes.pipelines < sizes.clients:
            raise CommandError("Every client gets a pipeline: give at least as many --pipelines as --clients.")
        if not options["add"] and (Client.objects.exists() or Run.objects.exists()):
            raise CommandError(
                "This database holds clients or runs already. Give it an empty one (CHM_DATABASE_URL), or say --add.",
                returncode=BAD_USAGE,
            )
        until = options["until"] or datetime.now(UTC).replace(second=0, microsecond=0)
        history = History(sizes, seed=options["seed"], until=until)
        try:
            with progress_bar("runs") as progress, transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL synchronous_commit = on")
                _fill(history, progress, sizes.runs)
        except IntegrityError as error:
            raise CommandError(
                f"Nothing was stored: this history, or a part of it, is here already. Choose another --seed. ({error})"
            ) from None
        with connection.cursor() as cursor:
            # Index-only scans need to know which pages hold only rows that everyone sees, and VACUUM does not say so
            # of rows whose commit, or a close one, is not on disk yet.
            cursor.execute("SET synchronous_commit = on")
            try:
                for model in (Client, Pipeline, Run):
                    cursor.execute(f"VACUUM (ANALYZE) {model._meta.db_table}")
            finally:
                cursor.execute("RESET synchronous_commit")
        self.stdout.write(
            f"{sizes.clients} clients, {sizes.pipelines} pipelines and {sizes.runs} runs over {sizes.days} days until "
            f"{until.isoformat()}, seed {options['seed']}."
        )


def _fill(history: History, progress: Progress, runs: int) -> None:
    """The one exception to the single write path of runs: bulk filling with rows that need no judgement."""
    Client.objects.bulk_create(history.clients, batch_size=5_000)
    Pipeline.objects.bulk_create(history.pipelines, batch_size=5_000)
    bar = progress.add_task("generating", total=runs)
    copy_runs = f"COPY {Run._meta.db_table} ({', '.join(RUN_COLUMNS)}) FROM STDIN"
    blocks = history.blocks()
    with connection.cursor() as cursor:
        while some := _up_to(COPY_RUNS, blocks):
            # One COPY for all would make the triggers hold every row until its end.
            with cursor.copy(copy_runs) as copy:
                for number, lines in some:
                    copy.write(lines)
                    progress.advance(bar, number)
        cursor.execute("SELECT rollup.compact()")


def _up_to(runs: int, blocks: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the next blocks with about so many runs; empty at the end."""
    some: list[tuple[int, str]] = []
    while sum(number for number, _ in some) < runs and (block := next(blocks, None)):
        some.append(block)
    return some
