"""The builder makes the views of the schema `reporting` match their files, and keeps the grants on the views."""

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

READING_ROLE = f"chm_test_builder_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
COUNT_BY_PLATFORM = "SELECT platform, count(*) AS pipelines FROM reporting.pipelines GROUP BY platform"


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def query_column(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [row[0] for row in cursor.fetchall()]


def readable_views(role: str) -> set[str]:
    views = query_column("SELECT viewname FROM pg_views WHERE schemaname = 'reporting'")
    return {
        view
        for view in views
        if query_column(f"SELECT has_table_privilege('{role}', 'reporting.{view}', 'SELECT')") == [True]
    }


def all_views() -> set[str]:
    return set(query_column("SELECT viewname FROM pg_views WHERE schemaname = 'reporting'"))


def connect_separately() -> psycopg.Connection[Any]:
    parameters: dict[str, Any] = connection.get_connection_params()
    for name in ("pool", "cursor_factory", "context"):
        parameters.pop(name, None)
    return psycopg.connect(**parameters)


@pytest.fixture
def roles() -> Iterator[tuple[str, str]]:
    """Return two roles: one reads all views; one reads one view, with grant option, and one column of another view."""
    full_role, partial_role = READING_ROLE, f"{READING_ROLE}_some"
    call_command("grant_reporting_role", full_role)
    execute(f"CREATE ROLE {partial_role}")
    execute(f"GRANT USAGE ON SCHEMA reporting TO {partial_role}")
    execute(f"GRANT SELECT ON reporting.clients TO {partial_role} WITH GRANT OPTION")
    execute(f"GRANT SELECT (platform) ON reporting.pipelines TO {partial_role}")
    yield full_role, partial_role
    for role in (partial_role, full_role):
        execute(f"GRANT {role} TO CURRENT_USER")
        execute(f"DROP OWNED BY {role}")
        execute(f"DROP ROLE {role}")


def test_a_new_view_is_built_after_the_views_that_it_reads(other_app: OtherApp) -> None:
    other_app.write_view("aaa", "SELECT platform FROM reporting.zzz", "platform")
    other_app.write_view("zzz", COUNT_BY_PLATFORM, "platform", "pipelines")

    assert builder.rebuild(connection) == len(all_views())

    assert {"aaa", "zzz"} <= all_views()
    assert query_column("SELECT obj_description('reporting.aaa'::regclass)") == ["A view of a test."]
    assert query_column("SELECT col_description('reporting.zzz'::regclass, 2)") == ["A column"]


def test_rebuild_changes_nothing_if_no_file_has_changed() -> None:
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


def test_a_new_last_column_does_not_drop_the_view(other_app: OtherApp) -> None:
    other_app.write_view("platforms", "SELECT platform FROM reporting.pipelines", "platform")
    builder.rebuild(connection)
    oid_before = query_column("SELECT 'reporting.platforms'::regclass::oid")
    execute("CREATE VIEW public.of_an_analyst AS SELECT * FROM reporting.platforms")
    try:
        other_app.write_view(
            "platforms", "SELECT platform, environment FROM reporting.pipelines", "platform", "environment"
        )
        builder.rebuild(connection)
    finally:
        execute("DROP VIEW public.of_an_analyst")

    assert query_column("SELECT 'reporting.platforms'::regclass::oid") == oid_before
    assert query_column("SELECT count(environment) FROM reporting.platforms") == [0]


def test_removing_a_column_keeps_the_grants_of_each_role(other_app: OtherApp, roles: tuple[str, str]) -> None:
    full_role, partial_role = roles
    other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)
    assert "platforms" in readable_views(full_role)
    oid_before = query_column("SELECT 'reporting.clients'::regclass::oid")

    other_app.write_view("platforms", "SELECT platform FROM reporting.pipelines", "platform")
    builder.rebuild(connection)

    assert query_column("SELECT 'reporting.clients'::regclass::oid") != oid_before, "all views were created again"
    assert readable_views(full_role) == all_views()
    assert readable_views(partial_role) == {"clients"}
    assert query_column(
        f"SELECT has_table_privilege('{partial_role}', 'reporting.clients', 'SELECT WITH GRANT OPTION')"
    ) == [True]
    assert query_column(
        f"SELECT has_column_privilege('{partial_role}', 'reporting.pipelines', 'platform', 'SELECT')"
    ) == [True]
    assert query_column(
        f"SELECT has_column_privilege('{partial_role}', 'reporting.pipelines', 'client_id', 'SELECT')"
    ) == [False]


