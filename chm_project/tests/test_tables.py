"""The four business tables have comments, UUID keys, timestamps and foreign keys."""

import uuid

import pytest
from django.apps import apps
from django.db import IntegrityError, connection
from django.db.migrations.state import ProjectState

from chm_project.db.alter_comments import AlterComments
from chm_project.tests.sql_rows import insert, insert_client, insert_pipeline, violated_constraint

pytestmark = pytest.mark.django_db

BUSINESS_TABLES = ["alert_rules", "clients", "pipelines", "runs"]
OTHER_TABLE_PREFIXES = ("auth_", "django_", "api_tokens", "access_")


def read_comments() -> dict[tuple[str, str | None], str | None]:
    """Return the comments by table and column. The column of the table's own comment is None."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname, a.attname, col_description(c.oid, a.attnum) FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE c.relname = ANY(%(tables)s) AND c.relkind = 'r'
            UNION ALL
            SELECT relname, NULL, obj_description(oid, 'pg_class') FROM pg_class
            WHERE relname = ANY(%(tables)s) AND relkind = 'r'
            """,
            {"tables": BUSINESS_TABLES},
        )
        return {(table, column): comment for table, column, comment in cursor.fetchall()}


@pytest.mark.proves("FR-001")
def test_there_are_exactly_four_business_tables() -> None:
    tables = [name for name in connection.introspection.table_names() if not name.startswith(OTHER_TABLE_PREFIXES)]

    assert sorted(tables) == BUSINESS_TABLES


def test_every_business_table_and_column_has_the_comment_of_its_model() -> None:
    models = [model for model in apps.get_models() if model._meta.db_table in BUSINESS_TABLES]
    expected = {
        (model._meta.db_table, field.column): field.db_comment
        for model in models
        for field in model._meta.concrete_fields
    } | {(model._meta.db_table, None): model._meta.db_table_comment for model in models}

    comments = read_comments()

    assert comments == expected
    assert None not in comments.values()


def test_a_migration_of_comments_restores_the_former_comments_when_it_is_undone() -> None:
    before = read_comments()
    operation = AlterComments(model_name="pipeline", comments={"client": "100 % of 'it'", "source_url": "A link"})
    former_state = ProjectState.from_apps(apps)
    new_state = former_state.clone()
    operation.state_forwards("inventory", new_state)

    with connection.schema_editor() as schema_editor:
        operation.database_forwards("inventory", schema_editor, former_state, new_state)
    changed = read_comments()
    with connection.schema_editor() as schema_editor:
        operation.database_backwards("inventory", schema_editor, new_state, former_state)

    assert changed == before | {
        ("pipelines", "client_id"): "100 % of 'it'",
        ("pipelines", "source_url"): "A link",
    }
    assert read_comments() == before


@pytest.mark.proves("FR-020")
@pytest.mark.parametrize("table", BUSINESS_TABLES)
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
