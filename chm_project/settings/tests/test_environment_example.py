""".env.example names every variable that the code reads, and no other."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from tools.evidence import settings_page

ROOT = Path(settings.BASE_DIR)
READ = re.compile(r"""["'](CHM_[A-Z_]+)["']""")
# Settings that are not variables, and secrets that the demonstration generates.
NOT_READ = {
    "CHM_DEMO_AIRFLOW_PASSWORD", "CHM_DEMO_PARTNER_TOKEN", "CHM_DATABASE_URL_FILE", "CHM_SECRET_KEY_FILE",
    "CHM_WEB_FORMER_CHILDREN",
}  # fmt: skip


def test_the_example_names_every_variable_and_no_other() -> None:
    sources = [
        path
        for folder in ("chm_project", "inventory", "runs", "alerting", "ingestion")
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts
    ]
    read_names = {name for path in sources for name in READ.findall(path.read_text())} - NOT_READ
    example_names = set(re.findall(r"^(CHM_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example_names == read_names


def test_a_variable_that_the_example_lacks_is_named_as_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shortened = tmp_path / ".env.example"
    shortened.write_text((ROOT / ".env.example").read_text().replace("CHM_PORT=8000\n", "CHM_PORTS=8000\n"))
    monkeypatch.setattr(settings_page, "EXAMPLE", shortened)

    assert settings_page.problems() == [
        ".env.example lacks CHM_PORT: add the line CHM_PORT=DEFAULT below a comment that explains it",
        ".env.example has CHM_PORTS, but no settings module reads it",
    ]
