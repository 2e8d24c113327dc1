"""Entry point of all commands: `manage.py` in a checkout, `chm` in an installed package."""

import logging
import os
import sys
from collections.abc import Sequence

EXIT_FAILED, EXIT_INVALID, EXIT_INTERRUPTED = 1, 2, 130
# Commands that need no database. They start before Django, and set up Django themselves. The key is the name that the
# user types, and the value is the module that runs the command.
COMMANDS_BEFORE_DJANGO = {"check-config": "check_config", "check_config": "check_config", "completion": "completion"}

# These commands continue to run while the database or Redis is down, so they must log the outage.
LONG_RUNNING_COMMANDS = {"demo", "serve", "work"}
OUTAGE_LOGGERS = ("psycopg.pool", "chm_project.db.outage")


def main() -> None:
    try:
        status = _run(sys.argv)
    except KeyboardInterrupt:
        # Commands that print their progress catch KeyboardInterrupt themselves.
        sys.stderr.write("\nInterrupted. Stored rows are kept, and you can run the command again.\n")
        status = EXIT_INTERRUPTED
    except Exception as error:
        from django.core.exceptions import ImproperlyConfigured

        if "--traceback" in sys.argv:
            raise
        if isinstance(error, ImproperlyConfigured):
            message, status = str(error), EXIT_INVALID
        elif (outage := outage_message(error)) is not None:
            message, status = outage, EXIT_FAILED
        else:
            raise
        sys.stderr.write(f"{message}\n")
    sys.exit(status)


def _run(arguments: Sequence[str]) -> int:
    if (name := COMMANDS_BEFORE_DJANGO.get("".join(arguments[1:2]))) is not None:
        from importlib import import_module

        return int(import_module(f"chm_project.operations.{name}").main(arguments[2:]))
    settings = os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    if not settings.endswith(".production"):
        from chm_project.local.embedded import EmbeddedServersUnavailable, start_missing_servers

        try:
            start_missing_servers()
        except EmbeddedServersUnavailable as error:
            sys.exit(str(error))
    if not LONG_RUNNING_COMMANDS.intersection(arguments[1:2]):
        # All other commands end with an error message about the outage, so hide the log lines about it.
        for name in OUTAGE_LOGGERS:
            logging.getLogger(name).addFilter(lambda record: False)
    from django.core.management import execute_from_command_line

    execute_from_command_line(list(arguments))
    return 0


def outage_message(error: Exception) -> str | None:
    """Return one line that describes an error of the database or of Redis; None for other errors."""
    import psycopg
    import redis
    from django.db import Error

    cause = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, redis.RedisError):
        return f"Redis error: {cause}"
    if not isinstance(error, Error | psycopg.Error):
        return None
    missing_object_errors = (
        psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn | psycopg.errors.InvalidSchemaName
    )
    if isinstance(error, missing_object_errors) or isinstance(error.__cause__, missing_object_errors):
        cause += " Run manage.py migrate first."
    return f"Database error: {cause}"
