"""python -m tools.bench: measure everything, and write tools/bench/results.json.

With --write, also write the tables of docs/performance.md. With --only, write neither.
"""

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

from tools.bench import ingestion, limits, pages, profiling, push, reads, reporting, scheduling
from tools.bench.servers import ROOT, UNLIMITED_RATES, create_database, manage, run_timed

RESULTS = ROOT / "tools" / "bench" / "results.json"
DOCUMENT = ROOT / "docs" / "performance.md"
# The parts in the order of their measurement. The first four need an empty database. The last three need the history of
# fill_history(), which first deletes all runs.
PARTS = ("ingestion", "scheduling", "push", "profile", "reads", "console", "shapes")
MAX_P95_MS_BY_READ = {"latest run": 25, "summary, a week": 25, "summary, all history": 50}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500_000, help="size of the history for reads, console and shapes")
    parser.add_argument("--ingest", type=int, help="runs to ingest (default: as --runs, at most 500,000)")
    parser.add_argument("--seconds", type=float, default=6, help="seconds of load for each kind of request")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/performance.md")
    parser.add_argument(
        "--keep", action="store_true", help="add this commit's figures to history.json, and draw the diagram"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="measure only these parts")
    options = parser.parse_args()
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    os.environ["CHM_DEBUG"] = "0"  # as in production
    os.environ |= UNLIMITED_RATES
    console = Console(stderr=True)
    url = create_database(os.environ["CHM_DATABASE_URL"])
    results: dict[str, Any] = {"machine": machine_facts(url), "runs": options.runs}
    manage("migrate", "--verbosity", "0", CHM_DATABASE_URL=url)

    def measure_part(part: str, title: str, measure: Callable[[], Any]) -> None:
        if part in options.only:
            console.print(f"{title} ...")
            results[part] = measure()

    run_count_of_ingestion = options.ingest or min(options.runs, 500_000)
    measure_part(
        "ingestion", "ingestion through HTTP", lambda: ingestion.measure(url, run_count=run_count_of_ingestion)
    )
    measure_part("scheduling", "ticks and workers", lambda: scheduling.measure(url))
    measure_part("push", "push", lambda: push.measure(url, seconds=options.seconds))
    measure_part("profile", "profile of ingestion", lambda: profiling.measure(url, runs=50_000))
    if {"reads", "console", "shapes"} & set(options.only):
        results["history, seconds"] = fill_history(url, options.runs, console)
    measure_part("reads", "reads at 8 connections", lambda: reads.measure(url, seconds=options.seconds))
    measure_part("console", "pages of the console", lambda: pages.measure(url))
    measure_part("shapes", "shapes", lambda: reporting.measure(url))
    figures = limits.figures_with_limit(results)
    limits_table = "\n".join([*limits.table(figures), ""])
    if options.keep:
        limits.add_to_history(
            figures,
            date=results["machine"]["date"],
            run_count=options.runs,
            load_average=float(results["machine"]["load before"]),
        )
        limits.draw_history()
    # The tables need all parts, so a partial run does not replace them.
    if list(options.only) == list(PARTS):
        write_results(results, limits_table, console, also_to_document=options.write)
    console.print(limits_table, markup=False, highlight=False)
    if missed := limits.missed_limits(figures):
        raise SystemExit(f"limits missed: {'; '.join(missed)}")


def fill_history(url: str, run_count: int, console: Console) -> int:
    """Replace all clients, pipelines and runs by generated ones; return how many seconds the generation took."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE clients, pipelines, runs, alert_rules CASCADE")
    # CHM is planned for 10,000 pipelines with 5 million runs: 500 runs per pipeline.
    pipeline_count = max(run_count // 500, 200)
    console.print(f"a history of {run_count} runs of {pipeline_count} pipelines ...")
    sizes = (
        "--clients",
        str(max(pipeline_count // 50, 1)),
        "--pipelines",
        str(pipeline_count),
        "--runs",
        str(run_count),
    )
    return round(run_timed("generate_history", *sizes, CHM_DATABASE_URL=url).seconds)


def write_results(results: dict[str, Any], limits_table: str, console: Console, *, also_to_document: bool) -> None:
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    tables = results_as_markdown(results) + "\n" + limits_table
    console.print(results_as_markdown(results), markup=False, highlight=False)
    if also_to_document:
        block = r"(?s)(<!-- bench -->\n).*(<!-- /bench -->)"
        text = re.sub(block, lambda match: match[1] + tables + match[2], DOCUMENT.read_text())
        DOCUMENT.write_text(text)


def machine_facts(url: str) -> dict[str, str | int | None]:
    """Return facts about this machine that influence the figures."""
    with psycopg.connect(url) as connection:
        version = connection.info.parameter_status("server_version")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "load before": str(os.getloadavg()[0]),
        "processor": next(
            (line.partition(":")[2].strip() for line in _cpuinfo_lines() if line.startswith("model name")),
            platform.machine(),
        ),
        "Python": platform.python_version(),
        "PostgreSQL": version,
    }


def _cpuinfo_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def results_as_markdown(results: dict[str, Any]) -> str:
    """Return the results as Markdown tables."""
    lines = [", ".join(f"{key} {value}" for key, value in results["machine"].items()) + ".", ""]
    lines += ["| ingestion through HTTP | |", "|---|--:|"]
    lines += [f"| {name} | {value:,} |" for name, value in results["ingestion"].items()]
    lines += ["", "| ingestion on a schedule | |", "|---|--:|"]
    lines += [f"| {name} | {value:,} |" for name, value in results["scheduling"].items()]
    lines += ["", "| where the time of a cold ingestion goes | share |", "|---|--:|"]
    lines += [f"| {name} | {share:.0%} |" for name, share in results["profile"].items()]
    lines += ["", *push.table(results["push"])]
    lines += ["", f"Reads, {results['runs']:,} runs, 8 connections:", ""]
    lines += ["| | p50 ms | p95 ms | requests/s | p50 ÷ constant | limit, p95 |", "|---|--:|--:|--:|--:|--:|"]
    constant_p50 = results["reads"]["constant answer"]["p50"]
    for name, value in results["reads"].items():
        if name != "memory, MB":
            limit = f"≤ {MAX_P95_MS_BY_READ[name]} ms" if name in MAX_P95_MS_BY_READ else ""
            lines.append(
                f"| {name} | {value['p50']} | {value['p95']} | {value['per_second']:,} "
                f"| {value['p50'] / constant_p50:.1f} | {limit} |"
            )
    lines += ["", *pages.table(results["console"])]
    lines += ["", "Shapes, the best of five executions, one query at a time:", ""]
    lines += ["| | ms | minimum for the question | ratio | plain SQL query, ms |", "|---|--:|---|--:|--:|"]
    lines += [
        f"| {name} | {value['ms']} | {value['yardstick']} | {value['ratio']} | {value.get('naive ms', '')} |"
        for name, value in results["shapes"].items()
    ]
    lines += ["", "| memory during the reads over 8 connections | MB |", "|---|--:|"]
    lines += [f"| {name} | {value} |" for name, value in results["reads"]["memory, MB"].items()]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
