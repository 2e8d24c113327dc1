"""Build the schema `reporting` from the apps' files in one transaction.

The comment on the schema stores a record: a hash of the files, the names of CHM's views and, after a migration has
dropped the views, the grants to restore. Other objects in the schema are not changed.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, ProgrammingError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.migrations.executor import MigrationExecutor
from psycopg import errors, sql
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from chm_project.db.reporting.grants import (
    Grant,
    grants_on,
    restore_grants,
    revoke_default_privileges,
    roles_that_read_all,
)
from chm_project.db.reporting.views import View, content_hash, views

T = TypeVar("T")

# Maximum time that one attempt waits for the lock of a view. During this wait, new queries of the view wait too.
LOCK_SECONDS = 2
# Longer than the timeouts that grant_reporting_role sets for a reading role. So running queries of this role end before
# CHM gives up.
WAIT_SECONDS = 90
# The key of the advisory lock that allows one builder at a time.
BUILDER_LOCK = (0x43484E, 1)

_RECORD_PREFIX = "What boards and BI users may read. Kept by manage.py migrate: "
_SCHEMA_COMMENT = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'reporting'"
_EXISTING_VIEWS = "SELECT viewname FROM pg_views WHERE schemaname = 'reporting'"
_VIEW_COLUMNS = """
SELECT c.relname, a.attname
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'reporting'::regnamespace AND c.relkind = 'v'
"""
_LOCK_HOLDERS = """
SELECT DISTINCT a.pid, a.usename, a.state, extract(epoch FROM now() - a.xact_start)::integer
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid
LEFT JOIN pg_class AS c ON c.oid = l.relation
LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE l.granted AND l.pid <> pg_backend_pid() AND a.datname = current_database()
    AND (n.nspname = 'reporting' OR (l.locktype = 'advisory' AND (l.classid, l.objid) = (%s, %s)))
ORDER BY a.pid
"""


class ReportingSchemaError(CommandError):
    """The views could not be built or dropped, and nothing was changed. The message contains the reason."""


@dataclass(frozen=True, slots=True)
class InstalledViews:
    """CHM's views in the database: the names of existing views and of dropped views, and the grants on all of them."""

    existing: frozenset[str]
    dropped: frozenset[str]
    grants: tuple[Grant, ...]


def is_current(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the views in the database match the files."""
    with connection.cursor() as cursor:
        return _is_current(cursor, _defined_views())


def count_unapplied_migrations(connection: BaseDatabaseWrapper) -> int:
    """Return the number of migrations that are not applied."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def rebuild(
    connection: BaseDatabaseWrapper, *, even_if_current: bool = False, wait_seconds: float = WAIT_SECONDS
) -> int | None:
    """Build the views from the files and return their number; return None if they were already up to date.

    Replace the views. If a column was removed, renamed or moved, or has another type, drop all views and create them
    again in the same transaction. Raise ReportingSchemaError on failure.
    """
    definitions = _defined_views()

    def build(cursor: CursorWrapper) -> int | None:
        # A second builder waits here until the first has finished, and then finds the views up to date.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", BUILDER_LOCK)
        if not even_if_current and _is_current(cursor, definitions):
            return None
        installed = _ensure_schema_and_read_views(cursor, definitions)
        _create_views(connection, cursor, definitions, installed)
        _comment_on_views(cursor, definitions)
        _restore_grants(cursor, definitions, installed)
        _write_record(
            cursor, {"content": content_hash(definitions), "views": sorted(view.name for view in definitions)}
        )
        return len(definitions)

    return _run_with_lock_retries(connection, build, wait_seconds)


def drop(connection: BaseDatabaseWrapper, *, wait_seconds: float = WAIT_SECONDS) -> None:
    """Drop CHM's views and record their grants, so that `rebuild` can restore them."""
    definitions = _defined_views()

    def drop_all(cursor: CursorWrapper) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", BUILDER_LOCK)
        installed = _ensure_schema_and_read_views(cursor, definitions)
        if installed.existing:
            _drop_views(cursor, _dependents_first(installed.existing, definitions))
            grants = [
                (grant.view, grant.column, grant.role, grant.privilege, grant.is_grantable)
                for grant in installed.grants
            ]
            _write_record(
                cursor, {"content": "", "views": sorted(installed.existing | installed.dropped), "grants": grants}
            )

    _run_with_lock_retries(connection, drop_all, wait_seconds)


