"""manage.py load_synthetic: load a synthetic data set, with its times moved so that it ends now."""

from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chm_project.command_kit.progress import progress_bar
from ingestion.synthetic.dataset import dataset
from ingestion.synthetic.loading import CannotLoad, FaultyDataset, load

FAILED, BAD_USAGE = 1, 2
MAX_SHOWN_FAULTS = 20

EXAMPLES = """
examples:
  manage.py load_synthetic                               load v1 with its times moved so that it ends now
  manage.py load_synthetic --end none                    load v1 with its own times
  manage.py load_synthetic --end 2026-12-24T00:00:00Z    load v1 so that it ends at this time
  manage.py load_synthetic --dataset v2                  load another data set of data/synthetic/

Safe to repeat and to interrupt: a second load moves the times by as much as the first one, and changes nothing.
exit codes: 0 loaded, 1 the data set cannot be loaded into this database, 2 bad arguments or a faulty data set
"""


def end_time(text: str) -> datetime | str:
    """Return the time, or the word "now" or "none" unchanged."""
    if text in {"now", "none"}:
        return text
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is not now, none, or a time such as 2026-11-01T00:00:00Z") from None


class Command(BaseCommand):
    help = "Load a synthetic data set: clients, pipelines, alert rules and runs."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dataset", metavar="NAME", default="v1", help="folder of data/synthetic/ (v1)")
        parser.add_argument(
            "--end", metavar="now|none|ISO", type=end_time, default="now", help="when its history ends (now)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = dataset(options["dataset"])
        except LookupError as error:
            raise CommandError(str(error.args[0]), returncode=BAD_USAGE) from None
        end: datetime | str | None = options["end"]
        end_is_fixed = end != "now"
        if end == "now":
            end = timezone.now().replace(second=0, microsecond=0)
        with progress_bar("runs") as progress:
            bar = progress.add_task(f"loading {options['dataset']}", total=None)
            try:
                load_result = load(
                    data,
                    end=end if isinstance(end, datetime) else None,
                    end_is_fixed=end_is_fixed,
                    on_runs=lambda done, total: progress.update(bar, completed=done, total=total),
                )
            except FaultyDataset as faulty:
                faults = "\n".join(str(fault) for fault in faulty.faults[:MAX_SHOWN_FAULTS])
                raise CommandError(f"{faulty} Nothing was stored.\n{faults}", returncode=BAD_USAGE) from None
            except CannotLoad as error:
                raise CommandError(f"{error} Nothing was stored.", returncode=FAILED) from None
        created = ", ".join(f"{load_result.created[what]} {what}" for what in ("clients", "pipelines", "alert rules"))
        runs = ", ".join(f"{number} {outcome}" for outcome, number in sorted(load_result.runs.items()))
        moved = (
            "as before"
            if load_result.is_repeated
            else f"moved by {load_result.shift}"
            if load_result.shift
            else "at its own times"
        )
        ends_at = load_result.ends_at.isoformat()
        self.stdout.write(f"{options['dataset']} ends at {ends_at} ({moved}); created {created}; runs: {runs}.")
