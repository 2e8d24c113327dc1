"""python -m tools.faults

Inject faults into the services that ingestion needs while it works, and count lost and duplicated runs.

All processes are real: PostgreSQL, Valkey, a Celery worker with two children, beat, and a partner over HTTP whose runs
start and end meanwhile. After each fault, when everything is idle, every run of the partner is compared with its row.
"""

import argparse
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tools.bench.servers import ROOT
from tools.faults import web
from tools.faults.scenarios import FAULTS, IngestionFault
from tools.faults.source import FaultyPartner
from tools.faults.world import Comparison, FaultWorld

INTRODUCTION = (__doc__ or "").partition("\n")[2].strip()
DOCUMENT = ROOT / "docs" / "validation" / "faults.md"


@dataclass(frozen=True, slots=True)
class FaultResult:
    """The outcome of a fault of ingestion."""

    fault: IngestionFault
    injected: int
    comparison: Comparison
    seconds: float
    error: str = ""
    restarted: int = 0

    @property
    def survived(self) -> bool:
        return not self.error and self.injected > 0 and self.comparison.clean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the faults that every CI run injects, shortened")
    parser.add_argument("--only", metavar="TEXT", default="", help="faults whose title contains this text")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.relative_to(ROOT)}")
    parser.add_argument("--web", action="store_true", help="only the faults of the web server and the API")
    parser.add_argument("--ingestion", action="store_true", help="only the faults of ingestion")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the processes' log")
    options = parser.parse_args()
    console = Console(width=140, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="chm-faults-"))
    world = FaultWorld(folder)
    chosen = [fault for fault in FAULTS if options.only in fault.title and (fault.quick or not options.quick)]
    results = []

    def show(result: web.WebFaultResult) -> None:
        console.print(web.line(result))

    try:
        web_results = []
        if not options.ingestion:
            web_results = web.run(folder / "web", quick=options.quick, only=options.only, show=show)
        if options.web:
            chosen = []
        else:
            world.start_servers()
        for fault in chosen:
            results.append(result := run_fault(world, fault, quick=options.quick))
            console.print(_line(result))
            if not result.survived:
                console.print("\n".join(world.log.read_text(errors="replace").splitlines()[-40:]), markup=False)
    finally:
        world.release()
        if options.keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    survivals = [result.survived for result in results] + [result.survived for result in web_results]
    survived = sum(survivals)
    console.print(f"{survived} of {len(survivals)} faults survived")
    # A run of one half keeps the other half of the document.
    if options.write and options.web and options.only:
        DOCUMENT.write_text(web.with_rows(DOCUMENT.read_text(), web_results))
    elif options.write and options.web:
        former = DOCUMENT.read_text().partition(f"\n{web.HEADING}")[0]
        DOCUMENT.write_text(f"{former.rstrip()}\n\n{web.table(web_results)}")
    elif options.write and options.ingestion:
        former = DOCUMENT.read_text().partition(f"\n{web.HEADING}")[2]
        DOCUMENT.write_text(f"{_document(results)}\n{web.HEADING}{former}")
    elif options.write:
        DOCUMENT.write_text(f"{_document(results)}\n{web.table(web_results)}")
    sys.exit(survived != len(survivals) or not survivals)


def run_fault(world: FaultWorld, fault: IngestionFault, *, quick: bool) -> FaultResult:
    """Inject a fault into a new installation; return the comparison after everything is idle."""
    begun, injected, error = time.monotonic(), 0, ""
    with FaultyPartner(history=150 if quick else 300) as source, world.ingesting(source, fault.connection):
        source.start_changes()
        try:
            injected = fault.inject(world, source, quick)
        except AssertionError as failed:
            error = str(failed)
        finally:
            source.stop_changes()
        comparison = world.wait_until_settled(source)
    return FaultResult(fault, injected, comparison, time.monotonic() - begun, error, world.restarted)


def _line(result: FaultResult) -> str:
    comparison = result.comparison
    return (
        f"{'ok  ' if result.survived else 'FAIL'} {result.fault.title:<40} injected {result.injected:>4}  "
        f"runs {comparison.runs:>5}  lost {comparison.lost}  duplicated {comparison.duplicated}  "
        f"wrong {comparison.wrong}  secrets shown {comparison.leaked}  restarted {result.restarted}  "
        f"{result.seconds:.0f} s {result.error}"
    )


def _document(results: list[FaultResult]) -> str:
    rows = "\n".join(
        f"| {result.fault.title} | {result.injected} | {'yes' if result.survived else 'no'} | {comparison.runs} | "
        f"{comparison.lost} | {comparison.duplicated} | {comparison.wrong} | {comparison.leaked} | {result.restarted} |"
        for result in results
        for comparison in (result.comparison,)
    )
    return f"""# Injected faults

## Ingestion

Written by `make faults` on {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}.

{INTRODUCTION}

*Injected* is how often the fault was injected: kills, restarts, or requests that were answered wrongly. *Wrong* are
rows whose status or times differ from the partner's. *Secrets shown* are places in the database, in task results and
messages, or in the log at DEBUG, that contain a secret planted in runs, errors and tokens. *Restarted* are processes of
CHM that ended by themselves and were started again, as a service manager does: Celery's Redis transport can end a
worker whose broker goes away while it holds messages.

| fault | injected | survived | runs | lost | duplicated | wrong | secrets shown | restarted |
|---|---|---|---|---|---|---|---|---|
{rows}
"""


if __name__ == "__main__":
    main()