def _defined_views() -> list[View]:
    try:
        return views()
    except ValueError as error:
        raise ReportingSchemaError(str(error)) from None


def _read_record(cursor: CursorWrapper) -> dict[str, Any] | None:
    """Return the record in the schema's comment: empty if there is no record, None if there is no schema."""
    cursor.execute(_SCHEMA_COMMENT)
    if (row := cursor.fetchone()) is None:
        return None
    return dict(json.loads(row[0].removeprefix(_RECORD_PREFIX))) if (row[0] or "").startswith(_RECORD_PREFIX) else {}


def _write_record(cursor: CursorWrapper, record: dict[str, object]) -> None:
    text = _RECORD_PREFIX + json.dumps(record)
    cursor.execute(sql.SQL("COMMENT ON SCHEMA reporting IS {}").format(sql.Literal(text)))


def _existing_views(cursor: CursorWrapper) -> set[str]:
    cursor.execute(_EXISTING_VIEWS)
    return {row[0] for row in cursor.fetchall()}


def _is_current(cursor: CursorWrapper, definitions: Sequence[View]) -> bool:
    record = _read_record(cursor) or {}
    has_all_views = {view.name for view in definitions} <= _existing_views(cursor)
    return has_all_views and record.get("content") == content_hash(definitions)


def _ensure_schema_and_read_views(cursor: CursorWrapper, definitions: Sequence[View]) -> InstalledViews:
    if (record := _read_record(cursor)) is None:
        cursor.execute("CREATE SCHEMA reporting")
        return InstalledViews(frozenset(), frozenset(), ())
    names = {view.name for view in definitions}
    existing = _existing_views(cursor)
    # The first release wrote no record, so its views are recognized by their names.
    recorded_views = set(record.get("views", names & existing))
    if other_views := (existing & names) - recorded_views:
        raise ReportingSchemaError(
            f"reporting.{min(other_views)} exists and was not made by CHM, which now has a view of that name. "
            "Rename the existing view."
        )
    recorded_grants = [Grant(*grant) for grant in record.get("grants", ())]
    return InstalledViews(
        existing=frozenset(recorded_views & existing),
        dropped=frozenset(recorded_views - existing) if recorded_grants else frozenset(),
        grants=(*recorded_grants, *grants_on(cursor, recorded_views & existing)),
    )


def _create_views(
    connection: BaseDatabaseWrapper, cursor: CursorWrapper, definitions: Sequence[View], installed: InstalledViews
) -> None:
    revoke_default_privileges(cursor)
    existing_names = _dependents_first(installed.existing, definitions)
    for name in existing_names:
        # This only locks the view and changes nothing. LOCK TABLE would also lock all tables that the view reads.
        cursor.execute(f"ALTER VIEW reporting.{name} RESET (security_barrier)")
    try:
        with transaction.atomic(using=connection.alias):
            _create_or_replace(cursor, definitions)
    except ProgrammingError as error:
        # A column was removed, renamed, moved, or has another type, which CREATE OR REPLACE VIEW refuses.
        if not isinstance(error.__cause__, errors.InvalidTableDefinition):
            raise
        _drop_views(cursor, existing_names)
        _create_or_replace(cursor, definitions)
    else:
        _drop_views(cursor, [name for name in existing_names if name not in {view.name for view in definitions}])


def _create_or_replace(cursor: CursorWrapper, definitions: Iterable[View]) -> None:
    for view in definitions:
        cursor.execute(f"CREATE OR REPLACE VIEW reporting.{view.name} AS\n{view.query}")


def _drop_views(cursor: CursorWrapper, names: Sequence[str]) -> None:
    if names:
        # Never CASCADE, because it would also drop views that users have built on these views.
        cursor.execute(f"DROP VIEW {', '.join(f'reporting.{name}' for name in names)}")


