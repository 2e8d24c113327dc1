"""Insert rows with plain SQL, to test which rows the database refuses without Django's validation."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

# Values of a valid row of each table, without the foreign keys.
VALID_VALUES: dict[str, dict[str, Any]] = {
    "clients": {"name": "Northwind"},
    "pipelines": {"name": "orders", "platform": "airflow", "pipeline_type": "ingestion"},
    "runs": {"external_run_id": "run-1", "status": "success"},
    "alert_rules": {"rule_type": "on_failure", "channel": "slack", "destination": "#ops"},
}


def insert(table: str, **values: Any) -> str:
    """Insert a valid row, in which `values` replace the default values, and return its id."""
    row = {"id": str(uuid.uuid4()), **VALID_VALUES[table], **values}
    columns = ", ".join(row)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(row))})",
            list(row.values()),
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return str(row["id"])


def insert_client() -> str:
    return insert("clients", name="Contoso")


def insert_pipeline(client_id: str | None = None) -> str:
    return insert("pipelines", client_id=client_id or insert_client(), name="stock", external_id="stock")


def violated_constraint(table: str, **values: Any) -> str | None:
    """Assert that the database refuses the row, and return the name of the violated constraint."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        insert(table, **values)
    cause: Any = refusal.value.__cause__
    return str(cause.diag.constraint_name)
