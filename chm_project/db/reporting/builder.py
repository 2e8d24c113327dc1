"""Build the schema `reporting` from the apps' files in one transaction.

The schema's comment records what the database holds: a hash of the files' content, the names of the views and, while a
migration has dropped them, the roles that may read them. Other objects in the schema are not touched.
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

from chm_project.db.reporting.grants import Grant, grants_on, readers, restore, revoke_default_privileges
from chm_project.db.reporting.views import View, content_hash, views

T = TypeVar("T")

# While this transaction waits for a view, new queries of the view wait too; this limits how long.
LOCK_SECONDS = 2
# Longer than statements and idle transactions of a reading role can last (grant_reporting_role).
WAIT_SECONDS = 90
# The advisory lock of builders.
BUILDER_LOCK = (0x43484E, 1)

_COMMENT = "What boards and BI users may read. Kept by manage.py migrate: "
_SCHEMA_COMMENT = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'reporting'"
_EXISTING = "SELECT viewname FROM pg_views WHERE schemaname = 'reporting'"
_COLUMNS = """
SELECT c.relname, a.attname
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'reporting'::regnamespace AND c.relkind = 'v'
"""
_HOLDERS = """
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
    """The views could not be built or dropped. Nothing was changed; the message has the reason."""


@dataclass(frozen=True, slots=True)
class Installed:
    """CHM's views in the database: the existing ones, and the recorded grants of dropped ones."""

    existing: frozenset[str]
    dropped: frozenset[str]
    grants: tuple[Grant, ...]


