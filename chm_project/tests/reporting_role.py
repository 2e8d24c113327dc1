"""Run queries with the rights of the reporting role, inside the transaction of the test."""

import io
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.db import connection

# Each test process has its own role, because the processes share one server, and roles belong to the server.
ROLE = f"chm_test_boards_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


def query_as_reporting_role(statement: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the rows of the query; numbers are floats, and times are in UTC."""
    call_command("grant_reporting_role", ROLE, stdout=io.StringIO())
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT {ROLE} TO CURRENT_USER")
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
        cursor.execute(statement, values)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, map(_comparable, row), strict=True)) for row in cursor.fetchall()]
        cursor.execute("RESET ROLE")
    return rows


def _comparable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value
