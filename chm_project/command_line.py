"""Entry point of all commands: `manage.py` in a checkout, `chm` in an installation of the package."""

import logging
import os
import sys
from collections.abc import Sequence

FAILED, INTERRUPTED = 1, 130
# Commands that run without Django and without a database, by each accepted spelling.
BEFORE_DJANGO = {"check-config": "check_config", "check_config": "check_config", "completion": "completion"}

# Commands that keep running during an outage, so their log lines about it are needed.
SERVICES = {"demo", "serve", "work"}
OUTAGE_LOGGERS = ("psycopg.pool", "chm_project.db.outage")


def main() -> None:
    try:
        status = _run(sys.argv)
    except KeyboardInterrupt:
        # Commands that can describe their progress catch it themselves.
        sys.stderr.write("\nInterrupted. Rows that were stored stay; the command can be run again.\n")
        status = INTERRUPTED
    except Exception as error:
        if "--traceback" in sys.argv or (line := outage_message(error)) is None:
            raise
        sys.stderr.write(f"{line}\n")
        status = FAILED
    sys.exit(status)


def _run(arguments: Sequence[str]) -> int:
    if (name := BEFORE_DJANGO.get("".join(arguments[1:2]))) is not None:
        from importlib import import_module

        return int(import_module(f"chm_project.operations.{name}").main(arguments[2:]))
    settings = os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    if not settings.endswith(".production"):
        from chm_project.local.embedded import EmbeddedServersUnavailable, attach_to_environment

        try:
            attach_to_environment()
        except EmbeddedServersUnavailable as error:
            sys.exit(str(error))
    if not SERVICES.intersection(arguments[1:2]):
        # Any other command ends with an error that describes the outage in one line.
        for name in OUTAGE_LOGGERS:
            logging.getLogger(name).addFilter(lambda record: False)
    from django.core.management import execute_from_command_line

    execute_from_command_line(list(arguments))
    return 0


def outage_message(error: Exception) -> str | None:
    """Return one line about an error of the database or of Redis, with advice if any; None for other errors."""
    import psycopg
    import redis
    from django.db import Error

    cause = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, redis.RedisError):
        return f"Redis error: {cause}"
    if not isinstance(error, Error | psycopg.Error):
        return None
    missing = psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn | psycopg.errors.InvalidSchemaName
    if isinstance(error, missing) or isinstance(error.__cause__, missing):
        cause += " Run manage.py migrate first."
    return f"Database error: {cause}"
