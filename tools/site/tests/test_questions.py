"""The answers that docs/questions.md names exist: page, heading and text, within two clicks of the first page."""

import re
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[3] / "docs"
TABLE_ROW = re.compile(
    r"^\| ([^|]+\?[^|]*) \| \[[^]]+\]\(([^)#]+)(?:#([^)]+))?\) \| \"([^|]+)\" \| (\d) \|", re.MULTILINE
)
QUESTIONS = TABLE_ROW.findall((DOCS / "questions.md").read_text())


def heading_anchors(page_text: str) -> set[str]:
    """Return the anchors of the headings, as MkDocs generates them."""
    titles = re.findall(r"^#+ (.+)$", page_text, re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in titles}


def test_there_are_twelve_questions() -> None:
    assert len(QUESTIONS) == 12


@pytest.mark.parametrize(("question", "path", "anchor", "text", "clicks"), QUESTIONS, ids=[row[0] for row in QUESTIONS])
def test_the_page_heading_and_text_of_each_answer_exist(
    question: str, path: str, anchor: str, text: str, clicks: str
) -> None:
    page_text = (DOCS / path).read_text()

    assert not anchor or anchor in heading_anchors(page_text)
    assert text in page_text
    # The first click opens the tab of the section, the second click the page in the list of the section.
    assert int(clicks) == 2
    assert path in yaml.safe_dump(yaml.safe_load((DOCS / ".nav.yml").read_text()))
