"""python -m tools.bench: every measurement, into tools/bench/results.json and the tables of docs/performance.md."""

import argparse
import json
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from tools.bench import ingestion, pages, profiling, push, reads, reporting, scheduling
from tools.bench.servers import ROOT, UNLIMITED, create_database, manage, timed

RESULTS = ROOT / "tools" / "bench" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
LIMITS_MS = {"latest run": 25, "summary, a week": 25, "summary, all history": 50}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500_000, help="size of the history that is read")
    parser.add_argument("--ingest", type=int, help="runs to ingest (default: as many, at most 500,000)")
    parser.add_argument("--seconds", type=float, default=6, help="load on each address")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    from chm_project.local.embedded import attach_to_environment

    attach_to_environment()
    os.environ["CHM_DEBUG"] = "0"  # as in production
    os.environ |= UNLIMITED
    console = Console(stderr=True)
    url = create_database(os.environ["CHM_DATABASE_URL"])
    results: dict[str, Any] = {"machine": machine(url), "runs": options.runs}
    manage("migrate", "--verbosity", "0", CHM_DATABASE_URL=url)
    console.print("ingestion through HTTP ...")
    results["ingestion"] = ingestion.measure(url, runs=options.ingest or min(options.runs, 500_000))
    console.print("ticks and workers ...")
    results["scheduling"] = scheduling.measure(url)
    console.print("push ...")
    results["push"] = push.measure(url, seconds=options.seconds)
    console.print("profile of ingestion ...")
    results["profile"] = profiling.measure(url, runs=50_000)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE clients, pipelines, runs, alert_rules CASCADE")
    pipelines = max(options.runs // 500, 200)
    console.print(f"a history of {options.runs} runs of {pipelines} pipelines ...")
    sizes = ("--clients", str(max(pipelines // 50, 1)), "--pipelines", str(pipelines), "--runs", str(options.runs))
    results["history, seconds"] = round(timed("generate_history", *sizes, CHM_DATABASE_URL=url).seconds)
    console.print("reads at 8 connections ...")
    results["reads"] = reads.measure(url, seconds=options.seconds)
    console.print("pages of the console ...")
    results["console"] = pages.measure(url)
    console.print("shapes ...")
    results["shapes"] = reporting.measure(url)
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    tables = rendered(results)
    console.print(tables, markup=False, highlight=False)
    if options.write:
        text = re.sub(r"(?s)(<!-- bench -->\n).*(<!-- /bench -->)", lambda at: at[1] + tables + at[2], PAGE.read_text())
        PAGE.write_text(text)


def machine(url: str) -> dict[str, str | int | None]:
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
