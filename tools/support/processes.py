"""Start web servers for tests, create empty databases, and empty a database of the broker."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
import requests
from django.conf import settings
from psycopg import sql

from chm_project.local import web_server as web
from chm_project.local.embedded import numbered_broker_url, redis_url


@contextmanager
def web_server(log: Path | None = None, /, **environment: str) -> Iterator[str]:
    """Run a web server with additional environment variables, and yield its URL.

    If `log` is not None, write the server's output to this file.
    """
    with socket.socket() as probe:
        probe.bind((web.HOST, 0))
        port = probe.getsockname()[1]
    # The server must not use the tests' settings module.
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    output = log.open("wb") if log else None
    process = subprocess.Popen(
        web.command(port), cwd=settings.BASE_DIR, env={**inherited, "CHM_DEBUG": "0", **environment},
        stdout=output, stderr=output,
    )  # fmt: skip
    try:
        address = f"http://{web.HOST}:{port}"
        _wait_until_ready(f"{address}/health", process)
        yield address
    finally:
        process.terminate()
        process.wait(30)
        if output:
            output.close()


def _wait_until_ready(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(address, timeout=5)
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the web server does not answer")


@contextmanager
def empty_database(name: str) -> Iterator[str]:
    """Create a database without tables, yield its URL, and drop the database at the end."""
    drop_database(name)
    with _server() as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(urlsplit(os.environ["CHM_DATABASE_URL"])._replace(path=f"/{name}"))
    finally:
        drop_database(name)


def drop_database(name: str) -> None:
    with _server() as server:
        # FORCE closes the sessions of a stopped server, which may still be open.
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _server() -> "psycopg.Connection[Any]":
    # Connect to the database `postgres`, because a session cannot drop its own database.
    database: dict[str, Any] = settings.DATABASES["default"]
    return psycopg.connect(
        host=database["HOST"], port=database["PORT"] or None, user=database["USER"],
        password=database["PASSWORD"] or None, dbname="postgres", autocommit=True,
    )  # fmt: skip


def empty_broker(number: int) -> str:
    """Empty the broker's database with this number, and return its URL."""
    url = numbered_broker_url(os.environ["CHM_BROKER_URL"], number)
    with redis.Redis.from_url(redis_url(url)) as server:
        server.flushdb()
    return url