def test_a_role_that_got_access_from_another_role_also_reads_new_views(
    other_app: OtherApp, roles: tuple[str, str]
) -> None:
    full_role, later_role = roles[0], f"{READING_ROLE}_late"
    execute(f"CREATE ROLE {later_role}")
    try:
        execute(f"GRANT USAGE ON SCHEMA reporting TO {full_role} WITH GRANT OPTION")
        execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {full_role} WITH GRANT OPTION")
        execute(f"GRANT {full_role} TO CURRENT_USER")
        execute(f"SET ROLE {full_role}")
        execute("SET transaction_read_only = off")
        execute(f"GRANT USAGE ON SCHEMA reporting TO {later_role}")
        execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {later_role}")
        execute("RESET ROLE")

        other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
        builder.rebuild(connection)

        assert readable_views(later_role) == all_views()
    finally:
        execute("RESET ROLE")
        execute(f"GRANT {later_role} TO CURRENT_USER")
        execute(f"SET ROLE {full_role}")
        execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA reporting FROM {later_role}")
        execute(f"REVOKE ALL ON SCHEMA reporting FROM {later_role}")
        execute("RESET ROLE")
        execute(f"DROP OWNED BY {later_role}")
        execute(f"DROP ROLE {later_role}")


def test_default_privileges_of_an_earlier_release_are_removed(other_app: OtherApp, roles: tuple[str, str]) -> None:
    execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO {roles[1]}")

    other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)

    assert "platforms" not in readable_views(roles[1])
    assert query_column("SELECT count(*) FROM pg_default_acl WHERE defaclnamespace = 'reporting'::regnamespace") == [0]


def test_dropped_views_are_restored_with_their_grants(other_app: OtherApp, roles: tuple[str, str]) -> None:
    full_role, partial_role = roles
    with connection.schema_editor() as editor:
        DropReporting().database_forwards("runs", editor, None, None)  # type: ignore[arg-type]
    assert all_views() == set()
    assert not builder.is_current(connection)
    with connection.schema_editor() as editor:
        DropReporting().database_forwards("runs", editor, None, None)  # type: ignore[arg-type]  # a second migration

    other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)

    assert "platforms" in all_views()
    assert readable_views(full_role) == all_views()
    assert readable_views(partial_role) == {"clients"}


def test_grants_of_a_deleted_role_are_not_restored(roles: tuple[str, str]) -> None:
    deleted_role = f"{READING_ROLE}_gone"
    execute(f"CREATE ROLE {deleted_role}")
    execute(f"GRANT SELECT ON reporting.clients TO {deleted_role}")
    builder.drop(connection)
    execute(f"DROP ROLE {deleted_role}")

    builder.rebuild(connection)

    assert readable_views(roles[0]) == all_views()


def test_a_view_whose_file_was_deleted_is_dropped_and_views_of_users_stay(other_app: OtherApp) -> None:
    other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)
    execute("CREATE VIEW reporting.of_an_analyst AS SELECT 1 AS one")
    try:
        other_app.remove("views", "platforms")
        builder.rebuild(connection)

        assert "platforms" not in all_views()
        assert "of_an_analyst" in all_views()
    finally:
        execute("DROP VIEW reporting.of_an_analyst")


def test_the_error_names_a_view_that_cannot_be_dropped_and_nothing_changes(other_app: OtherApp) -> None:
    other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
    builder.rebuild(connection)
    execute("CREATE VIEW public.of_an_analyst AS SELECT * FROM reporting.platforms")
    try:
        other_app.write_view("platforms", "SELECT platform FROM reporting.pipelines", "platform")
        with pytest.raises(
            builder.ReportingSchemaError, match=r"view of_an_analyst depends on view reporting.platforms"
        ):
            builder.rebuild(connection)
        assert query_column("SELECT count(pipelines) FROM reporting.platforms") == [0]
    finally:
        execute("DROP VIEW public.of_an_analyst")


def test_a_view_with_the_name_of_a_users_view_is_refused(other_app: OtherApp) -> None:
    execute("CREATE VIEW reporting.platforms AS SELECT 1 AS one")
    try:
        other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
        with pytest.raises(builder.ReportingSchemaError, match=r"reporting.platforms exists and was not made by CHM"):
            builder.rebuild(connection)
    finally:
        execute("DROP VIEW reporting.platforms")


