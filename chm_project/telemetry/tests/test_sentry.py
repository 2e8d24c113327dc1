"""Test that CHM reports errors to Sentry with the id of the request, and without secrets."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from chm_project.settings.tests.test_production import fault_lines, run_with_production_settings

REPORTING_CODE = """
import logging, django, sentry_sdk
django.setup()
from chm_project.telemetry.context import begin_request
begin_request("trace-11")
password = "hunter2-in-a-variable"
try:
    raise ValueError("password=hunter2-in-a-message")
except ValueError:
    logging.getLogger("runs").exception("it broke: token=hunter2-in-a-line", extra={"api_key": "hunter2-in-a-field"})
sentry_sdk.flush(10)
"""


@contextmanager
def sentry_server() -> Iterator[tuple[str, list[bytes]]]:
    received_bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received_bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://key@127.0.0.1:{server.server_address[1]}/1", received_bodies
    finally:
        server.shutdown()
        server.server_close()


def test_an_error_is_reported_with_its_request_id_and_without_secrets() -> None:
    with sentry_server() as (dsn, received_bodies):
        process = run_with_production_settings("-c", REPORTING_CODE, CHM_SENTRY_DSN=dsn)

    assert process.returncode == 0, process.stderr
    [envelope] = [body for body in received_bodies if b"it broke" in body]
    event = json.loads(envelope.splitlines()[2])
    assert event["tags"]["request_id"] == "trace-11"
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert b"hunter2" not in b"".join(received_bodies)


def test_chm_does_not_start_with_a_sentry_address_if_sentry_sdk_is_not_installed() -> None:
    without_package = "import sys; sys.modules['sentry_sdk'] = None; import django; django.setup()"
    process = run_with_production_settings("-c", without_package, CHM_SENTRY_DSN="http://key@127.0.0.1/1")
    assert fault_lines(process) == ["- CHM_SENTRY_DSN needs the package sentry-sdk: install chm[sentry]."]


def test_an_invalid_sentry_address_is_refused_and_not_shown() -> None:
    process = run_with_production_settings("-c", "import django; django.setup()", CHM_SENTRY_DSN="hunter2")
    assert fault_lines(process) == ["- CHM_SENTRY_DSN is not the address of a Sentry project."]
    assert "hunter2" not in process.stderr


def test_sentry_sdk_is_not_imported_if_no_sentry_address_is_set() -> None:
    process = run_with_production_settings(
        "-c", "import django; django.setup(); import sys; print('sentry_sdk' in sys.modules)"
    )
    assert process.stdout == "False\n"
