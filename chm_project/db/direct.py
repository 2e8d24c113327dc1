"""Connections of our own to the database itself, for locks that last longer than a transaction.

A pooler in transaction mode gives each transaction another session, so a session's lock would belong to nobody.
"""

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.conninfo import conninfo_to_dict

# Django's own, which psycopg does not accept.
_DJANGOS = ("pool", "cursor_factory", "context")


def direct_parameters(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return psycopg's parameters: the database of `connection`, at CHM_DATABASE_DIRECT_URL where that is set."""
    parameters: dict[str, Any] = connection.get_connection_params()
    for name in _DJANGOS:
        parameters.pop(name, None)
    if settings.CHM_DATABASE_DIRECT_URL:
        address = conninfo_to_dict(settings.CHM_DATABASE_DIRECT_URL)
        del address["dbname"]  # tests have a database of their own beside it
        parameters |= address
    return parameters
