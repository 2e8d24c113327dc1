"""Test that docs/questions.md links to pages with the answers. Two clicks lead from the first page to each page."""

import re
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[3] / "docs"
TABLE_ROW = re.compile(r"^\| ([^|]+\?) \| ([^|]+\.) \| \[[^]]+\]\(([^)#]+)(?:#([^)]+))?\) \|$", re.MULTILINE)
QUESTIONS = TABLE_ROW.findall((DOCS / "questions.md").read_text())
# For each page and heading to which docs/questions.md links: a text that the page must contain.
ANSWERS = {
    ("demo-tour.md", ""): "make demo",
    ("glossary.md", ""): "**Shape.**",
    ("connectors.md", "airflow"): 'connector = "airflow"',
    ("push.md", "pings"): "curl",
    ("comparison.md", ""): "Healthchecks | Marquez",
    ("limits.md", "by-connector"): "a live Airflow",
    ("contracts/data-dictionary.md", ""): "| one row is | stored |",
    ("monitoring.md", "alerts"): "| fires when |",
    ("trace.md", "a-request-is-slow"): 'entry["ms"] > 500',
    ("settings.md", "required-in-production"): "`CHM_SECRET_KEY` | required",
    ("limits.md", "reports-of-the-past"): "with the rows of today",
    ("errors.md", "conflict"): "same Idempotency-Key",
}


def heading_anchors(page_text: str) -> set[str]:
    """Return the anchors of the headings, as MkDocs generates them."""
    titles = re.findall(r"^#+ (.+)$", page_text, re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in titles}


def test_there_are_twelve_questions() -> None:
    assert len(QUESTIONS) == 12


@pytest.mark.parametrize(("question", "short_answer", "path", "anchor"), QUESTIONS, ids=[row[0] for row in QUESTIONS])
def test_a_linked_page_exists_with_the_linked_heading_and_contains_the_answer(
    question: str, short_answer: str, path: str, anchor: str
) -> None:
    page_text = (DOCS / path).read_text()

    assert not anchor or anchor in heading_anchors(page_text)
    assert ANSWERS[path, anchor] in page_text
    # The page is in the navigation: the first click opens the tab of a section, the second click opens the page.
    assert path in yaml.safe_dump(yaml.safe_load((DOCS / ".nav.yml").read_text()))
