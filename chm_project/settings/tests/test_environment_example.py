""".env.example contains exactly the variables that the code reads."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from tools.evidence import settings_page

ROOT = Path(settings.BASE_DIR)
READ_VARIABLE = re.compile(r"""["'](CHM_[A-Z_]+)["']""")
# Names that look like settings, but that no operator sets in .env. The demonstration generates the first two. The next
# two name a file. The web server passes the last one, the ids of its running children, to the process that replaces it.
NOT_SETTINGS = {
    "CHM_DEMO_AIRFLOW_PASSWORD", "CHM_DEMO_PARTNER_TOKEN", "CHM_DATABASE_URL_FILE", "CHM_SECRET_KEY_FILE",
    "CHM_WEB_FORMER_CHILDREN",
}  # fmt: skip


def test_the_example_contains_exactly_the_variables_that_the_code_reads() -> None:
    source_paths = [
        path
        for folder in ("chm_project", "inventory", "runs", "alerting", "ingestion")
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts
    ]
    read_names = {name for path in source_paths for name in READ_VARIABLE.findall(path.read_text())} - NOT_SETTINGS
    example_names = set(re.findall(r"^(CHM_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example_names == read_names


def test_a_variable_that_the_example_lacks_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed_example = tmp_path / ".env.example"
    changed_example.write_text((ROOT / ".env.example").read_text().replace("CHM_PORT=8000\n", "CHM_PORTS=8000\n"))
    monkeypatch.setattr(settings_page, "EXAMPLE", changed_example)

    assert settings_page.problems() == [
        ".env.example lacks CHM_PORT: add the line CHM_PORT=DEFAULT below a comment that explains it",
        ".env.example has CHM_PORTS, but no settings module reads it",
    ]
