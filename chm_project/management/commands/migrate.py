"""manage.py migrate: Django's own, one process at a time, and the schema `reporting` after the last migration."""

import sys
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
# The advisory lock of a whole `migrate`, by its two numbers.
MIGRATE_LOCK = (0x43484E, 2)


class Command(DjangoMigrate):
    help = f"{DjangoMigrate.help} Then builds the schema reporting, if a view has changed."

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            if not builder.is_current(connection):
                self.stdout.write("The schema reporting is to be built.")
                if options["check_unapplied"]:
                    sys.exit(1)
            return
        self._views_of = connection
        with self._alone(connection):
            super().handle(*args, **options)
            self._build_reporting(connection, options["verbosity"])

    def migration_progress_callback(self, action: str, migration: Migration | None = None, fake: bool = False) -> None:
        # PostgreSQL does not drop a column or table that a view reads.
        if action == "unapply_start" and not fake:
            builder.drop(self._views_of)
        super().migration_progress_callback(action, migration, fake)

    def _build_reporting(self, connection: BaseDatabaseWrapper, verbosity: int) -> None:
        if waiting := builder.unapplied_migrations(connection):
            message = f"The schema reporting is built when all migrations are applied; {waiting} are not."
        elif built := builder.rebuild(connection):
            message = f"The schema reporting was built: {built} views."
        else:
            return
        if verbosity:
            self.stdout.write(message)

    @contextmanager
    def _alone(self, connection: BaseDatabaseWrapper) -> Iterator[None]:
        """Hold a lock on a connection of its own; migrations run on a direct connection too, not through a pooler."""
        parameters = direct_parameters(connection)
        if settings.CHM_DATABASE_DIRECT_URL:
            connection.close()
            connection.settings_dict |= {
                "HOST": parameters["host"], "PORT": parameters.get("port", ""), "USER": parameters.get("user", ""),
                "PASSWORD": parameters.get("password", ""),
            }  # fmt: skip
        with connection.wrap_database_errors:
            own = psycopg.connect(**parameters)
        with own:
            own.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            free = own.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", MIGRATE_LOCK).fetchone() == (True,)
            if not free:
                self.stdout.write("Another process is migrating this database; waiting for its end.")
                own.execute(f"SET LOCAL lock_timeout = '{WAIT_MINUTES}min'")
                try:
                    own.execute("SELECT pg_advisory_xact_lock(%s, %s)", MIGRATE_LOCK)
                except psycopg.errors.LockNotAvailable:
                    raise CommandError(
                        f"Another process has been migrating this database for {WAIT_MINUTES} minutes; try again later."
                    ) from None
            yield
