"""Limits of the measured figures: compare figures with them, store figures per commit, and draw them over time."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.servers import ROOT

HISTORY = ROOT / "tools" / "bench" / "history.json"
DIAGRAM = ROOT / "docs" / "images" / "bench-history.svg"


@dataclass(frozen=True, slots=True)
class FigureLimit:
    """The limit of a figure. The benchmark fails if the figure is above `maximum` or below `minimum`.

    `aim` is a stricter goal: the benchmark prints it, but does not fail if the figure misses it.
    """

    name: str
    maximum: float | None = None
    minimum: float | None = None
    aim: float | None = None

    def allows(self, value: float) -> bool:
        return (self.maximum is None or value <= self.maximum) and (self.minimum is None or value >= self.minimum)

    @property
    def text(self) -> str:
        """Return the limit as text for the table: "≤ 5"."""
        return f"≤ {self.maximum:g}" if self.maximum is not None else f"≥ {self.minimum:g}"


# The names are keys of history.json. "Constant answer" is the time of a request to /health, which needs no database.
# The two ratios of ingestion divide runs per second by runs per second. "rid" is the run id that a ping can contain.
# "In lists" means that each request sends a list of 1,000 OpenLineage events. "Page of 100 runs" is the first page of
# one pipeline's runs. "First page of all runs" has 100 runs too.
LIMITS = (
    FigureLimit("latest run ÷ constant answer", maximum=5, aim=3),
    FigureLimit("page of 100 runs ÷ constant answer", maximum=12, aim=8),
    FigureLimit("first page of all runs ÷ constant answer", maximum=12, aim=8),
    FigureLimit("summary, a week, p95 ms", maximum=25),
    FigureLimit("summary, all history, p95 ms", maximum=50),
    FigureLimit("cold ingestion ÷ raw upsert", minimum=0.6),
    FigureLimit("replay ÷ cold ingestion", minimum=1.5),
    FigureLimit("pings/s, two per run, with a rid", minimum=400),
    FigureLimit("lineage events/s, new, in lists", minimum=5_000),
)
# Only the largest ratio of all shapes is compared with the limit.
SLOWEST_SHAPE = FigureLimit("slowest shape ÷ its yardstick", maximum=4, aim=2.5)


def figures_with_limit(results: dict[str, Any]) -> dict[str, float]:
    """Return the measured figures that have a limit, by the limit's name."""
    return dict(_figures_with_limit(results))


def _figures_with_limit(results: dict[str, Any]) -> Iterator[tuple[str, float]]:
    if reads := results.get("reads"):
        constant_p50 = reads["constant answer"]["p50"]
        # The reads of the first three entries of LIMITS, in the same order.
        read_names = ("latest run", "a pipeline's runs, first page", "all runs, first page")
        for limit, read_name in zip(LIMITS[:3], read_names, strict=True):
            yield limit.name, round(reads[read_name]["p50"] / constant_p50, 1)
        for read_name in ("summary, a week", "summary, all history"):
            yield f"{read_name}, p95 ms", reads[read_name]["p95"]
    if ingestion_figures := results.get("ingestion"):
        yield "cold ingestion ÷ raw upsert", ingestion_figures["cold ÷ raw"]
        yield "replay ÷ cold ingestion", ingestion_figures["replay ÷ cold"]
    # The last two entries are the limits of the part "push".
    for limit in LIMITS[7:]:
        if limit.name in results.get("push", {}):
            yield limit.name, results["push"][limit.name]
    if shapes := results.get("shapes"):
        yield SLOWEST_SHAPE.name, max(value["ratio"] for value in shapes.values() if value.get("ratio"))


def table(figures: dict[str, float]) -> list[str]:
    lines = ["| figure | measured | limit | aim | |", "|---|--:|--:|--:|---|"]
    for limit in (*LIMITS, SLOWEST_SHAPE):
        if (value := figures.get(limit.name)) is not None:
            aim = "" if limit.aim is None else f"{limit.aim:g}"
            result = "kept" if limit.allows(value) else "MISSED"
            lines.append(f"| {limit.name} | {value:,} | {limit.text} | {aim} | {result} |")
    return lines


def missed_limits(figures: dict[str, float]) -> list[str]:
    return [
        limit.name
        for limit in (*LIMITS, SLOWEST_SHAPE)
        if limit.name in figures and not limit.allows(figures[limit.name])
    ]


def add_to_history(
    figures: dict[str, float], *, date: str, run_count: int, load_average: float, history: Path = HISTORY
) -> None:
    """Store the figures of this commit in history.json. Replace the figures of an earlier run at the same commit."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    entries = json.loads(history.read_text()) if history.exists() else []
    entries = [entry for entry in entries if entry["commit"] != commit]
    entries.append({"commit": commit, "date": date, "runs": run_count, "load before": load_average, "figures": figures})
    history.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")


def draw_history(history: Path = HISTORY, diagram: Path = DIAGRAM) -> None:
    """Draw one line per figure: for each commit, the share of the limit. A figure above 1 misses the limit.

    Example: with the maximum 5, the figure 4 is drawn at 0.8. With the minimum 400, the figure 500 is drawn at 0.8.
    """
    import matplotlib as mpl

    # This backend needs no display.
    mpl.use("svg")
    from matplotlib import pyplot

    # Matplotlib derives the ids in the SVG from this text. A constant text gives the same file for the same history.
    mpl.rcParams["svg.hashsalt"] = "bench"
    entries = json.loads(history.read_text())
    figure, axes = pyplot.subplots(figsize=(9, 5))
    commits = [entry["commit"][:7] for entry in entries]
    for limit in (*LIMITS, SLOWEST_SHAPE):
        shares = [_share_of_limit(limit, entry["figures"].get(limit.name)) for entry in entries]
        if any(share is not None for share in shares):
            axes.plot(commits, [float("nan") if share is None else share for share in shares], "o-", label=limit.name)
    axes.axhline(1, color="black", linewidth=1, linestyle="--")
    axes.set_yscale("log")
    axes.set_ylabel("share of the limit (1 = at the limit, less is better)")
    axes.legend(fontsize="x-small")
    diagram.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(diagram, metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


def _share_of_limit(limit: FigureLimit, value: float | None) -> float | None:
    if value is None:
        return None
    return value / limit.maximum if limit.maximum is not None else (limit.minimum or 0) / value
