"""The database is the referee: each bad row, inserted with SQL, is refused by the constraint that names the rule."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

FRAMEWORK_PREFIXES = ("auth_", "django_", "api_tokens")

Insert = Callable[..., str]


@pytest.fixture
def insert(db: None) -> Insert:
    """Inserts a row that is good but for the values given; returns its id."""
    good: dict[str, dict[str, Any]] = {
        "clients": {"name": "Northwind"},
        "pipelines": {"name": "orders", "platform": "airflow", "pipeline_type": "ingestion"},
        "runs": {"external_run_id": "run-1", "status": "success"},
        "alert_rules": {"rule_type": "on_failure", "channel": "slack", "destination": "#ops"},
    }

    def insert_row(table: str, **values: Any) -> str:
        row = {"id": str(uuid.uuid4()), **good[table], **values}
        columns = ", ".join(row)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(row))})",
                list(row.values()),
            )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return str(row["id"])

    return insert_row


def refused_by(insert: Insert, table: str, **values: Any) -> str | None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        insert(table, **values)
    cause: Any = refusal.value.__cause__
    return str(cause.diag.constraint_name)


@pytest.fixture
def client(insert: Insert) -> str:
    return insert("clients", name="Contoso")


@pytest.fixture
def pipeline(insert: Insert, client: str) -> str:
    return insert("pipelines", client_id=client, name="stock", external_id="stock")


@pytest.mark.proves("FR-001")
def test_there_are_exactly_four_business_tables(db: None) -> None:
    tables = [name for name in connection.introspection.table_names() if not name.startswith(FRAMEWORK_PREFIXES)]

    assert sorted(tables) == ["alert_rules", "clients", "pipelines", "runs"]


def test_every_business_table_and_column_is_described(db: None) -> None:
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
def test_every_entity_has_its_key_and_its_times(db: None, table: str) -> None:
    [model] = [model for model in apps.get_models() if model._meta.db_table == table]

    kinds = {field.name: field.db_type(connection) for field in model._meta.concrete_fields}

    assert kinds["id"] == "uuid"
    assert kinds["created_at"] == kinds["updated_at"] == "timestamp with time zone"


@pytest.mark.proves("DI-001")
def test_a_client_name_is_unique(insert: Insert, client: str) -> None:
    assert refused_by(insert, "clients", name="Contoso") == "clients_name_unique"


@pytest.mark.parametrize("name", ["", "  ", "\t\n"])
def test_a_client_name_is_not_blank(insert: Insert, name: str) -> None:
    assert refused_by(insert, "clients", name=name) == "clients_name_not_blank"


@pytest.mark.proves("DI-002")
def test_a_pipeline_name_is_unique_within_its_client(insert: Insert, client: str, pipeline: str) -> None:
    assert refused_by(insert, "pipelines", client_id=client, name="stock") == "pipelines_client_name_unique"
    insert("pipelines", client_id=insert("clients", name="Fabrikam"), name="stock")


@pytest.mark.proves("DI-003")
def test_an_external_id_is_unique_within_client_and_platform(insert: Insert, client: str, pipeline: str) -> None:
    constraint = refused_by(insert, "pipelines", client_id=client, name="other", external_id="stock")

    assert constraint == "pipelines_client_platform_external_id_unique"
    insert("pipelines", client_id=client, name="other", external_id="stock", platform="dbt")
    insert("pipelines", client_id=client, name="none-1")
    insert("pipelines", client_id=client, name="none-2")


@pytest.mark.proves("DI-004")
def test_a_run_is_unique_by_pipeline_and_external_run_id(insert: Insert, pipeline: str) -> None:
    insert("runs", pipeline_id=pipeline)

    assert refused_by(insert, "runs", pipeline_id=pipeline) == "runs_pipeline_external_run_id_unique"


@pytest.mark.proves("DI-005")
@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("platform", "jenkins", "pipelines_platform_valid"),
        ("pipeline_type", "magic", "pipelines_pipeline_type_valid"),
        ("environment", "qa", "pipelines_environment_valid"),
        ("name", " ", "pipelines_name_not_blank"),
        ("external_id", "", "pipelines_external_id_not_blank"),
    ],
)
def test_a_bad_pipeline_value_is_refused(insert: Insert, client: str, column: str, value: str, constraint: str) -> None:
    assert refused_by(insert, "pipelines", client_id=client, **{column: value}) == constraint


@pytest.mark.proves("DI-005")
@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("status", "queued", "runs_status_valid"),
        ("external_run_id", "", "runs_external_run_id_not_empty"),
        ("duration_seconds", -1, "runs_duration_seconds_not_negative"),
        ("rows_processed", -1, "runs_rows_processed_not_negative"),
        ("payload", "[1]", "runs_payload_is_object"),
        ("payload", '"text"', "runs_payload_is_object"),
    ],
)
def test_a_bad_run_value_is_refused(insert: Insert, pipeline: str, column: str, value: object, constraint: str) -> None:
    assert refused_by(insert, "runs", pipeline_id=pipeline, **{column: value}) == constraint


@pytest.mark.proves("DI-007", "FR-009")
def test_a_rule_needs_a_scope(insert: Insert) -> None:
    assert refused_by(insert, "alert_rules") == "alert_rules_scope_required"


@pytest.mark.proves("DI-005", "FR-010")
@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"rule_type": "sometimes"}, "alert_rules_rule_type_valid"),
        ({"channel": "pager"}, "alert_rules_channel_valid"),
        ({"threshold": 0}, "alert_rules_threshold_positive"),
        ({"window_minutes": -5}, "alert_rules_window_minutes_positive"),
        ({"rule_type": "failures_in_window", "threshold": 3}, "alert_rules_window_rule_complete"),
        ({"rule_type": "failures_in_window", "window_minutes": 60}, "alert_rules_window_rule_complete"),
    ],
)
def test_a_bad_rule_value_is_refused(insert: Insert, client: str, values: dict[str, object], constraint: str) -> None:
    assert refused_by(insert, "alert_rules", client_id=client, **values) == constraint


@pytest.mark.proves("FR-009", "FR-010")
def test_good_rules_of_both_types_are_accepted(insert: Insert, client: str, pipeline: str) -> None:
    insert("alert_rules", client_id=client)
    insert("alert_rules", pipeline_id=pipeline, threshold=1, window_minutes=1)
    insert("alert_rules", client_id=client, rule_type="failures_in_window", threshold=3, window_minutes=60)


@pytest.mark.proves("DI-008")
def test_no_two_enabled_rules_watch_the_same(insert: Insert, client: str, pipeline: str) -> None:
    insert("alert_rules", pipeline_id=pipeline)

    # The pipeline decides the scope, so a client beside it makes no other rule.
    constraint = refused_by(insert, "alert_rules", pipeline_id=pipeline, client_id=client)

    assert constraint == "alert_rules_enabled_unique"
    insert("alert_rules", pipeline_id=pipeline, is_enabled=False)
    insert("alert_rules", client_id=client)
    insert("alert_rules", pipeline_id=pipeline, destination="#other")


@pytest.mark.proves("DI-006")
@pytest.mark.parametrize(
    ("table", "column"),
    [("pipelines", "client_id"), ("runs", "pipeline_id"), ("alert_rules", "client_id"), ("alert_rules", "pipeline_id")],
)
def test_a_foreign_key_must_exist(insert: Insert, table: str, column: str) -> None:
    constraint = refused_by(insert, table, **{column: str(uuid.uuid4())})

    assert constraint is not None
    assert "_fk_" in constraint


@pytest.mark.proves("DI-006")
@pytest.mark.parametrize("parent", ["client", "pipeline"])
def test_a_parent_with_children_cannot_be_deleted(insert: Insert, client: str, pipeline: str, parent: str) -> None:
    insert("runs", pipeline_id=pipeline)
    table, key = {"client": ("clients", client), "pipeline": ("pipelines", pipeline)}[parent]

    with pytest.raises(IntegrityError), connection.cursor() as cursor:  # noqa: PT012
        cursor.execute(f"DELETE FROM {table} WHERE id = %s", [key])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_event_at_is_when_the_run_finished_else_started_else_was_stored(insert: Insert, pipeline: str) -> None:
    finished = insert(
        "runs", pipeline_id=pipeline, external_run_id="a", started_at="2026-01-01Z", finished_at="2026-01-02Z"
    )
    started = insert("runs", pipeline_id=pipeline, external_run_id="b", started_at="2026-01-01Z")
    stored = insert("runs", pipeline_id=pipeline, external_run_id="c")

    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text, event_at, finished_at, started_at, created_at FROM runs")
        rows = {row[0]: row[1:] for row in cursor.fetchall()}

    assert rows[finished][0] == rows[finished][1]
    assert rows[started][0] == rows[started][2]
    assert rows[stored][0] == rows[stored][3]