def test_tables_of_another_schema_that_a_view_reads_are_not_changed(other_app: OtherApp) -> None:
    execute("CREATE SCHEMA other_objects")
    execute("CREATE TABLE other_objects.days (day date)")
    execute("INSERT INTO other_objects.days VALUES ('2026-01-01')")
    try:
        other_app.write_view("days", "SELECT day, 1 AS one FROM other_objects.days", "day", "one")
        builder.rebuild(connection)
        other_app.write_view("days", "SELECT day FROM other_objects.days", "day")
        builder.rebuild(connection)
        assert query_column("SELECT count(*) FROM reporting.days") == [1]
    finally:
        other_app.remove("views", "days")
        builder.rebuild(connection)
        execute("DROP SCHEMA other_objects CASCADE")


def test_the_builder_waits_until_a_reader_has_finished(other_app: OtherApp) -> None:
    other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
    with connect_separately() as reader:
        reader.execute("SELECT count(*) FROM reporting.current_failures")
        end_of_reader = threading.Timer(3, reader.rollback)
        end_of_reader.start()

        built = builder.rebuild(connection)

        end_of_reader.join()
    assert built == len(all_views())


def test_the_error_names_a_reader_that_does_not_finish_and_nothing_changes(other_app: OtherApp) -> None:
    other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
    with connect_separately() as reader:
        reader.execute("SELECT count(*) FROM reporting.current_failures")
        started_at = time.monotonic()
        with pytest.raises(builder.ReportingSchemaError, match="for 1 s; nothing was changed") as error_info:
            builder.rebuild(connection, wait_seconds=1)
        assert f"process {reader.info.backend_pid}, idle in transaction" in str(error_info.value)
    assert time.monotonic() - started_at < 10
    assert "platforms" not in all_views()
    assert query_column("SHOW lock_timeout") == ["0"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"one": "SELECT 1 AS b"}, "header and the query of reporting.one differ in columns: a, b"),
        ({"one": "SELECT a FROM reporting.two", "two": "SELECT a FROM reporting.one"}, "read each other"),
        ({"one": "SELECT a FROM reporting.nowhere"}, "reporting.one reads reporting.nowhere, which no file defines"),
        ({"one": "SELECT {nothing} AS a"}, r"\{nothing\} is not a fragment"),
        ({"clients": "SELECT 1 AS a"}, "Two files of the schema reporting have the same name"),
        ({"failing_now_2": "SELECT a FROM no_such_table"}, 'relation "no_such_table" does not exist'),
    ],
)  # fmt: skip
def test_the_error_names_a_wrong_file_and_nothing_changes(
    other_app: OtherApp, files: dict[str, str], message: str
) -> None:
    views_before = all_views()
    for name, query in files.items():
        other_app.write_view(name, query, "a")

    with pytest.raises(builder.ReportingSchemaError, match=message):
        builder.rebuild(connection)

    assert all_views() == views_before


def test_rebuild_reporting_builds_the_views_and_check_prints_whether_they_are_current(
    other_app: OtherApp, capsys: pytest.CaptureFixture[str]
) -> None:
    def exit_status(command: str) -> object:
        with pytest.raises(SystemExit) as exit_info:
            call_command(command, check=True) if command == "rebuild_reporting" else call_command(command, "--check")
        return exit_info.value.code

    assert exit_status("rebuild_reporting") == 0
    call_command("migrate", "--check")
    other_app.write_view("platforms", COUNT_BY_PLATFORM, "platform", "pipelines")
    assert exit_status("rebuild_reporting") == 1
    assert exit_status("migrate") == 1
    assert "not current" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"Run manage.py migrate first"):
        call_command("grant_reporting_role", READING_ROLE)

    call_command("rebuild_reporting")

    assert capsys.readouterr().out == f"The schema reporting was built: {len(all_views())} views.\n"
    assert exit_status("rebuild_reporting") == 0


def test_a_view_dropped_by_hand_is_restored() -> None:
    execute("DROP VIEW reporting.governance_gaps")

    call_command("migrate", verbosity=0)

    assert "governance_gaps" in all_views()


def test_reversing_migrations_drops_the_views_and_the_last_migration_restores_them(roles: tuple[str, str]) -> None:
    views_before = all_views()

    call_command("migrate", "alerting", "0001", verbosity=0)
    assert all_views() == set()
    call_command("migrate", "runs", verbosity=0)
    assert all_views() == set(), "alerting's migrations are not applied yet"
    call_command("migrate", verbosity=0)

    assert all_views() == views_before == readable_views(roles[0])
