"""python -m tools.faults: inject faults around the web server, and faults while CHM ingests runs.

After each fault, the test counts the lost runs.
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
from tools.faults.installation import Comparison, LocalInstallation
from tools.faults.scenarios import FAULTS, IngestionFault
from tools.faults.source import FaultyPartner

DOCUMENT = ROOT / "docs" / "validation" / "faults.md"
INTRODUCTION_OF_INGESTION = """\
This test injects faults while CHM ingests runs: it stops or disturbs a service that ingestion needs. Then it counts
lost and duplicated runs.

The partner is simulated. It answers over HTTP, and its runs start and end during the fault. All other processes are
real: PostgreSQL, Valkey, beat, and a Celery worker with two child processes. After the fault, the test waits until CHM
has ingested all changes, for at most 120 s. Then it compares each run of the partner with the row in CHM."""


@dataclass(frozen=True, slots=True)
class IngestionFaultResult:
    """The result of a fault of ingestion.

    `comparison` compares the partner's runs with the stored runs. `restart_count` counts the processes of CHM that
    ended by themselves and were started again.
    """

    fault: IngestionFault
    injection_count: int
    comparison: Comparison
    seconds: float
    error: str = ""
    restart_count: int = 0

    @property
    def survived(self) -> bool:
        return not self.error and self.injection_count > 0 and self.comparison.is_faultless


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only the faults that every CI run injects, shortened")
    parser.add_argument("--only", metavar="TEXT", default="", help="only faults whose title contains this text")
    parser.add_argument("--write", action="store_true", help=f"write {DOCUMENT.relative_to(ROOT)}")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--web", action="store_true", help="only the faults of the web server and the API")
    kind.add_argument("--ingestion", action="store_true", help="only the faults of ingestion")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the processes' log")
    options = parser.parse_args()
    if options.write and options.only and not options.web:
        parser.error("--write with --only needs --web: the table of ingestion is written as a whole")
    if options.write and options.quick:
        parser.error("--write needs all faults in their full length: leave out --quick")
    console = Console(width=140, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="chm-faults-"))
    installation = LocalInstallation(folder)
    chosen_faults = [
        fault for fault in FAULTS if options.only in fault.title and (fault.is_in_quick_run or not options.quick)
    ]
    ingestion_results = []

    def print_result(result: web.WebFaultResult) -> None:
        console.print(web.line(result))

    try:
        web_results = []
        if not options.ingestion:
            web_results = web.run(
                folder / "web", quick=options.quick, title_part=options.only, print_result=print_result
            )
        if options.web:
            chosen_faults = []
        else:
            installation.start_servers()
        for fault in chosen_faults:
            ingestion_results.append(result := run_fault(installation, fault, quick=options.quick))
            console.print(_result_line(result))
            if not result.survived:
                console.print("\n".join(installation.log.read_text(errors="replace").splitlines()[-40:]), markup=False)
    finally:
        installation.release()
        if options.keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    survivals = [result.survived for result in ingestion_results] + [result.survived for result in web_results]
    survived_count = sum(survivals)
    console.print(f"{survived_count} of {len(survivals)} faults survived")
    # The document has two halves: ingestion, and web server. If only one kind of fault was injected, keep the other
    # half.
    if options.write and options.web and options.only:
        DOCUMENT.write_text(web.with_rows(DOCUMENT.read_text(), web_results))
    elif options.write and options.web:
        ingestion_half = DOCUMENT.read_text().partition(f"\n{web.HEADING}")[0]
        DOCUMENT.write_text(f"{ingestion_half.rstrip()}\n\n{web.table(web_results)}")
    elif options.write and options.ingestion:
        web_half = DOCUMENT.read_text().partition(f"\n{web.HEADING}")[2]
        DOCUMENT.write_text(f"{_document(ingestion_results)}\n{web.HEADING}{web_half}")
    elif options.write:
        DOCUMENT.write_text(f"{_document(ingestion_results)}\n{web.table(web_results)}")
    sys.exit(survived_count != len(survivals) or not survivals)


def run_fault(installation: LocalInstallation, fault: IngestionFault, *, quick: bool) -> IngestionFaultResult:
    """Inject a fault while a new CHM ingests; wait until it has ingested all changes, and return the result."""
    start_time, injection_count, error = time.monotonic(), 0, ""
    with (
        FaultyPartner(runs_per_pipeline=150 if quick else 300) as source,
        installation.ingesting(source, fault.connection),
    ):
        source.start_changes()
        try:
            injection_count = fault.inject(installation, source, quick)
        except AssertionError as failed:
            error = str(failed)
        finally:
            source.stop_changes()
        comparison = installation.wait_until_settled(source)
    return IngestionFaultResult(
        fault, injection_count, comparison, time.monotonic() - start_time, error, installation.restart_count
    )


def _result_line(result: IngestionFaultResult) -> str:
    comparison = result.comparison
    return (
        f"{'ok  ' if result.survived else 'FAIL'} {result.fault.title:<40} injected {result.injection_count:>4}  "
        f"runs {comparison.run_count:>5}  lost {comparison.lost_count}  duplicated {comparison.duplicate_count}  "
        f"wrong {comparison.wrong_count}  secrets shown {comparison.shown_secret_count}  "
        f"restarted {result.restart_count}  {result.seconds:.0f} s {result.error}"
    )


def _row(result: IngestionFaultResult) -> str:
    comparison = result.comparison
    cells = (
        result.fault.title, result.injection_count, "yes" if result.survived else "no", comparison.run_count,
        comparison.lost_count, comparison.duplicate_count, comparison.wrong_count, comparison.shown_secret_count,
        result.restart_count,
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def _document(results: list[IngestionFaultResult]) -> str:
    rows = "\n".join(map(_row, results))
    return f"""# Injected faults

## Ingestion

Written by `make faults` on {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}.

{INTRODUCTION_OF_INGESTION}

| column | meaning |
|---|---|
| injected | how many kills, restarts, deletions or wrong responses; for the full disk, requests to the partner |
| survived | yes if its own checks succeeded, no run was lost, duplicated or wrong, and no secret was shown |
| runs | how many runs CHM has stored |
| lost | how many runs of the partner CHM has not stored |
| duplicated | how many runs CHM has stored twice |
| wrong | how many stored runs differ from the partner's in status or times |
| secrets shown | in how many rows, task results, messages and log lines one of the test's secrets appears |
| restarted | how often a process of CHM ended by itself and was started again, as systemd does |

Redis means Valkey here, which is compatible. Celery can end a worker when Redis stops, so some faults need restarts.

In the fault "partner goes back in time", the partner returns an earlier state for two seconds, as after restoring a
backup. CHM can then miss changes until it reads the last days again, which it does once a day. The test runs
`ingest_runs --since` instead of waiting for this.

| fault | injected | survived | runs | lost | duplicated | wrong | secrets shown | restarted |
|---|---|---|---|---|---|---|---|---|
{rows}
"""


if __name__ == "__main__":
    main()
