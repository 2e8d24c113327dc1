"""docs/questions.md: the page, heading and sentence of each answer exist, within two clicks of the first page."""

import re
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[3] / "docs"
ROW = re.compile(r"^\| ([^|]+\?[^|]*) \| \[[^]]+\]\(([^)#]+)(?:#([^)]+))?\) \| \"([^|]+)\" \| (\d) \|", re.MULTILINE)
ROWS = ROW.findall((DOCS / "questions.md").read_text())


def headings(page: str) -> set[str]:
    """Return the anchors of the headings, as MkDocs generates them."""
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in titles}


def test_there_are_twelve_questions() -> None:
    assert len(ROWS) == 12


@pytest.mark.parametrize(("question", "path", "anchor", "sentence", "clicks"), ROWS, ids=[row[0] for row in ROWS])
def test_the_answer_is_at_the_named_place(question: str, path: str, anchor: str, sentence: str, clicks: str) -> None:
    page = (DOCS / path).read_text()

    assert not anchor or anchor in headings(page)
    assert sentence in page
    # One click opens the section's tab, one the page in its list.
    assert int(clicks) == 2
    assert path in yaml.safe_dump(yaml.safe_load((DOCS / ".nav.yml").read_text()))
