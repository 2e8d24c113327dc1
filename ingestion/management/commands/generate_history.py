"""manage.py generate_history: fill an empty database with a large, realistic history."""

from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, connection, transaction
from rich.progress import Progress

from chm_project.command_kit.progress import progress_bar
from ingestion.management.commands.ingest_runs import time_argument
from ingestion.synthetic.history import RUN_COLUMNS, History, Sizes
from inventory.models import Client, Pipeline
from runs.models import Run

BAD_USAGE = 2
RUNS_PER_COPY = 100_000

EXAMPLES = """
examples:
  manage.py generate_history                                       a year with 200,000 runs of 400 pipelines
  manage.py generate_history --clients 200 --pipelines 10000 --runs 5000000 --days 365
  manage.py generate_history --seed 7 --until 2026-11-01T00:00:00Z  the same rows every time

All rows are stored in one transaction: if it is interrupted, the database does not change. Failure rates, flaky
pipelines, incidents, late data, open runs and missing values depend on the seed. No value comes from a real client.
"""


def size_argument(text: str) -> int:
    """Return the number of an option such as 5000000, 5,000,000 or 5_000_000."""
    digits = text.replace(",", "").replace("_", "")
    number = int(digits) if digits.isdecimal() else 0
    if number < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


class Command(BaseCommand):
    help = "Fill an empty database with a realistic history of runs, for benchmarks and demonstrations."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clients", metavar="N", type=size_argument, default=20)
        parser.add_argument("--pipelines", metavar="N", type=size_argument, default=400)
        parser.add_argument("--runs", metavar="N", type=size_argument, default=200_000)
        parser.add_argument(
            "--days", metavar="N", type=size_argument, default=365, help="how far back the history goes"
        )
        parser.add_argument("--seed", metavar="N", type=int, default=1)
        parser.add_argument(
            "--until", metavar="ISO", type=time_argument, help="when the history ends (default: now, to the minute)"
        )
        parser.add_argument("--add", action="store_true", help="add to a database that has clients or runs already")

    def handle(self, *args: Any, **options: Any) -> None:
        sizes = Sizes(*(options[name] for name in ("clients", "pipelines", "runs", "days")))
        if sizes.pipelines < sizes.clients:
            raise CommandError("Every client gets a pipeline. Set --pipelines to at least the number of --clients.")
        if not options["add"] and (Client.objects.exists() or Run.objects.exists()):
            raise CommandError(
                "This database has clients or runs already. Use an empty one (CHM_DATABASE_URL), or add --add.",
                returncode=BAD_USAGE,
            )
        until = options["until"] or datetime.now(UTC).replace(second=0, microsecond=0)
        history = History(sizes, seed=options["seed"], until=until)
        try:
            with progress_bar("runs") as progress, transaction.atomic():
                # The commit must be on disk before VACUUM (see below).
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL synchronous_commit = on")
                _fill(history, progress, sizes.runs)
        except IntegrityError as error:
            raise CommandError(
                f"Nothing was stored: the database has some of these rows already. Use another --seed. ({error})"
            ) from None
        with connection.cursor() as cursor:
            # VACUUM marks pages as all-visible, which makes index-only scans fast. But it marks no page whose rows were
            # committed by a transaction that is not on disk yet. PostgreSQL checks this for groups of transactions, so
            # the next commits must be on disk too.
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


def _fill(history: History, progress: Progress, run_count: int) -> None:
    """Store the history with bulk statements.

    This is an exception to the rule that only record_runs stores new runs. It is safe, because these runs are new and
    valid.
    """
    Client.objects.bulk_create(history.clients, batch_size=5_000)
    Pipeline.objects.bulk_create(history.pipelines, batch_size=5_000)
    bar = progress.add_task("generating", total=run_count)
    copy_runs = f"COPY {Run._meta.db_table} ({', '.join(RUN_COLUMNS)}) FROM STDIN"
    blocks = history.blocks()
    with connection.cursor() as cursor:
        while batch := _next_blocks(RUNS_PER_COPY, blocks):
            # Several COPY statements, because the triggers of the roll-up keep all rows of a statement in memory until
            # its end.
            with cursor.copy(copy_runs) as copy:
                for number, lines in batch:
                    copy.write(lines)
                    progress.advance(bar, number)
        cursor.execute("SELECT rollup.compact()")


def _next_blocks(min_runs: int, blocks: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the next blocks, with at least `min_runs` runs in total.

    At the end, return fewer runs or an empty list.
    """
    batch: list[tuple[int, str]] = []
    while sum(number for number, _ in batch) < min_runs and (block := next(blocks, None)):
        batch.append(block)
    return batch
