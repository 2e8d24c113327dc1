"""The schema `reporting` follows its files. Tests what changes, what stays, and which roles may read it afterwards."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from chm_project.db.reporting import builder
from chm_project.db.reporting.operations import DropReporting
from chm_project.db.reporting.tests.conftest import OtherApp

pytestmark = pytest.mark.django_db(transaction=True)

ROLE = f"chm_test_builder_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
BY_PLATFORM = "SELECT platform, count(*) AS pipelines FROM reporting.pipelines GROUP BY platform"


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def query_column(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()]


def readable(role: str) -> set[str]:
    views = query_column("SELECT viewname FROM pg_views WHERE schemaname = 'reporting'")
    return {
        view
        for view in views
        if query_column(f"SELECT has_table_privilege('{role}', 'reporting.{view}', 'SELECT')") == [True]
    }


def all_views() -> set[str]:
    return set(query_column("SELECT viewname FROM pg_views WHERE schemaname = 'reporting'"))


def own_connection() -> psycopg.Connection[Any]:
    parameters: dict[str, Any] = connection.get_connection_params()
    for name in ("pool", "cursor_factory", "context"):
        parameters.pop(name, None)
    return psycopg.connect(**parameters)


@pytest.fixture
def roles() -> Iterator[tuple[str, str]]:
    """Return a role that reads all views, and one that reads a view, with grant option, and a column of another."""
    full, some = ROLE, f"{ROLE}_some"
    call_command("grant_reporting_role", full)
    execute(f"CREATE ROLE {some}")
    execute(f"GRANT USAGE ON SCHEMA reporting TO {some}")
    execute(f"GRANT SELECT ON reporting.clients TO {some} WITH GRANT OPTION")
    execute(f"GRANT SELECT (platform) ON reporting.pipelines TO {some}")
    yield full, some
    for role in (some, full):
        execute(f"GRANT {role} TO CURRENT_USER")
        execute(f"DROP OWNED BY {role}")
        execute(f"DROP ROLE {role}")


def test_a_new_view_is_built_after_the_views_that_it_reads(other_app: OtherApp) -> None:
    other_app.view("aaa", "SELECT platform FROM reporting.zzz", "platform")
    other_app.view("zzz", BY_PLATFORM, "platform", "pipelines")

    assert builder.rebuild(connection) == len(all_views())

    assert {"aaa", "zzz"} <= all_views()
    assert query_column("SELECT obj_description('reporting.aaa'::regclass)") == ["A view of a test."]
    assert query_column("SELECT col_description('reporting.zzz'::regclass, 2)") == ["A column"]


def test_unchanged_files_change_nothing() -> None:
    assert builder.rebuild(connection) is None
    assert builder.is_current(connection)


def test_a_shape_with_a_view_is_built_as_of_now(other_app: OtherApp) -> None:
    other_app.write(
        "shapes",
        "old_runs",
        "-- Question   How many runs are older than a day?\n-- Grain      one row\n-- Inventory  all\n"
        "-- Panel      none\n-- View       old_runs\n-- Parameters\n-- Columns\n--   runs  integer  Number of runs\n"
        "SELECT count(*) AS runs FROM reporting.run_facts AS p WHERE event_at < %(as_of)s - interval '1 day'\n"
        "AND {in_scope}\n",
    )

    builder.rebuild(connection)

    assert query_column("SELECT runs FROM reporting.old_runs") == [0]


def test_a_column_at_the_end_is_added_in_place(other_app: OtherApp) -> None:
    other_app.view("platforms", "SELECT platform FROM reporting.pipelines", "platform")
    builder.rebuild(connection)
    before = query_column("SELECT 'reporting.platforms'::regclass::oid")
    execute("CREATE VIEW public.of_an_analyst AS SELECT * FROM reporting.platforms")
    try:
        other_app.view("platforms", "SELECT platform, environment FROM reporting.pipelines", "platform", "environment")
        builder.rebuild(connection)
    finally:
        execute("DROP VIEW public.of_an_analyst")

    assert query_column("SELECT 'reporting.platforms'::regclass::oid") == before
    assert query_column("SELECT count(environment) FROM reporting.platforms") == [0]


def test_removing_a_column_keeps_the_grants_of_each_role(other_app: OtherApp, roles: tuple[str, str]) -> None:
    full, some = roles
    other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)
    assert "platforms" in readable(full)
    before = query_column("SELECT 'reporting.clients'::regclass::oid")

    other_app.view("platforms", "SELECT platform FROM reporting.pipelines", "platform")
    builder.rebuild(connection)

    assert query_column("SELECT 'reporting.clients'::regclass::oid") != before, "all views were created again"
    assert readable(full) == all_views()
    assert readable(some) == {"clients"}
    assert query_column(f"SELECT has_table_privilege('{some}', 'reporting.clients', 'SELECT WITH GRANT OPTION')") == [
        True
    ]
    assert query_column(f"SELECT has_column_privilege('{some}', 'reporting.pipelines', 'platform', 'SELECT')") == [True]
    assert query_column(f"SELECT has_column_privilege('{some}', 'reporting.pipelines', 'client_id', 'SELECT')") == [
        False
    ]


def test_a_role_that_another_role_granted_access_reads_later_views(other_app: OtherApp, roles: tuple[str, str]) -> None:
    full, late = roles[0], f"{ROLE}_late"
    execute(f"CREATE ROLE {late}")
    try:
        execute(f"GRANT USAGE ON SCHEMA reporting TO {full} WITH GRANT OPTION")
        execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {full} WITH GRANT OPTION")
        execute(f"GRANT {full} TO CURRENT_USER")
        execute(f"SET ROLE {full}")
        execute("SET transaction_read_only = off")
        execute(f"GRANT USAGE ON SCHEMA reporting TO {late}")
        execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {late}")
        execute("RESET ROLE")

        other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
        builder.rebuild(connection)

        assert readable(late) == all_views()
    finally:
        execute("RESET ROLE")
        execute(f"GRANT {late} TO CURRENT_USER")
        execute(f"SET ROLE {full}")
        execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA reporting FROM {late}")
        execute(f"REVOKE ALL ON SCHEMA reporting FROM {late}")
        execute("RESET ROLE")
        execute(f"DROP OWNED BY {late}")
        execute(f"DROP ROLE {late}")


def test_default_privileges_of_a_former_release_are_removed(other_app: OtherApp, roles: tuple[str, str]) -> None:
    execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO {roles[1]}")

    other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)

    assert "platforms" not in readable(roles[1])
    assert query_column("SELECT count(*) FROM pg_default_acl WHERE defaclnamespace = 'reporting'::regnamespace") == [0]


def test_dropped_views_are_restored_with_their_grants_and_roles_that_read_all_read_new_views(
    other_app: OtherApp, roles: tuple[str, str]
) -> None:
    full, some = roles
    with connection.schema_editor() as editor:
        DropReporting().database_forwards("runs", editor, None, None)  # type: ignore[arg-type]
    assert all_views() == set()
    assert not builder.is_current(connection)
    with connection.schema_editor() as editor:
        DropReporting().database_forwards("runs", editor, None, None)  # type: ignore[arg-type]  # a second migration

    other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)

    assert "platforms" in all_views()
    assert readable(full) == all_views()
    assert readable(some) == {"clients"}


def test_a_role_that_was_dropped_meanwhile_is_skipped(roles: tuple[str, str]) -> None:
    gone = f"{ROLE}_gone"
    execute(f"CREATE ROLE {gone}")
    execute(f"GRANT SELECT ON reporting.clients TO {gone}")
    builder.drop(connection)
    execute(f"DROP ROLE {gone}")

    builder.rebuild(connection)

    assert readable(roles[0]) == all_views()


def test_a_view_without_its_file_is_dropped_and_views_of_others_stay(other_app: OtherApp) -> None:
    other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)
    execute("CREATE VIEW reporting.of_an_analyst AS SELECT 1 AS one")
    try:
        other_app.remove("views", "platforms")
        builder.rebuild(connection)

        assert "platforms" not in all_views()
        assert "of_an_analyst" in all_views()
    finally:
        execute("DROP VIEW reporting.of_an_analyst")


def test_a_view_that_cannot_be_dropped_is_named_and_nothing_changes(other_app: OtherApp) -> None:
    other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)
    execute("CREATE VIEW public.of_an_analyst AS SELECT * FROM reporting.platforms")
    try:
        other_app.view("platforms", "SELECT platform FROM reporting.pipelines", "platform")
        with pytest.raises(
            builder.ReportingSchemaError, match=r"view of_an_analyst depends on view reporting.platforms"
        ):
            builder.rebuild(connection)
        assert query_column("SELECT count(pipelines) FROM reporting.platforms") == [0]
    finally:
        execute("DROP VIEW public.of_an_analyst")


def test_a_name_of_an_existing_view_is_refused(other_app: OtherApp) -> None:
    execute("CREATE VIEW reporting.platforms AS SELECT 1 AS one")
    try:
        other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
        with pytest.raises(builder.ReportingSchemaError, match=r"reporting.platforms exists and was not made by CHM"):
            builder.rebuild(connection)
    finally:
        execute("DROP VIEW reporting.platforms")


def test_another_schema_that_the_views_read_is_not_changed(other_app: OtherApp) -> None:
    execute("CREATE SCHEMA other_objects")
    execute("CREATE TABLE other_objects.days (day date)")
    execute("INSERT INTO other_objects.days VALUES ('2026-01-01')")
    try:
        other_app.view("days", "SELECT day, 1 AS one FROM other_objects.days", "day", "one")
        builder.rebuild(connection)
        other_app.view("days", "SELECT day FROM other_objects.days", "day")
        builder.rebuild(connection)
        assert query_column("SELECT count(*) FROM reporting.days") == [1]
    finally:
        other_app.remove("views", "days")
        builder.rebuild(connection)
        execute("DROP SCHEMA other_objects CASCADE")


def test_the_builder_waits_for_a_reader(other_app: OtherApp) -> None:
    other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
    with own_connection() as reader:
        reader.execute("SELECT count(*) FROM reporting.current_failures")
        ending = threading.Timer(3, reader.rollback)
        ending.start()

        built = builder.rebuild(connection)

        ending.join()
    assert built == len(all_views())


def test_a_reader_that_stays_is_named_and_nothing_changes(other_app: OtherApp) -> None:
    other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
    with own_connection() as reader:
        reader.execute("SELECT count(*) FROM reporting.current_failures")
        begun = time.monotonic()
        with pytest.raises(builder.ReportingSchemaError, match="in use for 1 s") as refused:
            builder.rebuild(connection, wait_seconds=1)
        assert f"process {reader.info.backend_pid}, idle in transaction" in str(refused.value)
    assert time.monotonic() - begun < 10
    assert "platforms" not in all_views()
    assert query_column("SHOW lock_timeout") == ["0"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"one": "SELECT 1 AS b"}, "header and the query of reporting.one differ in columns: a, b"),
        ({"one": "SELECT a FROM reporting.two", "two": "SELECT a FROM reporting.one"}, "read each other"),
        ({"one": "SELECT a FROM reporting.nowhere"}, "reporting.one reads reporting.nowhere, which no file defines"),
        ({"one": "SELECT {nothing} AS a"}, r"\{nothing\} is not a fragment"),
        ({"clients": "SELECT 1 AS a"}, "Two files of the schema reporting have one name"),
        ({"failing_now_2": "SELECT a FROM no_such_table"}, 'relation "no_such_table" does not exist'),
    ],
)  # fmt: skip
def test_a_wrong_file_is_named_and_nothing_changes(other_app: OtherApp, files: dict[str, str], message: str) -> None:
    before = all_views()
    for name, query in files.items():
        other_app.view(name, query, "a")

    with pytest.raises(builder.ReportingSchemaError, match=message):
        builder.rebuild(connection)

    assert all_views() == before


def test_the_command_says_whether_the_views_are_current_and_builds_them(
    other_app: OtherApp, capsys: pytest.CaptureFixture[str]
) -> None:
    def check(command: str) -> object:
        with pytest.raises(SystemExit) as ended:
            call_command(command, check=True) if command == "rebuild_reporting" else call_command(command, "--check")
        return ended.value.code

    assert check("rebuild_reporting") == 0
    call_command("migrate", "--check")
    other_app.view("platforms", BY_PLATFORM, "platform", "pipelines")
    assert check("rebuild_reporting") == 1
    assert check("migrate") == 1
    assert "not current" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"Run manage.py migrate first"):
        call_command("grant_reporting_role", ROLE)

    call_command("rebuild_reporting")

    assert capsys.readouterr().out == f"The schema reporting was built: {len(all_views())} views.\n"
    assert check("rebuild_reporting") == 0


def test_a_view_dropped_by_hand_is_restored() -> None:
    execute("DROP VIEW reporting.governance_gaps")

    call_command("migrate", verbosity=0)

    assert "governance_gaps" in all_views()


def test_reversing_migrations_drops_the_views_and_the_last_migration_restores_them(roles: tuple[str, str]) -> None:
    before = all_views()

    call_command("migrate", "alerting", "0001", verbosity=0)
    assert all_views() == set()
    call_command("migrate", "runs", verbosity=0)
    assert all_views() == set(), "alerting's migrations are still to be applied"
    call_command("migrate", verbosity=0)

    assert all_views() == before == readable(roles[0])
