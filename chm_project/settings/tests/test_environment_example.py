""".env.example names every variable that the code reads, and no other."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
READ = re.compile(r"""["'](CHM_[A-Z_]+)["']""")
# Names of settings that are no variables, and of secrets that the demonstration makes for itself.
NOT_READ = {"CHM_DEMO_AIRFLOW_PASSWORD", "CHM_DEMO_PARTNER_TOKEN", "CHM_DATABASE_URL_FILE", "CHM_SECRET_KEY_FILE"}


def test_the_example_is_complete_and_holds_nothing_else() -> None:
    sources = [
        path
        for folder in ("chm_project", "inventory", "runs", "alerting", "ingestion")
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts
    ]
    read = {name for path in sources for name in READ.findall(path.read_text())} - NOT_READ
    named = set(re.findall(r"^(CHM_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named == read
