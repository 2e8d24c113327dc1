"""The four business tables have comments, UUID keys, timestamps and foreign keys."""

import uuid

import pytest
from django.apps import apps
from django.db import IntegrityError, connection

from chm_project.tests.sql_rows import insert, insert_client, insert_pipeline, violated_constraint

pytestmark = pytest.mark.django_db

FRAMEWORK_PREFIXES = ("auth_", "django_", "api_tokens", "access_")


@pytest.mark.proves("FR-001")
def test_there_are_exactly_four_business_tables() -> None:
    tables = [name for name in connection.introspection.table_names() if not name.startswith(FRAMEWORK_PREFIXES)]

    assert sorted(tables) == ["alert_rules", "clients", "pipelines", "runs"]


def test_every_business_table_and_column_has_a_comment() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relname IN ('clients', 'pipelines', 'runs', 'alert_rules') AND c.relkind = 'r'
              AND a.attnum > 0 AND NOT a.attisdropped
              AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)
            """
        )
        undescribed = cursor.fetchall()

    assert undescribed == []


@pytest.mark.proves("FR-020")
@pytest.mark.parametrize("table", ["clients", "pipelines", "runs", "alert_rules"])
def test_every_business_table_has_a_uuid_key_and_timestamps(table: str) -> None:
    [model] = [model for model in apps.get_models() if model._meta.db_table == table]

    column_types = {field.name: field.db_type(connection) for field in model._meta.concrete_fields}

    assert column_types["id"] == "uuid"
    assert column_types["created_at"] == column_types["updated_at"] == "timestamp with time zone"


@pytest.mark.proves("DI-006")
@pytest.mark.parametrize(
    ("table", "column"),
    [("pipelines", "client_id"), ("runs", "pipeline_id"), ("alert_rules", "client_id"), ("alert_rules", "pipeline_id")],
)
def test_a_foreign_key_must_reference_a_row(table: str, column: str) -> None:
    constraint = violated_constraint(table, **{column: str(uuid.uuid4())})

    assert constraint is not None
    assert "_fk_" in constraint


@pytest.mark.proves("DI-006")
@pytest.mark.parametrize("parent", ["client", "pipeline"])
def test_a_client_with_pipelines_and_a_pipeline_with_runs_cannot_be_deleted(parent: str) -> None:
    client = insert_client()
    pipeline = insert_pipeline(client)
    insert("runs", pipeline_id=pipeline)
    table, key = {"client": ("clients", client), "pipeline": ("pipelines", pipeline)}[parent]

    with pytest.raises(IntegrityError), connection.cursor() as cursor:  # noqa: PT012
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [key])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
