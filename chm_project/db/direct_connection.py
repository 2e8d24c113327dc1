"""Connect to the database without the pooler, for locks that last longer than a transaction.

A lock belongs to one session, and a pooler in transaction mode can run each transaction in another session.
"""

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.conninfo import conninfo_to_dict

# Parameters of Django's connections. A direct connection uses psycopg's own cursors and type conversions.
_DJANGO_PARAMETERS = ("pool", "cursor_factory", "context")


def direct_parameters(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return psycopg's parameters for the database of `connection`, at CHM_DATABASE_DIRECT_URL if this is set."""
    parameters: dict[str, Any] = connection.get_connection_params()
    for name in _DJANGO_PARAMETERS:
        parameters.pop(name, None)
    if settings.CHM_DATABASE_DIRECT_URL:
        direct_address = conninfo_to_dict(settings.CHM_DATABASE_DIRECT_URL)
        direct_address.pop("dbname", None)  # tests use another database of the same server
        parameters |= direct_address
    return parameters
