"""manage.py migrate: Django's command, in only one process at a time. Afterwards it builds the schema `reporting`."""

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
# The two numbers of the advisory lock that a `migrate` holds from start to end.
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
        """Hold the lock of `migrate` on a separate connection, and let migrations connect without the pooler.

        Locks and settings belong to one session. A pooler in transaction mode can run the next transaction in another
        session.
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
            # The transaction that holds the lock stays idle while migrations run. The query for the lock keeps a
            # snapshot until the next statement, and CREATE INDEX CONCURRENTLY would wait for it. So this statement must
            # be the last one.
            lock_connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield

    def _wait_for_lock(self, lock_connection: "psycopg.Connection[Any]") -> None:
        """Take the lock of `migrate` until the end of the transaction; wait while another process has it.

        A statement that waits for a lock has a snapshot, and CREATE INDEX CONCURRENTLY in another process waits
        for snapshots. So this process tries again each second instead.
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
