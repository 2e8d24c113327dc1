"""manage.py prune_runs: delete runs older than an age."""

import json
import sys
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chm_project.command_kit.progress import progress_bar
from chm_project.settings.environment import parse_age
from inventory.models import Client
from runs.retention import PruneSelection, count_prunable, prune

# The exit codes of argparse for bad arguments, and of shells for SIGINT (128 + 2).
BAD_USAGE, INTERRUPTED = 2, 130

EXAMPLES = """
examples:
  manage.py prune_runs --older-than 400d --dry-run            count the runs; change nothing
  manage.py prune_runs --older-than 400d                      delete them
  manage.py prune_runs --older-than 90d --keep-failures       keep every failed run
  manage.py prune_runs --older-than 30d --client "Northwind"  delete only runs of this client

The age of a run counts from its event_at: when it ended; without an end, when it started; without both, when CHM stored
it. A pipeline always keeps its latest run, its latest decisive run, its last success and the failed runs of its current
streak. CHM does not store deleted runs again if a source sends them. You can interrupt and repeat the command.
exit codes: 0 done, 2 bad arguments, 130 interrupted
"""


def age(text: str) -> timedelta:
    try:
        return parse_age(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


class Command(BaseCommand):
    help = "Delete runs older than an age, in batches. Pipelines keep the runs that show their current state."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", metavar="AGE", type=age, required=True, help="an age such as 400d")
        parser.add_argument("--keep-failures", action="store_true", help="keep failed runs of any age")
        parser.add_argument("--client", metavar="NAME", help="only pipelines of this client")
        parser.add_argument("--dry-run", action="store_true", help="only count the runs")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        client_id = None
        if (name := options["client"]) is not None:
            client_id = Client.objects.filter(name=name).values_list("pk", flat=True).first()
            if client_id is None:
                raise CommandError(f"There is no client named {name!r}.", returncode=BAD_USAGE)
        selection = PruneSelection(
            cutoff=timezone.now() - options["older_than"],
            keep_failures=options["keep_failures"],
            client_id=client_id,
        )
        if options["dry_run"]:
            counts = count_prunable(selection)
            self._print(selection, sum(counts.values()), len(counts), options)
            return
        deleted = 0
        with progress_bar("runs", quiet=options["json"]) as progress:
            bar = progress.add_task("pruning", total=None)

            def on_batch(deleted_so_far: int, expected: int) -> None:
                nonlocal deleted
                deleted = deleted_so_far
                progress.update(bar, completed=deleted_so_far, total=expected)

            try:
                pruned = prune(selection, on_batch=on_batch)
            except KeyboardInterrupt:
                # Each batch was committed, so the deleted runs stay deleted.
                progress.stop()
                self.stderr.write(f"Interrupted after {deleted} runs were deleted. Run the command again to continue.")
                sys.exit(INTERRUPTED)
        self._print(selection, pruned.run_count, pruned.pipeline_count, options)

    def _print(self, selection: PruneSelection, run_count: int, pipeline_count: int, options: dict[str, Any]) -> None:
        cutoff = f"{selection.cutoff:%Y-%m-%dT%H:%M:%SZ}"
        if options["json"]:
            document = {"dry_run": options["dry_run"], "before": cutoff, "pipelines": pipeline_count, "runs": run_count}
            self.stdout.write(json.dumps(document))
            return
        effect = "would be deleted" if options["dry_run"] else "were deleted"
        self.stdout.write(f"{run_count} runs of {pipeline_count} pipelines from before {cutoff} {effect}.")
