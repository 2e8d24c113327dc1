"""Only the owner can connect to the servers, and only through sockets. CHM connects without superuser rights."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import kombu
import psutil
import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict

from chm_project.local.embedded import RunningServers, redis_url, start_servers
from chm_project.local.embedded.tests.conftest import readable_folder

# The id of another user; no account needs to have it.
OTHER_USER_ID = 54321

CONNECT_AS_ANOTHER_USER = """
import os, socket, sys
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
print(os.strerror(socket.socket(socket.AF_UNIX).connect_ex(sys.argv[2])))
"""

CONNECT_THROUGH_DJANGO = """
import sys
import django
import environ
from django.conf import settings
settings.configure(DATABASES={"default": environ.Env.db_url_config(sys.argv[1])})
django.setup()
from django.db import connection
connection.creation.create_test_db(verbosity=0, autoclobber=True)
with connection.cursor() as cursor:
    print(*cursor.execute("SELECT current_user, current_database()").fetchone())
connection.creation.destroy_test_db("chm", verbosity=0)
"""


@pytest.fixture(scope="module")
def servers(clean_up: Callable[[Path], None]) -> Iterator[RunningServers]:
    # Not in pytest's own folders: other users cannot enter them, so the tests would pass even if the servers' files had
    # wrong permissions.
    with readable_folder() as folder:
        with start_servers(data_dir=folder / "chm") as servers:
            yield servers
        clean_up(folder / "chm")


@pytest.fixture
def database_url(servers: RunningServers) -> str:
    assert servers.database_url is not None
    return servers.database_url


@pytest.fixture
def broker_url(servers: RunningServers) -> str:
    assert servers.broker_url is not None
    return servers.broker_url


def socket_paths(database_url: str, broker_url: str) -> list[Path]:
    folder = conninfo_to_dict(database_url)["host"]
    assert isinstance(folder, str)
    return [Path(folder, ".s.PGSQL.5432"), Path(broker_url.removeprefix("redis+socket://"))]


def test_the_application_is_not_a_superuser_but_may_create_databases_and_roles(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rights = connection.execute(
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        owner = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        ).fetchone()

    assert rights == ("chm", False, True, True)
    assert owner == ("chm", "chm")


def test_django_reads_the_database_url_and_can_create_its_test_database(database_url: str) -> None:
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", CONNECT_THROUGH_DJANGO, database_url],
        # The URL must override variables of a developer's shell.
        env=os.environ | {"PGPORT": "1", "PGHOST": "nowhere.invalid"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (process.stdout, process.stderr) == ("chm test_chm\n", "")


def test_celery_and_redis_py_both_reach_the_broker(broker_url: str) -> None:
    with kombu.Connection(broker_url) as connection:
        queue = connection.SimpleQueue("greetings")
        queue.put("hello")
        message = queue.get(timeout=5)
        message.ack()
        queue.close()
    with redis.Redis.from_url(redis_url(broker_url)) as client:
        assert client.ping()

    assert message.payload == "hello"


def test_neither_server_listens_on_the_network(database_url: str, broker_url: str) -> None:
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url(broker_url)) as client:
        postmaster = psutil.Process(connection.info.backend_pid).parent()
        valkey = psutil.Process(int(client.info("server")["process_id"]))

    assert postmaster is not None
    assert [*postmaster.net_connections("inet"), *valkey.net_connections("inet")] == []


def test_postgresql_accepts_connections_without_a_password_only_through_the_socket(
    servers: RunningServers, database_url: str
) -> None:
    folder = conninfo_to_dict(database_url)["host"]
    with psycopg.connect(host=str(folder), port=5432, user="postgres", dbname="postgres") as connection:
        rules = connection.execute("SELECT type, database, user_name, auth_method FROM pg_hba_file_rules").fetchall()

    assert rules == [("local", ["all"], ["all"], "trust")]


def test_only_the_owner_can_enter_the_folders_of_the_sockets(database_url: str, broker_url: str) -> None:
    folder_modes = [stat.S_IMODE(socket.parent.stat().st_mode) for socket in socket_paths(database_url, broker_url)]

    assert folder_modes == [0o700, 0o700]


def test_another_user_cannot_connect(database_url: str, broker_url: str) -> None:
    if os.geteuid() != 0:
        # Only root can connect as another user. Otherwise check the owner and the permissions.
        for socket in socket_paths(database_url, broker_url):
            assert socket.parent.stat().st_uid == os.geteuid()
            assert not stat.S_IMODE(socket.stat().st_mode) & 0o077
        return
    for socket in socket_paths(database_url, broker_url):
        output = subprocess.run(
            [sys.executable, "-c", CONNECT_AS_ANOTHER_USER, str(OTHER_USER_ID), str(socket)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert output.stdout == "Permission denied\n"


def test_the_servers_do_not_inherit_secrets_of_chm(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    monkeypatch.setenv("CHM_SECRET_KEY", "a-secret")

    with start_servers(data_dir=data_dir, database=False) as servers:
        assert servers.broker_url is not None
        with redis.Redis.from_url(redis_url(servers.broker_url)) as client:
            environment = psutil.Process(int(client.info("server")["process_id"])).environ()

    assert "a-secret" not in environment.values()
