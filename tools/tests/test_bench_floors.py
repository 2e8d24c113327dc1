"""The benchmark names figures below their floors, and keeps the figures of every commit once."""

import json
from pathlib import Path
from typing import Any

from tools.bench import floors

READS: dict[str, Any] = {
    "constant answer": {"p50": 1.0, "p95": 2.0},
    "latest run": {"p50": 3.0, "p95": 4.0},
    "a pipeline's runs, first page": {"p50": 12.5, "p95": 14.0},
    "all runs, first page": {"p50": 8.0, "p95": 9.0},
    "summary, a week": {"p50": 20.0, "p95": 24.0},
    "summary, all history": {"p50": 30.0, "p95": 60.0},
}


def test_figures_below_their_floor_are_named() -> None:
    values = floors.measured({"reads": READS, "ingestion": {"cold ÷ raw": 0.61, "replay ÷ cold": 1.4}})

    assert floors.missed(values) == [
        "page of 100 runs ÷ constant answer", "summary, all history, p95 ms", "replay ÷ cold ingestion",
    ]  # fmt: skip
    lines = floors.table(values)
    assert "| latest run ÷ constant answer | 3.0 | ≤ 5 | 3 | holds |" in lines
    assert "| page of 100 runs ÷ constant answer | 12.5 | ≤ 12 | 8 | BELOW THE FLOOR |" in lines


def test_parts_that_were_not_measured_do_not_fail() -> None:
    assert floors.measured({"reads": READS}).keys() == {floor.name for floor in floors.FLOORS[:5]}
    assert floors.missed({}) == []


def test_a_commits_figures_are_kept_once_and_drawn_reproducibly(tmp_path: Path) -> None:
    history, plot = tmp_path / "history.json", tmp_path / "images" / "history.svg"
    for ratio in (6.0, 4.0):
        floors.keep({"latest run ÷ constant answer": ratio}, date="2026-11-21", runs=1, load=0.5, history=history)
    [entry] = json.loads(history.read_text())
    assert entry["figures"] == {"latest run ÷ constant answer": 4.0}

    floors.draw(history, plot)
    first = plot.read_bytes()
    floors.draw(history, plot)
    assert plot.read_bytes() == first
    assert b"<svg" in first


def test_the_kept_history_has_only_known_figures(tmp_path: Path) -> None:
    names = {floor.name for floor in (*floors.FLOORS, floors.SHAPE)}
    for entry in json.loads(floors.HISTORY.read_text()):
        assert entry["figures"].keys() <= names
    assert floors.PLOT.exists()
