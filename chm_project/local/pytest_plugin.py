"""Start embedded servers for the tests, unless the environment has others. Loaded with -p, before settings."""

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

from chm_project.local.embedded import EmbeddedServersUnavailable, attach_to_environment, numbered_broker

# Busy machines are slow: a test must not fail because of its duration.
settings.register_profile("chm", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("chm")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    # Background jobs ignore interrupts; restore the handler for processes that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        attach_to_environment()
    except EmbeddedServersUnavailable as error:
        pytest.exit(str(error), returncode=4)
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        # pytest-django gives each process its own database; this gives it its own queue and cache.
        number = int(worker.removeprefix("gw")) + 1
        os.environ["CHM_BROKER_URL"] = numbered_broker(os.environ["CHM_BROKER_URL"], number)
    yield
