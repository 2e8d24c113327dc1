"""Start embedded servers for the tests if CHM_DATABASE_URL or CHM_BROKER_URL is not set.

Loaded with -p, so that the URLs are set before Django reads its settings.
"""

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

from chm_project.local.embedded import EmbeddedServersUnavailable, numbered_broker_url, start_missing_servers

# No deadline, because a test must not fail on a slow machine. In CI, Hypothesis uses the same examples in every run.
settings.register_profile("chm", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("chm")

# Each process uses its own database of the Redis or Valkey server. By default a server has the databases 0 to 15. The
# tests do not use database 0.
MAX_WORKERS = 15


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    return min((yield), MAX_WORKERS)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    # A shell starts background jobs with SIGINT ignored. Restore the handler, because tests interrupt their processes.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        start_missing_servers()
    except EmbeddedServersUnavailable as error:
        pytest.exit(str(error), returncode=4)
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        # pytest-django gives each worker process its own database. Also give each its own queue and cache.
        number = int(worker.removeprefix("gw")) + 1
        os.environ["CHM_BROKER_URL"] = numbered_broker_url(os.environ["CHM_BROKER_URL"], number)
    yield