def _dependents_first(names: Iterable[str], definitions: Sequence[View]) -> list[str]:
    """Return the views sorted so that each comes before the views that it reads.

    Queries lock views in this order too. Another order could cause a deadlock.
    """
    position_by_name = {view.name: position for position, view in enumerate(definitions)}
    return sorted(names, key=lambda name: (-position_by_name.get(name, len(position_by_name)), name))


def _comment_on_views(cursor: CursorWrapper, definitions: Iterable[View]) -> None:
    columns = _columns(cursor)
    for view in definitions:
        if columns[view.name] != set(view.columns):
            differing_columns = ", ".join(sorted(columns[view.name] ^ set(view.columns)))
            raise ReportingSchemaError(
                f"The header and the query of reporting.{view.name} differ in columns: {differing_columns}."
            )
        cursor.execute(
            sql.SQL("COMMENT ON VIEW reporting.{} IS {}").format(sql.Identifier(view.name), sql.Literal(view.comment))
        )
        for name, text in view.columns.items():
            cursor.execute(
                sql.SQL("COMMENT ON COLUMN reporting.{}.{} IS {}").format(
                    sql.Identifier(view.name), sql.Identifier(name), sql.Literal(text)
                )
            )


def _restore_grants(cursor: CursorWrapper, definitions: Iterable[View], installed: InstalledViews) -> None:
    known_views = installed.existing | installed.dropped
    grants_on_new_views = [
        Grant(view.name, None, role, "SELECT", False)
        for role in roles_that_read_all(installed.grants, known_views)
        for view in definitions
        if view.name not in known_views
    ]
    restore_grants(cursor, [*installed.grants, *grants_on_new_views], _columns(cursor))


def _columns(cursor: CursorWrapper) -> dict[str, set[str]]:
    cursor.execute(_VIEW_COLUMNS)
    columns: dict[str, set[str]] = {}
    for view, column in cursor.fetchall():
        columns.setdefault(view, set()).add(column)
    return columns


def _run_with_lock_retries(
    connection: BaseDatabaseWrapper, change: Callable[[CursorWrapper], T], wait_seconds: float
) -> T:
    """Run `change` in a transaction and return its result.

    If another session holds a lock that `change` needs, retry for `wait_seconds`.
    """
    try:
        for attempt in Retrying(
            retry=retry_if_exception(_is_lock_conflict),
            stop=stop_after_delay(wait_seconds),
            wait=wait_random(0.2, 1),
            reraise=True,
        ):
            with attempt, transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('lock_timeout')")
                [timeout_before] = cursor.fetchone()
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
                result = change(cursor)
                # The setting lasts until the end of the caller's transaction, so restore it.
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [timeout_before])
                return result
    except OperationalError as error:
        if not _is_lock_conflict(error):
            raise
        raise ReportingSchemaError(
            f"Other database sessions used the views of the schema reporting for {wait_seconds:.0f} s; nothing was "
            f"changed.{_describe_lock_holders(connection)} Repeat the command after these sessions have ended."
        ) from error
    except DatabaseError as error:
        detail = getattr(getattr(error.__cause__, "diag", None), "message_detail", None)
        raise ReportingSchemaError(
            "\n".join(filter(None, (f"The schema reporting was not changed: {str(error).strip()}", detail)))
        ) from error
    raise AssertionError("unreachable")


def _is_lock_conflict(error: BaseException) -> bool:
    return isinstance(error.__cause__, (errors.LockNotAvailable, errors.DeadlockDetected))


def _describe_lock_holders(connection: BaseDatabaseWrapper) -> str:
    """Return a sentence about the sessions that hold locks on the views; "" if there are none."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_HOLDERS, BUILDER_LOCK)
        holders = [
            f"{user}, process {pid}, {state}, for {seconds} s" for pid, user, state, seconds in cursor.fetchall()
        ]
    return f" These sessions use them: {'; '.join(holders)}." if holders else ""
