"""Test that each decision has the same four headings, and that the index lists the decision with its title."""

import re
from pathlib import Path

import pytest

DECISIONS_FOLDER = Path(__file__).parents[2] / "docs/decisions"
DECISIONS = sorted(DECISIONS_FOLDER.glob("[0-9]*.md"))
HEADINGS = ["Context", "Decision", "Alternatives", "Consequences"]
TITLE_BY_FILE = dict(
    re.findall(r"^- \[\d{4}\]\(([^)]+)\) (.+)$", (DECISIONS_FOLDER / "README.md").read_text(), re.MULTILINE)
)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem[:4])
def test_a_decision_has_its_four_parts_and_is_in_the_index(path: Path) -> None:
    text = path.read_text()

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert TITLE_BY_FILE.get(path.name) == text.splitlines()[0].removeprefix("# ")


def test_the_index_lists_only_decisions_that_exist() -> None:
    assert set(TITLE_BY_FILE) == {path.name for path in DECISIONS}
