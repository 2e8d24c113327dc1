"""manage.py rollup: verify, rebuild or compact the counts that reports over long windows read."""

import sys
from argparse import RawDescriptionHelpFormatter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from chm_project.command_kit.progress import spinner
from chm_project.command_kit.tables import show_json
from runs.rollup.maintenance import compact, differences, rebuild

EXAMPLES = """
examples:
  manage.py rollup --verify     compare the counts with the runs; exit status 1 if they differ
  manage.py rollup --rebuild    count all runs again; writers wait meanwhile
  manage.py rollup --compact    merge the partial counts; a scheduled task does this too

Triggers keep the counts exact at every commit. Each write adds rows with its own counts (partial counts), so a day has
several rows until they are merged into one. Rebuild the counts if the triggers were disabled for some time.
"""


class Command(BaseCommand):
    help = "Verify, rebuild or compact the daily and monthly counts of runs (schema rollup)."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        action = parser.add_mutually_exclusive_group(required=True)
        action.add_argument("--verify", action="store_true", help="compare the counts with the runs; change nothing")
        action.add_argument("--rebuild", action="store_true", help="count all runs again")
        action.add_argument("--compact", action="store_true", help="merge the partial counts of each day and month")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, verify: bool, **options: Any) -> None:
        with spinner("reading all runs" if not options["compact"] else "merging partial counts", quiet=options["json"]):
            if options["rebuild"]:
                rebuild()
            elif options["compact"]:
                compact()
            found_differences = differences() if verify else []
        if options["json"]:
            action = next(name for name in ("verify", "rebuild", "compact") if {**options, "verify": verify}[name])
            show_json(
                self.stdout, {"done": action, "differences": [asdict(difference) for difference in found_differences]}
            )
            sys.exit(1 if found_differences else 0)
        if options["rebuild"]:
            self.stdout.write("The counts were rebuilt from the runs.")
        elif options["compact"]:
            self.stdout.write("The partial counts were merged.")
        elif not found_differences:
            self.stdout.write("The counts agree with the runs.")
        else:
            for row in found_differences:
                self.stderr.write(f"rollup.{row.table} {row.key}: stored {row.stored}, counted {row.counted}")
            self.stderr.write("The counts differ from the runs. Run: manage.py rollup --rebuild")
            sys.exit(1)