def is_current(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the views in the database match the files."""
    with connection.cursor() as cursor:
        return _is_current(cursor, _defined())


def unapplied_migrations(connection: BaseDatabaseWrapper) -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def rebuild(
    connection: BaseDatabaseWrapper, *, even_if_current: bool = False, wait_seconds: float = WAIT_SECONDS
) -> int | None:
    """Build the views from the files and return their number; None if they were up to date.

    Views that only gain columns are replaced in place. Otherwise all are dropped and created in the same transaction.
    Raise ReportingSchemaError on failure.
    """
    definitions = _defined()

    def build(cursor: CursorWrapper) -> int | None:
        # A second builder waits here, and then has nothing to do.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", BUILDER_LOCK)
        if not even_if_current and _is_current(cursor, definitions):
            return None
        before = _installed(cursor, definitions)
        _create(connection, cursor, definitions, before)
        _comment(cursor, definitions)
        _grant(cursor, definitions, before)
        _record(cursor, {"content": content_hash(definitions), "views": sorted(view.name for view in definitions)})
        return len(definitions)

    return _with_locks(connection, build, wait_seconds)


def drop(connection: BaseDatabaseWrapper, *, wait_seconds: float = WAIT_SECONDS) -> None:
    """Drop CHM's views and record their grants, so that `rebuild` can restore them."""
    definitions = _defined()

    def drop_all(cursor: CursorWrapper) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", BUILDER_LOCK)
        before = _installed(cursor, definitions)
        if before.existing:
            _drop(cursor, _dependents_first(before.existing, definitions))
            grants = [(g.view, g.column, g.role, g.privilege, g.grantable) for g in before.grants]
            _record(cursor, {"content": "", "views": sorted(before.existing | before.dropped), "grants": grants})

    _with_locks(connection, drop_all, wait_seconds)


def _defined() -> list[View]:
    try:
        return views()
    except ValueError as error:
        raise ReportingSchemaError(str(error)) from None


def _recorded(cursor: CursorWrapper) -> dict[str, Any] | None:
    """Return the record in the schema's comment; None without a schema, empty without a record."""
    cursor.execute(_SCHEMA_COMMENT)
    if (row := cursor.fetchone()) is None:
        return None
    return dict(json.loads(row[0].removeprefix(_COMMENT))) if (row[0] or "").startswith(_COMMENT) else {}


def _record(cursor: CursorWrapper, record: dict[str, object]) -> None:
    text = _COMMENT + json.dumps(record)
    cursor.execute(sql.SQL("COMMENT ON SCHEMA reporting IS {}").format(sql.Literal(text)))


def _existing(cursor: CursorWrapper) -> set[str]:
    cursor.execute(_EXISTING)
    return {row[0] for row in cursor.fetchall()}


def _is_current(cursor: CursorWrapper, definitions: Sequence[View]) -> bool:
    recorded = _recorded(cursor) or {}
    complete = {view.name for view in definitions} <= _existing(cursor)
    return complete and recorded.get("content") == content_hash(definitions)


def _installed(cursor: CursorWrapper, definitions: Sequence[View]) -> Installed:
    if (recorded := _recorded(cursor)) is None:
        cursor.execute("CREATE SCHEMA reporting")
        return Installed(frozenset(), frozenset(), ())
    names = {view.name for view in definitions}
    existing = _existing(cursor)
    # The first release kept no record.
    recorded_views = set(recorded.get("views", names & existing))
    if foreign := (existing & names) - recorded_views:
        raise ReportingSchemaError(
            f"reporting.{min(foreign)} exists and was not made by CHM, which now has a view of that name. "
            "Rename the existing view."
        )
    recorded_grants = [Grant(*grant) for grant in recorded.get("grants", ())]
    return Installed(
        existing=frozenset(recorded_views & existing),
        dropped=frozenset(recorded_views - existing) if recorded_grants else frozenset(),
        grants=(*recorded_grants, *grants_on(cursor, recorded_views & existing)),
    )


def _create(
    connection: BaseDatabaseWrapper, cursor: CursorWrapper, definitions: Sequence[View], before: Installed
) -> None:
    revoke_default_privileges(cursor)
    former_views = _dependents_first(before.existing, definitions)
    for name in former_views:
        # This only locks the view and changes nothing. LOCK TABLE would also lock every table that the view reads.
        cursor.execute(f"ALTER VIEW reporting.{name} RESET (security_barrier)")
    try:
        with transaction.atomic(using=connection.alias):
            _create_or_replace(cursor, definitions)
    except ProgrammingError as error:
        # A column was removed, renamed, moved or has another type.
        if not isinstance(error.__cause__, errors.InvalidTableDefinition):
            raise
        _drop(cursor, former_views)
        _create_or_replace(cursor, definitions)
    else:
        _drop(cursor, [name for name in former_views if name not in {view.name for view in definitions}])


def _create_or_replace(cursor: CursorWrapper, definitions: Iterable[View]) -> None:
    for view in definitions:
        cursor.execute(f"CREATE OR REPLACE VIEW reporting.{view.name} AS\n{view.query}")


def _drop(cursor: CursorWrapper, names: Sequence[str]) -> None:
    if names:
        # Never CASCADE: it would drop what other people built on these views.
        cursor.execute(f"DROP VIEW {', '.join(f'reporting.{name}' for name in names)}")


def _dependents_first(names: Iterable[str], definitions: Sequence[View]) -> list[str]:
    """Return the views in the order in which a query locks them: dependents first. Another order could deadlock."""
    order = {view.name: number for number, view in enumerate(definitions)}
    return sorted(names, key=lambda name: (-order.get(name, len(order)), name))


def _comment(cursor: CursorWrapper, definitions: Iterable[View]) -> None:
    columns = _columns(cursor)
    for view in definitions:
        if columns[view.name] != set(view.columns):
            wrong = ", ".join(sorted(columns[view.name] ^ set(view.columns)))
            raise ReportingSchemaError(f"The header and the query of reporting.{view.name} differ in columns: {wrong}.")
        cursor.execute(
            sql.SQL("COMMENT ON VIEW reporting.{} IS {}").format(sql.Identifier(view.name), sql.Literal(view.comment))
        )
        for name, text in view.columns.items():
            cursor.execute(
                sql.SQL("COMMENT ON COLUMN reporting.{}.{} IS {}").format(
                    sql.Identifier(view.name), sql.Identifier(name), sql.Literal(text)
                )
            )


def _grant(cursor: CursorWrapper, definitions: Iterable[View], before: Installed) -> None:
    former = before.existing | before.dropped
    new = [
        Grant(view.name, None, role, "SELECT", False)
        for role in readers(before.grants, former)
        for view in definitions
        if view.name not in former
    ]
    restore(cursor, [*before.grants, *new], _columns(cursor))


def _columns(cursor: CursorWrapper) -> dict[str, set[str]]:
    cursor.execute(_COLUMNS)
    columns: dict[str, set[str]] = {}
    for view, column in cursor.fetchall():
        columns.setdefault(view, set()).add(column)
    return columns


def _with_locks(connection: BaseDatabaseWrapper, work: Callable[[CursorWrapper], T], wait_seconds: float) -> T:
    """Return the result of `work`; retry while other transactions hold its locks."""
    try:
        for attempt in Retrying(
            retry=retry_if_exception(_is_lock_conflict),
            stop=stop_after_delay(wait_seconds),
            wait=wait_random(0.2, 1),
            reraise=True,
        ):
            with attempt, transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('lock_timeout')")
                [former] = cursor.fetchone()
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
                result = work(cursor)
                # In a transaction of the caller, the setting would otherwise stay after this block.
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [former])
                return result
    except OperationalError as error:
        if not _is_lock_conflict(error):
            raise
        raise ReportingSchemaError(
            f"The views of the schema reporting were in use for {wait_seconds:.0f} s; nothing was changed."
            f"{_holders(connection)} Repeat the command when these have ended."
        ) from error
    except DatabaseError as error:
        detail = getattr(getattr(error.__cause__, "diag", None), "message_detail", None)
        raise ReportingSchemaError(
            "\n".join(filter(None, (f"The schema reporting was not changed: {str(error).strip()}", detail)))
        ) from error
    raise AssertionError("unreachable")


def _is_lock_conflict(error: BaseException) -> bool:
    return isinstance(error.__cause__, (errors.LockNotAvailable, errors.DeadlockDetected))


def _holders(connection: BaseDatabaseWrapper) -> str:
    """Describe the processes that hold locks on the views."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLDERS, BUILDER_LOCK)
        holders = [
            f"{user}, process {pid}, {state}, for {seconds} s" for pid, user, state, seconds in cursor.fetchall()
        ]
    return f" Held by: {'; '.join(holders)}." if holders else ""
