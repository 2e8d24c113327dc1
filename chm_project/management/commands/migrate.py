"""manage.py migrate: Django's command, which also builds the schema `reporting`. Only one process runs it at a time."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from chm_project.db.direct_connection import direct_parameters
from chm_project.db.reporting import builder

WAIT_MINUTES = 15
# `migrate` holds the advisory lock with these two numbers from its start to its end.
MIGRATE_LOCK = (0x43484E, 2)


class Command(DjangoMigrate):
    help = f"{DjangoMigrate.help} Also builds the schema reporting if a view has changed."

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            if not builder.is_current(connection):
                self.stdout.write("The schema reporting needs to be built.")
                # Django exits in the same way if migrations are not applied.
                if options["check_unapplied"]:
                    sys.exit(1)
            return
        self._connection = connection
        with self._exclusive_lock(connection):
            super().handle(*args, **options)
            self._build_reporting(connection, options["verbosity"])

    def migration_progress_callback(self, action: str, migration: Migration | None = None, fake: bool = False) -> None:
        # PostgreSQL refuses to drop a column or table that a view reads. So drop the views before undoing a migration.
        if action == "unapply_start" and not fake:
            builder.drop(self._connection)
        super().migration_progress_callback(action, migration, fake)

    def _build_reporting(self, connection: BaseDatabaseWrapper, verbosity: int) -> None:
        if unapplied_count := builder.count_unapplied_migrations(connection):
            message = f"The schema reporting will be built when all migrations are applied; {unapplied_count} are not."
        elif view_count := builder.rebuild(connection):
            message = f"The schema reporting was built: {view_count} views."
        else:
            return
        if verbosity:
            self.stdout.write(message)

    @contextmanager
    def _exclusive_lock(self, connection: BaseDatabaseWrapper) -> Iterator[None]:
        """Hold the lock of `migrate` on a separate connection, and let migrations connect directly, without a pooler.

        A pooler in transaction mode can run each transaction in another session. Migrations need one session, because
        locks and settings belong to a session.
        """
        parameters = direct_parameters(connection)
        if settings.CHM_DATABASE_DIRECT_URL:
            connection.close()
            connection.settings_dict |= {
                "HOST": parameters["host"], "PORT": parameters.get("port", ""), "USER": parameters.get("user", ""),
                "PASSWORD": parameters.get("password", ""),
            }  # fmt: skip
        with connection.wrap_database_errors:
            lock_connection = psycopg.connect(**parameters)
        with lock_connection:
            self._wait_for_lock(lock_connection)
            # The transaction with the lock is idle while migrations run, so it must have no idle timeout. SET LOCAL
            # must be its last statement: CREATE INDEX CONCURRENTLY waits for transactions with a snapshot. SET LOCAL
            # needs no snapshot, and PostgreSQL then drops the snapshot of the query for the lock.
            lock_connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield

    def _wait_for_lock(self, lock_connection: "psycopg.Connection[Any]") -> None:
        """Acquire the lock of `migrate`, which the transaction holds until its end. Wait while another process has it.

        Try again every second. A statement that waits for the lock would have a snapshot. CREATE INDEX CONCURRENTLY in
        the other process would wait for this snapshot.
        """
        for second in range(60 * WAIT_MINUTES):
            attempt = lock_connection.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", MIGRATE_LOCK)
            if attempt.fetchone() == (True,):
                return
            if second == 0:
                self.stdout.write("Another process is migrating this database; waiting until it has finished.")
            lock_connection.rollback()
            time.sleep(1)
        raise CommandError(
            f"Another process has been migrating this database for {WAIT_MINUTES} minutes; try again later."
        )
