"""Floors of measurements: compare figures with them, keep figures per commit, and draw them over time."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.bench.servers import ROOT

HISTORY = ROOT / "tools" / "bench" / "history.json"
PLOT = ROOT / "docs" / "images" / "bench-history.svg"


@dataclass(frozen=True, slots=True)
class Floor:
    """A limit of a figure: the benchmark fails above `maximum` or below `minimum`; `aim` is the goal."""

    name: str
    maximum: float | None = None
    minimum: float | None = None
    aim: float | None = None

    def holds(self, value: float) -> bool:
        return (self.maximum is None or value <= self.maximum) and (self.minimum is None or value >= self.minimum)

    @property
    def text(self) -> str:
        """Return the limit as the table shows it."""
        return f"≤ {self.maximum:g}" if self.maximum is not None else f"≥ {self.minimum:g}"


FLOORS = (
    Floor("latest run ÷ constant answer", maximum=5, aim=3),
    Floor("page of 100 runs ÷ constant answer", maximum=12, aim=8),
    Floor("page of 100 of all runs ÷ constant answer", maximum=12, aim=8),
    Floor("summary, a week, p95 ms", maximum=25),
    Floor("summary, all history, p95 ms", maximum=50),
    Floor("cold ingestion ÷ raw upsert", minimum=0.6),
    Floor("replay ÷ cold ingestion", minimum=1.5),
    Floor("pings/s, two per run, with a rid", minimum=400),
    Floor("lineage events/s, new, in lists", minimum=5_000),
)
# Only the shape with the largest ratio is compared: if it passes, all do.
SHAPE = Floor("slowest shape ÷ its yardstick", maximum=4, aim=2.5)


def measured(results: dict[str, Any]) -> dict[str, float]:
    """Return the figures that have a floor, by the floor's name."""
    return dict(_measured(results))


def _measured(results: dict[str, Any]) -> Iterator[tuple[str, float]]:
    if reads := results.get("reads"):
        constant = reads["constant answer"]["p50"]
        names = ("latest run", "a pipeline's runs, first page", "all runs, first page")
        for floor, name in zip(FLOORS[:3], names, strict=True):
            yield floor.name, round(reads[name]["p50"] / constant, 1)
        for name in ("summary, a week", "summary, all history"):
            yield f"{name}, p95 ms", reads[name]["p95"]
    if ingestion := results.get("ingestion"):
        yield "cold ingestion ÷ raw upsert", ingestion["cold ÷ raw"]
        yield "replay ÷ cold ingestion", ingestion["replay ÷ cold"]
    for floor in FLOORS[7:]:
        if floor.name in results.get("push", {}):
            yield floor.name, results["push"][floor.name]
    if shapes := results.get("shapes"):
        yield SHAPE.name, max(value["ratio"] for value in shapes.values() if value.get("ratio"))


def table(values: dict[str, float]) -> list[str]:
    lines = ["| figure | measured | floor | aim | |", "|---|--:|--:|--:|---|"]
    for floor in (*FLOORS, SHAPE):
        if (value := values.get(floor.name)) is not None:
            aim = "" if floor.aim is None else f"{floor.aim:g}"
            verdict = "holds" if floor.holds(value) else "BELOW THE FLOOR"
            lines.append(f"| {floor.name} | {value:,} | {floor.text} | {aim} | {verdict} |")
    return lines


def missed(values: dict[str, float]) -> list[str]:
    return [floor.name for floor in (*FLOORS, SHAPE) if floor.name in values and not floor.holds(values[floor.name])]


def keep(values: dict[str, float], *, date: str, runs: int, load: float, history: Path = HISTORY) -> None:
    """Keep the figures of this commit; a later run of the same commit replaces them."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    entries = json.loads(history.read_text()) if history.exists() else []
    entries = [entry for entry in entries if entry["commit"] != commit]
    entries.append({"commit": commit, "date": date, "runs": runs, "load before": load, "figures": values})
    history.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")


def draw(history: Path = HISTORY, plot: Path = PLOT) -> None:
    """Draw each figure over the commits as a share of its floor; a share below 1 passes."""
    import matplotlib as mpl

    # Without a display.
    mpl.use("svg")
    from matplotlib import pyplot

    # Fixed values, so that the same history gives the same file.
    mpl.rcParams["svg.hashsalt"] = "bench"
    entries = json.loads(history.read_text())
    figure, axes = pyplot.subplots(figsize=(9, 5))
    commits = [entry["commit"][:7] for entry in entries]
    for floor in (*FLOORS, SHAPE):
        shares = [_share(floor, entry["figures"].get(floor.name)) for entry in entries]
        if any(share is not None for share in shares):
            axes.plot(commits, [float("nan") if share is None else share for share in shares], "o-", label=floor.name)
    axes.axhline(1, color="black", linewidth=1, linestyle="--")
    axes.set_yscale("log")
    axes.set_ylabel("share of the floor (1 = at the floor, less is better)")
    axes.legend(fontsize="x-small")
    plot.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(plot, metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


def _share(floor: Floor, value: float | None) -> float | None:
    if value is None:
        return None
    return value / floor.maximum if floor.maximum is not None else (floor.minimum or 0) / value
