"""Fixtures: a browser, and a running CHM for it. A test fails if a page writes an error to the browser's console."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, StorageState, ViewportSize, expect, sync_playwright

from tools.e2e.console.site import PASSWORD, Site, running_site

# Chromium's sandbox does not work for root in a container, so it is off. The last four options prevent requests to
# other hosts.
CHROMIUM_OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
DESKTOP: ViewportSize = {"width": 1360, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}

expect.set_options(timeout=20_000)  # a slow machine must not fail the tests

LogInFunction = Callable[..., Page]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", default=".chm/screenshots", help="the folder for the pictures of the pages")


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config) -> Path:
    folder = pytestconfig.rootpath / str(pytestconfig.getoption("--screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with running_site() as new_site:
        yield new_site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path, "There is no chromium on the path; on Debian: apt-get install chromium fonts-dejavu-core"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cookies_by_role() -> dict[str, StorageState]:
    """The cookies of the users who have already logged in."""
    return {}


@pytest.fixture
def log_in(site: Site, chromium: Browser, cookies_by_role: dict[str, StorageState]) -> Iterator[LogInFunction]:
    """Return a function that logs in the user of a role, and returns the browser page with the health board.

    Each call opens a new browser window. Only the first call for a role uses the login form, because hashing a password
    is slow; later calls use the cookies of the first. If that session has ended, they use the form again.
    """
    contexts, page_errors = [], []

    def open_board(role: str, *, phone: bool = False, dark: bool = False) -> Page:
        context = chromium.new_context(
            base_url=site.address,
            viewport=PHONE if phone else DESKTOP,
            color_scheme="dark" if dark else "light",
            timezone_id="Europe/Berlin",
            locale="en-GB",
            storage_state=cookies_by_role.get(role),
        )
        contexts.append(context)
        page = context.new_page()
        # Collect the errors of scripts, because a page can look correct although a script failed.
        page.on("console", lambda message: page_errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page_errors.append(str(error)))
        page.goto("/admin/")
        if "/login/" in page.url:
            page.get_by_label("Username").fill(role)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url("**/admin/")
            cookies_by_role[role] = context.storage_state()
        return page

    yield open_board
    for context in contexts:
        context.close()
    assert not page_errors
