"""Insert invalid clients and pipelines by SQL. A named constraint refuses each of them."""

import importlib

import pytest
from django.apps import apps
from django.core.management import CommandError
from django.db import connection

from chm_project.tests.sql_rows import insert, insert_client, insert_pipeline, violated_constraint

pytestmark = pytest.mark.django_db


@pytest.mark.proves("DI-001")
def test_a_client_name_is_unique() -> None:
    insert_client()
    assert violated_constraint("clients", name="Contoso") == "clients_name_unique"
    assert violated_constraint("clients", name="CONTOSO") == "clients_name_unique"


def test_the_migration_to_unique_client_names_lists_duplicates_and_changes_nothing() -> None:
    migration = importlib.import_module("inventory.migrations.0008_client_names")
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX clients_name_unique")
    for name in ("Baltic Foods", "baltic foods", "Northwind", "Contoso", "CONTOSO"):
        insert("clients", name=name)

    with pytest.raises(CommandError) as refused, connection.schema_editor(atomic=False) as editor:
        migration.refuse_clashes(apps, editor)

    assert str(refused.value).startswith("Nothing was changed.")
    assert str(refused.value).splitlines()[1:] == ["  'Baltic Foods', 'baltic foods'", "  'CONTOSO', 'Contoso'"]


@pytest.mark.parametrize("name", ["", "  ", "\t\n"])
def test_a_client_name_is_not_blank(name: str) -> None:
    assert violated_constraint("clients", name=name) == "clients_name_not_blank"


@pytest.mark.proves("DI-002")
def test_a_pipeline_name_is_unique_within_its_client() -> None:
    client = insert_client()
    insert_pipeline(client)
    assert violated_constraint("pipelines", client_id=client, name="stock") == "pipelines_client_name_unique"
    insert("pipelines", client_id=insert("clients", name="Fabrikam"), name="stock")


@pytest.mark.proves("DI-003")
def test_an_external_id_is_unique_within_client_and_platform() -> None:
    client = insert_client()
    insert_pipeline(client)
    constraint = violated_constraint("pipelines", client_id=client, name="other", external_id="stock")

    assert constraint == "pipelines_client_platform_external_id_unique"
    insert("pipelines", client_id=client, name="other", external_id="stock", platform="dbt")
    insert("pipelines", client_id=client, name="none-1")
    insert("pipelines", client_id=client, name="none-2")


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
def test_an_invalid_pipeline_value_is_refused(column: str, value: str, constraint: str) -> None:
    client = insert_client()
    assert violated_constraint("pipelines", client_id=client, **{column: value}) == constraint


# A case with the prefix known_ has only this column of a known failure. A case without the prefix has a complete known
# failure, in which it changes or adds one column.
@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"known_reason": "ticket 123"}, "pipelines_known_failure_complete"),
        ({"known_ticket_url": "https://tickets.example/1"}, "pipelines_known_failure_complete"),
        ({"reason": " "}, "pipelines_known_reason_not_blank"),
        ({"until": "2026-01-01T00:00:00Z"}, "pipelines_known_until_later"),
        ({"ticket_url": "javascript:alert(1)"}, "pipelines_known_ticket_url_http"),
    ],
)
def test_an_incomplete_or_invalid_known_failure_is_refused(columns: dict[str, str], constraint: str) -> None:
    complete = {
        "known_reason": "ticket 123", "known_run_id": "019b0000-0000-7000-8000-000000000000",
        "known_fingerprint": "0be9897c3b37", "known_since": "2026-01-02T00:00:00Z",
    }  # fmt: skip
    values = {f"known_{name}": value for name, value in columns.items() if not name.startswith("known_")}
    row = complete | values if values else columns
    assert violated_constraint("pipelines", client_id=insert_client(), **row) == constraint
