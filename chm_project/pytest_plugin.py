"""Servers for the suite: embedded ones, unless the environment names others. Loaded with -p, before any settings."""

from collections.abc import Generator

import pytest

from chm_project.embedded import EmbeddedServersUnavailable, attach_to_environment


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    try:
        attach_to_environment()
    except EmbeddedServersUnavailable as error:
        pytest.exit(str(error), returncode=4)
    yield
