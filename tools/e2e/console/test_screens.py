"""Every page in light and dark mode and on a phone: it fits the screen, passes axe-core, and is saved as a picture."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tools.e2e.console.conftest import LogIn

LOOKS = {"light": {}, "dark": {"dark": True}, "phone": {"phone": True}}
TALLEST = 1800
MAX_BYTES = 150_000

# For each page: an address, or the links to follow from the board.
PAGES: dict[str, list[str]] = {
    "board": [],
    "list": ["[data-tile=fresh]"],
    "client": ["[data-list=failing] .chm-who >> nth=1 >> a >> nth=1"],
    "pipeline": ["[data-list=failing] .chm-who >> nth=1 >> a >> nth=0"],
    "run": ["[data-list=failing] .chm-who >> nth=1 >> a >> nth=0", "[data-list=runs] a >> nth=0"],
    "rule": ["/admin/console/list/firing/", "[data-list=firing] a >> nth=0"],
    "handover": ["/admin/console/handover/"],
    "unusual": ["/admin/console/list/unusual/"],
    "clients": ["/admin/inventory/client/"],
    "pipelines": ["/admin/inventory/pipeline/"],
    "client-form": ["/admin/inventory/client/", "#result_list .field-edit a >> nth=0"],
    "pipeline-form": ["/admin/inventory/pipeline/", "#result_list .field-edit a >> nth=0"],
    "runs": ["/admin/runs/run/"],
    "runs-found": ["/admin/runs/run/?status__exact=failed&period=30d&q=load"],
    "rules": ["/admin/alerting/alertrule/"],
    "people": ["/admin/auth/user/"],
    "tokens": ["/admin/access/apitoken/"],
    "connections": ["/admin/console/connections/"],
    "connection": ["/admin/console/connections/", "[data-list=connections] a >> nth=0"],
}


def open_page(page: Page, steps: list[str]) -> None:
    for step in steps:
        if step.startswith("/"):
            page.goto(step)
        elif page.locator(step).is_visible():
            with page.expect_navigation(wait_until="load"):
                page.locator(step).click()
        else:  # phones hide some columns
            page.goto(str(page.locator(step).get_attribute("href")))
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)  # wait for animations to end


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_readable(log_in: LogIn, screenshots: Path, name: str, look: str) -> None:
    page = log_in("administrator", **LOOKS[look])
    open_page(page, PAGES[name])

    if name == "run":
        page.locator("details summary").click()
    keep_picture(page, screenshots / f"{name}-{look}.jpg")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the screen"
    assert found_by_axe(page) == []


def found_by_axe(page: Page) -> list[str]:
    """Return a short line for each accessibility problem of axe-core with impact moderate or above."""
    # Contrast cannot be measured during a transition of colours.
    page.evaluate("Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => null)))")
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {[node['target'] for node in violation['nodes'][:3]]}"
        for violation in violations
        if violation["impact"] in {"moderate", "serious", "critical"}
    ]


def keep_picture(page: Page, path: Path) -> None:
    """Save the picture with the best quality below the size limit."""
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), TALLEST)
    width = int(page.evaluate("window.innerWidth"))
    page.set_viewport_size({"width": width, "height": height})  # so that elements fixed to the edges are drawn there
    page.wait_for_timeout(100)
    for quality in (80, 65, 50, 35, 20):
        picture = page.screenshot(type="jpeg", quality=quality)
        if len(picture) <= MAX_BYTES:
            break
    path.write_bytes(picture)
