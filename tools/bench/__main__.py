"""python -m tools.bench: measure everything; write tools/bench/results.json and the tables of docs/performance.md."""

import argparse
import json
import os
import platform
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from tools.bench import floors, ingestion, pages, profiling, push, reads, reporting, scheduling
from tools.bench.servers import ROOT, UNLIMITED, create_database, manage, timed

RESULTS = ROOT / "tools" / "bench" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
# In this order, because fill() deletes the ingested and pushed runs.
PARTS = ("ingestion", "scheduling", "push", "profile", "reads", "console", "shapes")
LIMITS_MS = {"latest run": 25, "summary, a week": 25, "summary, all history": 50}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500_000, help="size of the history for reads, console and shapes")
    parser.add_argument("--ingest", type=int, help="runs to ingest (default: as --runs, at most 500,000)")
    parser.add_argument("--seconds", type=float, default=6, help="duration of the load on each address")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/performance.md")
    parser.add_argument(
        "--keep", action="store_true", help="add the figures of this commit to the history, and draw it"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="measure only these parts")
    options = parser.parse_args()
    from chm_project.local.embedded import attach_to_environment

    attach_to_environment()
    os.environ["CHM_DEBUG"] = "0"  # as in production
    os.environ |= UNLIMITED
    console = Console(stderr=True)
    url = create_database(os.environ["CHM_DATABASE_URL"])
    results: dict[str, Any] = {"machine": machine(url), "runs": options.runs}
    manage("migrate", "--verbosity", "0", CHM_DATABASE_URL=url)

    def measure(part: str, title: str, figures: Callable[[], Any]) -> None:
        if part in options.only:
            console.print(f"{title} ...")
            results[part] = figures()

    ingested = options.ingest or min(options.runs, 500_000)
    measure("ingestion", "ingestion through HTTP", lambda: ingestion.measure(url, runs=ingested))
    measure("scheduling", "ticks and workers", lambda: scheduling.measure(url))
    measure("push", "push", lambda: push.measure(url, seconds=options.seconds))
    measure("profile", "profile of ingestion", lambda: profiling.measure(url, runs=50_000))
    if {"reads", "console", "shapes"} & set(options.only):
        results["history, seconds"] = fill(url, options.runs, console)
    measure("reads", "reads at 8 connections", lambda: reads.measure(url, seconds=options.seconds))
    measure("console", "pages of the console", lambda: pages.measure(url))
    measure("shapes", "shapes", lambda: reporting.measure(url))
    values = floors.measured(results)
    floors_table = "\n".join([*floors.table(values), ""])
    if options.keep:
        floors.keep(values, date=results["machine"]["date"], runs=options.runs, load=os.getloadavg()[0])
        floors.draw()
    # The tables need all parts, so a partial run does not replace them.
    if list(options.only) == list(PARTS):
        write(results, floors_table, console, to_page=options.write)
    console.print(floors_table, markup=False, highlight=False)
    if missed := floors.missed(values):
        raise SystemExit(f"below the floor: {'; '.join(missed)}")


def fill(url: str, runs: int, console: Console) -> int:
    """Replace the stored data with a history of `runs` runs; return the seconds that this took."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE clients, pipelines, runs, alert_rules CASCADE")
    # 500 runs per pipeline is the planned scale: 5 million runs of 10,000 pipelines.
    pipelines = max(runs // 500, 200)
    console.print(f"a history of {runs} runs of {pipelines} pipelines ...")
    sizes = ("--clients", str(max(pipelines // 50, 1)), "--pipelines", str(pipelines), "--runs", str(runs))
    return round(timed("generate_history", *sizes, CHM_DATABASE_URL=url).seconds)


def write(results: dict[str, Any], floors_table: str, console: Console, *, to_page: bool) -> None:
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    tables = rendered(results) + "\n" + floors_table
    console.print(rendered(results), markup=False, highlight=False)
    if to_page:
        block = r"(?s)(<!-- bench -->\n).*(<!-- /bench -->)"
        text = re.sub(block, lambda match: match[1] + tables + match[2], PAGE.read_text())
        PAGE.write_text(text)


def machine(url: str) -> dict[str, str | int | None]:
    """Return the facts about this machine that figures depend on."""
    with psycopg.connect(url) as connection:
        version = connection.info.parameter_status("server_version")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "load before": str(os.getloadavg()[0]),
        "processor": next(
            (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
        ),
        "Python": platform.python_version(),
        "PostgreSQL": version,
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def rendered(results: dict[str, Any]) -> str:
    """Return the results as Markdown tables."""
    lines = [", ".join(f"{key} {value}" for key, value in results["machine"].items()) + ".", ""]
    lines += ["| ingestion through HTTP | |", "|---|--:|"]
    lines += [f"| {name} | {value:,} |" for name, value in results["ingestion"].items()]
    lines += ["", "| ingestion on a schedule | |", "|---|--:|"]
    lines += [f"| {name} | {value:,} |" for name, value in results["scheduling"].items()]
    lines += ["", "| where the time of a cold ingestion goes | share |", "|---|--:|"]
    lines += [f"| {name} | {share:.0%} |" for name, share in results["profile"].items()]
    lines += ["", *push.rendered(results["push"])]
    lines += ["", f"Reads, {results['runs']:,} runs, 8 connections:", ""]
    lines += ["| | p50 ms | p95 ms | requests/s | p50 ÷ constant | aim, p95 |", "|---|--:|--:|--:|--:|--:|"]
    constant = results["reads"]["constant answer"]["p50"]
    for name, value in results["reads"].items():
        if name != "memory, MB":
            aim = f"≤ {LIMITS_MS[name]} ms" if name in LIMITS_MS else ""
            lines.append(
                f"| {name} | {value['p50']} | {value['p95']} | {value['per_second']:,} "
                f"| {value['p50'] / constant:.1f} | {aim} |"
            )
    lines += ["", *pages.table(results["console"])]
    lines += ["", "Shapes over 30 days, and boards, best of five on a quiet connection:", ""]
    lines += ["| | ms | yardstick | ratio | textbook form, ms |", "|---|--:|---|--:|--:|"]
    lines += [
        f"| {name} | {value['ms']} | {value['yardstick']} | {value['ratio']} | {value.get('naive ms', '')} |"
        for name, value in results["shapes"].items()
    ]
    lines += ["", "| memory under that load | MB |", "|---|--:|"]
    lines += [f"| {name} | {value} |" for name, value in results["reads"]["memory, MB"].items()]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
