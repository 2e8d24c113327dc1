"""The reporting role can read the views and do nothing else. The tests connect as this role."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from chm_project.tests.controlled_seed import create_seed

pytestmark = pytest.mark.django_db(transaction=True)

ROLE = f"chm_test_reporting_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
PASSWORD = "correct horse 'battery' staple"


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    monkeypatch.setenv("TEST_REPORTING_PASSWORD", PASSWORD)
    call_command("grant_reporting_role", ROLE, "--password-env", "TEST_REPORTING_PASSWORD")
    parameters = connection.get_connection_params()
    for name in ("pool", "cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    try:
        with psycopg.connect(
            **{**parameters, "user": ROLE, "password": PASSWORD}, autocommit=True
        ) as reader_connection:
            yield reader_connection
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"GRANT {ROLE} TO CURRENT_USER")
            cursor.execute(f"DROP OWNED BY {ROLE}")
            cursor.execute(f"DROP ROLE {ROLE}")


def views() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT viewname FROM pg_views WHERE schemaname = 'reporting' ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def test_the_role_reads_every_view(reader: psycopg.Connection[Any]) -> None:
    create_seed()
    assert views()
    for view in views():
        assert reader.execute(f"SELECT count(*) FROM reporting.{view}").fetchone() is not None, view
    assert reader.execute("SELECT count(*) FROM runs").fetchone() == (60,), (
        "unqualified names resolve to the schema reporting"
    )


@pytest.mark.proves("SE-001")
def test_the_role_cannot_read_tables(reader: psycopg.Connection[Any]) -> None:
    tables = connection.introspection.table_names()
    assert {model._meta.db_table for model in apps.get_models()} <= set(tables)
    for table in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(f'SELECT * FROM public."{table}"')


FORBIDDEN_STATEMENTS = (
    "INSERT INTO public.clients (id, name) VALUES (gen_random_uuid(), 'x')",
    "UPDATE public.runs SET status = 'success'",
    "DELETE FROM public.runs",
    "TRUNCATE public.runs",
    "DROP VIEW reporting.runs",
    "INSERT INTO reporting.clients VALUES (gen_random_uuid(), 'x', true, now())",
    "UPDATE reporting.runs SET status = 'success'",
    "DELETE FROM reporting.runs",
    "CREATE TABLE public.mine (x int)",
    "CREATE TABLE reporting.mine (x int)",
    "CREATE TEMPORARY TABLE mine (x int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE another",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "GRANT SELECT ON public.runs TO CURRENT_USER",
    "COPY public.runs TO STDOUT",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('.')",
)


@pytest.mark.proves("SE-001")
@pytest.mark.parametrize("statement", FORBIDDEN_STATEMENTS)
def test_the_role_can_only_read_even_if_it_turns_off_read_only_transactions(
    reader: psycopg.Connection[Any], statement: str
) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
        reader.execute(statement)
    reader.execute("SET default_transaction_read_only = off")
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
        reader.execute(statement)


def test_the_transactions_of_the_role_are_read_only_and_time_out(reader: psycopg.Connection[Any]) -> None:
    assert reader.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
    assert reader.execute("SHOW statement_timeout").fetchone() == ("30s",)
    assert reader.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("30s",)


@pytest.mark.proves("SE-002")
def test_views_contain_no_payloads_destinations_or_credentials() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_schema = 'reporting'")
        columns = {row[0] for row in cursor.fetchall()}
    assert not columns & {"payload", "destination", "token", "password"}


def test_every_view_and_column_has_a_comment() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname, obj_description(c.oid, 'pg_class'), col_description(c.oid, a.attnum)"
            " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_attribute AS a"
            " ON a.attrelid = c.oid AND a.attnum > 0 WHERE n.nspname = 'reporting' AND c.relkind = 'v'"
        )
        rows = cursor.fetchall()
    assert len(rows) > 100
    assert [row[:2] for row in rows if not row[2] or not row[3]] == []


def test_grant_reporting_role_can_be_repeated(
    reader: psycopg.Connection[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("grant_reporting_role", ROLE)
    assert "nothing else" in capsys.readouterr().out
    assert reader.execute("SELECT 1 FROM reporting.clients").fetchall() == []


@pytest.mark.parametrize("name", ["Robert'); DROP TABLE runs;--", "pg_monitor", "Capital", "", "a" * 64])
def test_an_invalid_name_of_a_role_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="cannot be a role"):
        call_command("grant_reporting_role", name)


def test_a_missing_password_is_reported(tmp_path: Any) -> None:
    with pytest.raises(CommandError, match="CHM_NO_SUCH_VARIABLE is not set"):
        call_command("grant_reporting_role", ROLE, "--password-env", "CHM_NO_SUCH_VARIABLE")
    with pytest.raises(CommandError, match="Cannot read"):
        call_command("grant_reporting_role", ROLE, "--password-file", str(tmp_path / "none"))


def test_granting_again_removes_default_privileges_of_an_earlier_version(reader: psycopg.Connection[Any]) -> None:
    """A dump contains these privileges, and only the role that set them can restore them."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO {ROLE}")

        call_command("grant_reporting_role", ROLE)

        cursor.execute("SELECT count(*) FROM pg_default_acl WHERE defaclnamespace = 'reporting'::regnamespace")
        assert cursor.fetchone() == (0,)
