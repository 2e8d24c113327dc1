"""Test the limits of the benchmark's figures, and the history of these figures."""

import json
from pathlib import Path
from typing import Any

from tools.bench import limits

READS: dict[str, Any] = {
    "constant answer": {"p50": 1.0, "p95": 2.0},
    "latest run": {"p50": 3.0, "p95": 4.0},
    "a pipeline's runs, first page": {"p50": 12.5, "p95": 14.0},
    "all runs, first page": {"p50": 8.0, "p95": 9.0},
    "summary, a week": {"p50": 20.0, "p95": 24.0},
    "summary, all history": {"p50": 30.0, "p95": 60.0},
}


def test_figures_that_miss_their_limits_are_listed() -> None:
    figures = limits.figures_with_limit({"reads": READS, "ingestion": {"cold ÷ raw": 0.61, "replay ÷ cold": 1.4}})

    assert limits.missed_limits(figures) == [
        "page of 100 runs ÷ constant answer", "summary, all history, p95 ms", "replay ÷ cold ingestion",
    ]  # fmt: skip
    lines = limits.table(figures)
    assert "| latest run ÷ constant answer | 3.0 | ≤ 5 | 3 | kept |" in lines
    assert "| page of 100 runs ÷ constant answer | 12.5 | ≤ 12 | 8 | MISSED |" in lines


def test_a_limit_is_not_missed_if_its_figure_was_not_measured() -> None:
    assert limits.figures_with_limit({"reads": READS}).keys() == {limit.name for limit in limits.LIMITS[:5]}
    assert limits.missed_limits({}) == []


def test_the_history_has_one_entry_per_commit_and_its_diagram_is_reproducible(tmp_path: Path) -> None:
    history, diagram = tmp_path / "history.json", tmp_path / "images" / "history.svg"
    for ratio in (6.0, 4.0):
        limits.add_to_history(
            {"latest run ÷ constant answer": ratio}, date="2026-11-21", run_count=1, load_average=0.5, history=history
        )
    [entry] = json.loads(history.read_text())
    assert entry["figures"] == {"latest run ÷ constant answer": 4.0}

    limits.draw_history(history, diagram)
    first_diagram = diagram.read_bytes()
    limits.draw_history(history, diagram)
    assert diagram.read_bytes() == first_diagram
    assert b"<svg" in first_diagram


def test_the_stored_history_contains_only_figures_with_a_limit(tmp_path: Path) -> None:
    names = {limit.name for limit in (*limits.LIMITS, limits.SLOWEST_SHAPE)}
    for entry in json.loads(limits.HISTORY.read_text()):
        assert entry["figures"].keys() <= names
    assert limits.DIAGRAM.exists()
