"""python -m chm_project.web_server: run the web server of production and `make serve`."""

import argparse
import logging
import os
import sys
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from chm_project.web_server.listening_socket import open_socket
from chm_project.web_server.processes import ParentProcess
from chm_project.web_server.server import Capacity


def load_application() -> Any:
    """Load the WSGI application with its routes and middleware, and return it."""
    from django.urls import get_resolver

    from chm_project.telemetry.context import set_process_role
    from chm_project.wsgi import application

    set_process_role("web")

    if not settings.DEBUG and not settings.CHM_PROXIES:
        logging.getLogger(__name__).warning(
            "no proxy is configured (CHM_PROXIES): in production, run this server behind nginx, see docs/docker.md"
        )
    # At the level WARNING, Waitress logs a line for each request that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    # The first request loads routes and middleware. The parent sends this request now, before it forks its children.
    get_resolver().url_patterns  # noqa: B018
    request: dict[str, Any] = {"PATH_INFO": "/health"}
    setup_testing_defaults(request)
    list(application(request, _ignore_response_start))
    return application


def _ignore_response_start(*_: Any) -> Any:
    """Ignore the status and the headers. This function is the argument `start_response` of WSGI."""


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    try:
        port, processes, threads = settings.CHM_PORT, settings.CHM_WEB_WORKERS, settings.CHM_WEB_THREADS
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port, help="default: CHM_PORT")
    parser.add_argument("--processes", type=int, default=processes, help="default: CHM_WEB_WORKERS")
    parser.add_argument("--threads", type=int, default=threads, help="default: CHM_WEB_THREADS")
    parser.add_argument("--check", action="store_true", help="only test whether the application loads")
    options = parser.parse_args()
    if options.check:
        load_application()
        return
    listening, is_held_by_systemd = open_socket(options.host, options.port)
    lingers = bool(settings.CHM_PROXIES)
    capacity = Capacity(threads=options.threads)
    ParentProcess(
        load_application,
        listening,
        process_count=options.processes,
        capacity=capacity,
        lingers=lingers,
        is_held_by_systemd=is_held_by_systemd,
    ).run()


if __name__ == "__main__":
    main()
