"""The pages and headings that docs/questions.md links have the answers, within two clicks of the first page."""

import re
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[3] / "docs"
TABLE_ROW = re.compile(r"^\| ([^|]+\?) \| ([^|]+\.) \| \[[^]]+\]\(([^)#]+)(?:#([^)]+))?\) \|$", re.MULTILINE)
QUESTIONS = TABLE_ROW.findall((DOCS / "questions.md").read_text())
# A text of the page that answers the question, by page and heading.
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
def test_the_page_heading_and_text_of_each_answer_exist(
    question: str, short_answer: str, path: str, anchor: str
) -> None:
    page_text = (DOCS / path).read_text()

    assert not anchor or anchor in heading_anchors(page_text)
    assert ANSWERS[path, anchor] in page_text
    # The first click opens the tab of the section, the second click the page in the list of the section.
    assert path in yaml.safe_dump(yaml.safe_load((DOCS / ".nav.yml").read_text()))
