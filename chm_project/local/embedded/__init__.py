"""Embedded PostgreSQL and Valkey for development and tests without URLs of servers."""

import atexit
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from chm_project.local.embedded.errors import EmbeddedServersUnavailable
from chm_project.settings import places

__all__ = [
    "Attachment",
    "EmbeddedServersUnavailable",
    "attach",
    "attach_to_environment",
    "numbered_broker",
    "redis_url",
]


class Attachment:
    """A reference to running servers. They stop when the last reference is released."""

    def __init__(self, *, database_url: str | None, broker_url: str | None, servers: ExitStack) -> None:
        self.database_url = database_url
        self.broker_url = broker_url
        self._servers = servers

    def release(self) -> None:
        self._servers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def attach(*, data_dir: Path, database: bool = True, broker: bool = True) -> Attachment:
    """Start the servers that do not run yet; return a reference to them. Several processes may use the same servers."""
    if os.environ.get("DJANGO_SETTINGS_MODULE", "").endswith("production"):
        raise EmbeddedServersUnavailable(
            "The embedded servers are for development and tests. In production set CHM_DATABASE_URL and CHM_BROKER_URL."
        )
    if sys.platform == "win32":
        raise EmbeddedServersUnavailable(
            "The embedded servers need unix sockets and file locks, which Windows lacks. Use WSL, or set "
            "CHM_DATABASE_URL and CHM_BROKER_URL."
        )
    # Imported here, because Windows lacks the modules that it imports.
    from chm_project.local.embedded.folders import prepare_data_dir
    from chm_project.local.embedded.postgres import Postgres
    from chm_project.local.embedded.valkey import Valkey

    data_dir = prepare_data_dir(data_dir)
    with ExitStack() as servers:
        database_url = servers.enter_context(Postgres(data_dir).hold()).url if database else None
        broker_url = servers.enter_context(Valkey(data_dir).hold()).url if broker else None
        # pop_all() hands the servers over; if the second fails to start, the first is released.
        return Attachment(database_url=database_url, broker_url=broker_url, servers=servers.pop_all())


def attach_to_environment() -> Attachment | None:
    """Set missing CHM_DATABASE_URL and CHM_BROKER_URL in os.environ to embedded servers, until this process ends."""
    database, broker = not _is_set("CHM_DATABASE_URL"), not _is_set("CHM_BROKER_URL")
    if not database and not broker:
        return None
    from chm_project.settings.environment import data_dir  # imported here, because it imports this package

    attachment = attach(data_dir=data_dir(places.DATA_DIR), database=database, broker=broker)
    atexit.register(attachment.release)
    if attachment.database_url is not None:
        os.environ["CHM_DATABASE_URL"] = attachment.database_url
    if attachment.broker_url is not None:
        os.environ["CHM_BROKER_URL"] = attachment.broker_url
    return attachment


def redis_url(broker_url: str) -> str:
    """Return the URL for redis-py, which differs from Celery's only for unix sockets."""
    if not broker_url.startswith("redis+socket://"):
        return broker_url
    return broker_url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=", 1)


def numbered_broker(url: str, number: int) -> str:
    """Return the URL of the server's numbered database."""
    if url.startswith("redis+socket:"):
        return f"{url.partition('?')[0]}?virtual_host={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))
