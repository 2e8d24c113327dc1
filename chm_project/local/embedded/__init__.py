"""Embedded PostgreSQL and Valkey. In development and tests, each of them replaces a server whose URL is not set."""

import atexit
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from chm_project.local.embedded.errors import EmbeddedServersUnavailable
from chm_project.settings import paths

__all__ = [
    "EmbeddedServersUnavailable",
    "RunningServers",
    "numbered_broker_url",
    "redis_url",
    "start_missing_servers",
    "start_servers",
]


class RunningServers:
    """The URLs of started servers, or None for a server that was not requested.

    The servers stop when every process that started them has released them.
    """

    def __init__(self, *, database_url: str | None, broker_url: str | None, held_servers: ExitStack) -> None:
        self.database_url = database_url
        self.broker_url = broker_url
        self._held_servers = held_servers

    def release(self) -> None:
        self._held_servers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def start_servers(*, data_dir: Path, database: bool = True, broker: bool = True) -> RunningServers:
    """Start the servers that do not run yet in `data_dir`, and return their URLs.

    Several processes may use the same servers. Raise EmbeddedServersUnavailable if they cannot run here.
    """
    if os.environ.get("DJANGO_SETTINGS_MODULE", "").endswith("production"):
        raise EmbeddedServersUnavailable(
            "The embedded servers are for development and tests. In production set CHM_DATABASE_URL and CHM_BROKER_URL."
        )
    if sys.platform == "win32":
        raise EmbeddedServersUnavailable(
            "The embedded servers need unix sockets and file locks, which Windows lacks. Use WSL, or set "
            "CHM_DATABASE_URL and CHM_BROKER_URL."
        )
    # Imported here, because these modules import fcntl and pwd, which Windows lacks.
    from chm_project.local.embedded.folders import prepare_data_dir
    from chm_project.local.embedded.postgres import Postgres
    from chm_project.local.embedded.valkey import Valkey

    data_dir = prepare_data_dir(data_dir)
    with ExitStack() as held_servers:
        database_url = held_servers.enter_context(Postgres(data_dir).hold()).url if database else None
        broker_url = held_servers.enter_context(Valkey(data_dir).hold()).url if broker else None
        # pop_all() keeps the servers running after this block. If the second one fails to start, the first is stopped.
        return RunningServers(database_url=database_url, broker_url=broker_url, held_servers=held_servers.pop_all())


def start_missing_servers() -> RunningServers | None:
    """Start a server if CHM_DATABASE_URL or CHM_BROKER_URL is not set, and set the variable in os.environ.

    The servers run until this process ends. Return None if both URLs are set.
    """
    database, broker = not _is_set("CHM_DATABASE_URL"), not _is_set("CHM_BROKER_URL")
    if not database and not broker:
        return None
    from chm_project.settings.environment import data_dir  # imported here, because it imports this package

    servers = start_servers(data_dir=data_dir(paths.DATA_DIR), database=database, broker=broker)
    atexit.register(servers.release)
    if servers.database_url is not None:
        os.environ["CHM_DATABASE_URL"] = servers.database_url
    if servers.broker_url is not None:
        os.environ["CHM_BROKER_URL"] = servers.broker_url
    return servers


def redis_url(broker_url: str) -> str:
    """Return the URL for redis-py, which differs from Celery's only for unix sockets."""
    if not broker_url.startswith("redis+socket://"):
        return broker_url
    return broker_url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=", 1)


def numbered_broker_url(url: str, number: int) -> str:
    """Return the broker URL with the number of another Redis database on the same server."""
    if url.startswith("redis+socket:"):
        return f"{url.partition('?')[0]}?virtual_host={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))
