"""manage.py grant_reporting_role: create the database role of boards and BI users."""

import os
import re
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from psycopg import sql

from chm_project.db.reporting import builder
from chm_project.db.reporting.grants import revoke_default_privileges

BAD_USAGE = 2
# Names that need no quotes. PostgreSQL cuts names after 63 bytes.
ROLE_NAME_PATTERN = re.compile(r"[a-z_][a-z0-9_]{0,62}")
TIMEOUT_SECONDS = 30

EXAMPLES = """
examples:
  manage.py grant_reporting_role chm_reporting                            a role without login, to grant to others
  CHM_REPORTING_PASSWORD=... manage.py grant_reporting_role grafana --password-env CHM_REPORTING_PASSWORD
  manage.py grant_reporting_role metabase --password-file /run/secrets/metabase

The role can select from the views of the schema reporting, and can do nothing else. Its transactions are read-only. Its
statements end after 30 seconds. After an upgrade, manage.py migrate also grants it the new views. If you repeat the
command with a password, the role gets this password. The command needs a database user that may create roles.
"""


class Command(BaseCommand):
    help = "Create or update a database role that can only select from the reporting views."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLES, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the role; lower-case letters, digits and _")
        password = parser.add_mutually_exclusive_group()
        password.add_argument(
            "--password-env", metavar="VARIABLE", help="allow login with the password in this environment variable"
        )
        password.add_argument("--password-file", metavar="PATH", help="allow login with the password in this file")

    def handle(self, *args: Any, **options: Any) -> None:
        if not ROLE_NAME_PATTERN.fullmatch(name := options["name"]) or name.startswith("pg_"):
            raise CommandError(
                f"{name!r} cannot be a role: use at most 63 lower-case letters, digits and _. The name must not begin "
                "with a digit or pg_.",
                returncode=BAD_USAGE,
            )
        password = _password(options)
        if not builder.is_current(connection):
            raise CommandError("The views of the schema reporting are not current. Run manage.py migrate first.")
        try:
            with transaction.atomic():
                grant(name, password)
        except ProgrammingError as error:
            raise CommandError(f"Nothing was changed: {error}".strip()) from None
        self.stdout.write(f"{name} can select from the views of the schema reporting, and nothing else.")


def grant(name: str, password: str | None) -> None:
    role, timeout = sql.Identifier(name), sql.Literal(f"{TIMEOUT_SECONDS}s")
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", [name])
        if (row := cursor.fetchone()) is None:
            cursor.execute(sql.SQL("CREATE ROLE {}").format(role))
        elif row[0]:
            raise CommandError(f"{name} is a superuser, and grants cannot restrict superusers; choose another role.")
        # A former version of this command granted default privileges, which prevent the owner of the database from
        # restoring a dump. Only the user who granted them can revoke them.
        revoke_default_privileges(cursor)
        cursor.execute("SELECT current_database()")
        database = sql.Identifier(*cursor.fetchone())
        # Every role has the rights of PUBLIC. So PUBLIC loses the rights to create temporary tables, to use the tables
        # of the schema public, and to create objects in this schema. The role loses what an earlier call granted.
        statements = [
            sql.SQL("REVOKE ALL ON DATABASE {database} FROM {role}"),
            sql.SQL("REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"),
            sql.SQL("GRANT CONNECT ON DATABASE {database} TO {role}"),
            sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {role}"),
            sql.SQL("REVOKE ALL ON SCHEMA public FROM {role}"),
            sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
            sql.SQL("GRANT USAGE ON SCHEMA reporting TO {role}"),
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {role}"),
            # These are only defaults, which a session can change. The grants above protect the data.
            sql.SQL("ALTER ROLE {role} SET search_path = reporting"),
            sql.SQL("ALTER ROLE {role} SET default_transaction_read_only = on"),
            sql.SQL("ALTER ROLE {role} SET statement_timeout = {timeout}"),
            sql.SQL("ALTER ROLE {role} SET idle_in_transaction_session_timeout = {timeout}"),
        ]
        if password is not None:
            statements.append(sql.SQL("ALTER ROLE {role} LOGIN PASSWORD {password}"))
        for statement in statements:
            cursor.execute(
                statement.format(role=role, database=database, timeout=timeout, password=sql.Literal(password))
            )


def _password(options: dict[str, Any]) -> str | None:
    if variable := options["password_env"]:
        if not (password := os.environ.get(variable, "")):
            raise CommandError(f"The environment variable {variable} is not set.", returncode=BAD_USAGE)
        return password
    if path := options["password_file"]:
        try:
            password = Path(path).read_text().strip()
        except OSError as error:
            raise CommandError(f"Cannot read {path}: {error.strerror}.", returncode=BAD_USAGE) from None
        if not password:
            raise CommandError(f"{path} is empty.", returncode=BAD_USAGE)
        return password
    return None
