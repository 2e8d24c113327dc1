"""The reporting documents are generated from the code, and their queries run as printed."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from chm_project.tests.controlled_seed import create_seed
from runs.reporting.documents import DOCUMENTS
from runs.reporting.shapes import shapes

pytestmark = pytest.mark.django_db

FOLDER = Path(settings.BASE_DIR) / "docs" / "contracts"
PSQL_VALUES = {
    "as_of": "now()", "state_at": "'infinity'", "since": "now() - interval '7 days'", "until": "now()",
    "bucket": "'hour'", "limit": "20", "order": "'failures'", "weeks": "12",
    "max_duration_seconds": "3600", "bucket_count": "20", "client_id": "NULL", "platform": "NULL",
    "environment": "NULL",
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_reporting_document_is_up_to_date(name: str) -> None:
    """Regenerate with `make docs`."""
    assert (FOLDER / name).read_text() == DOCUMENTS[name]().rstrip() + "\n"


def test_every_query_in_the_document_runs() -> None:
    create_seed()
    text = (FOLDER / "dashboard-queries.sql").read_text()
    statements = [s for s in re.sub(r"^--.*$", "", text, flags=re.MULTILINE).split(";") if s.strip()]
    assert len(statements) == len(shapes())
    for statement in statements:
        for name, value in PSQL_VALUES.items():
            statement = re.sub(rf"(?<!:):{name}\b", value, statement)
        with connection.cursor() as cursor:
            cursor.execute(statement)
