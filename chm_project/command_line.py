"""CHM's commands: `manage.py` in a checkout, `chm` where the package is installed."""

import os
import sys
from collections.abc import Sequence

FAILED, INTERRUPTED = 1, 130
# Commands that start before Django and without a database, by how they may be written.
BEFORE_DJANGO = {"check-config": "check_config", "check_config": "check_config", "completion": "completion"}


def main() -> None:
    try:
        status = _run(sys.argv)
    except KeyboardInterrupt:
        # Commands that can say more about what they did catch it themselves.
        sys.stderr.write("\nInterrupted. What was stored stays; the command can be run again.\n")
        status = INTERRUPTED
    except Exception as error:
        if "--traceback" in sys.argv or (cause := database_cause(error)) is None:
            raise
        sys.stderr.write(f"The database refused or did not answer: {cause}\n")
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
    from django.core.management import execute_from_command_line

    execute_from_command_line(list(arguments))
    return 0


def database_cause(error: Exception) -> str | None:
    """Return the cause of a database error in one line, with what to do where that is known; None for other errors."""
    import psycopg
    from django.db import Error

    if not isinstance(error, Error | psycopg.Error):
        return None
    cause = " ".join(str(error).split()) or type(error).__name__
    missing = psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn | psycopg.errors.InvalidSchemaName
    if isinstance(error, missing) or isinstance(error.__cause__, missing):
        return f"{cause} Run manage.py migrate first."
    return cause
