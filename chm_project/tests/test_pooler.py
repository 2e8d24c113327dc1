"""Behind PgBouncer in transaction mode, locks use a direct connection to the database."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from chm_project.db.direct_connection import direct_parameters
from chm_project.db.postgresql.connection import LimitedConnection, PoolerConnection
from chm_project.settings.environment import database
from ingestion.locks import named_lock


@pytest.mark.parametrize("path", ["/chm", ""])
def test_locks_use_the_direct_address_and_the_same_database(settings: Any, path: str) -> None:
    settings.CHM_DATABASE_DIRECT_URL = f"postgresql://owner@db.internal:5433{path}"

    parameters = direct_parameters(connection)

    assert (parameters["host"], parameters["port"], parameters["user"]) == ("db.internal", "5433", "owner")
    assert parameters["dbname"] == connection.settings_dict["NAME"]
    assert "pool" not in parameters


@pytest.mark.parametrize(("keeps_sessions", "expected"), [(True, LimitedConnection), (False, PoolerConnection)])
def test_the_class_of_connections_depends_on_whether_the_pooler_keeps_sessions(
    keeps_sessions: bool, expected: type[object]
) -> None:
    database_settings: Any = database("postgresql://chm@127.0.0.1:6432/chm", pool_size=4, keeps_sessions=keeps_sessions)

    assert database_settings["OPTIONS"]["pool"]["connection_class"] is expected
    assert database_settings["DISABLE_SERVER_SIDE_CURSORS"] is not keeps_sessions


@pytest.mark.django_db(transaction=True)
def test_the_lock_of_a_walk_is_held_across_transactions() -> None:
    with named_lock("house") as is_locked:
        for _ in range(20):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        with named_lock("house") as is_locked_twice:
            assert (is_locked, is_locked_twice) == (True, False)

    with named_lock("house") as is_locked_again:
        assert is_locked_again


def test_without_prepared_statements_server_side_cursors_are_off() -> None:
    assert django_settings.CHM_DATABASE_PREPARE or connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]
