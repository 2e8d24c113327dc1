"""Every page fits the screen and passes axe-core, in light and dark mode and on a phone. The tests save pictures."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import resolve
from playwright.sync_api import Page, expect

from tools.e2e.console.conftest import LogInFunction

OPTIONS_BY_LOOK = {"light": {}, "dark": {"dark": True}, "phone": {"phone": True}}
MAX_HEIGHT_PIXELS = 1800
FITS_SCRIPT = "document.documentElement.scrollWidth <= window.innerWidth"
MAX_PICTURE_BYTES = 150_000
# The lists whose last columns can be reached only by scrolling.
CUT_OFF_TABLES_SCRIPT = """Array.from(document.querySelectorAll(".chm-scroll"))
    .filter((box) => box.scrollWidth > box.clientWidth + 1)
    .map((box) => `${box.querySelector("table")?.dataset.list} ${box.scrollWidth} > ${box.clientWidth}`)"""

# The pages that the tests save as pictures. The value is the name of the page's URL, and the steps from the health
# board to the page. A step is a path, or the selector of a link that is clicked.
PAGES: dict[str, tuple[str, list[str]]] = {
    "board": ("admin:index", []),
    "list": ("console:list", ["[data-tile=fresh]"]),
    "client": ("console:client", ["[data-list=failing] .chm-who >> nth=1 >> a >> nth=1"]),
    "pipeline": ("console:pipeline", ["[data-list=failing] .chm-who >> nth=1 >> a >> nth=0"]),
    "run": ("admin:runs_run_change", ["[data-list=failing] .chm-error >> nth=1 >> a >> nth=0"]),
    "rule": ("admin:alerting_alertrule_change", ["/admin/console/list/firing/", "[data-list=firing] a >> nth=0"]),
    "handover": ("console:handover", ["#nav-sidebar a[href*='/console/handover/']"]),
    "unusual": ("console:unusual", ["#nav-sidebar a[href$='/unusual/']"]),
    "clients": ("admin:inventory_client_changelist", ["/admin/inventory/client/"]),
    "pipelines": ("admin:inventory_pipeline_changelist", ["/admin/inventory/pipeline/"]),
    "client-form": (
        "admin:inventory_client_change", ["/admin/inventory/client/", "#result_list .field-edit a >> nth=0"],
    ),
    "pipeline-form": (
        "admin:inventory_pipeline_change", ["/admin/inventory/pipeline/", "#result_list .field-edit a >> nth=0"],
    ),
    "runs": ("admin:runs_run_changelist", ["/admin/runs/run/"]),
    "runs-found": ("admin:runs_run_changelist", ["/admin/runs/run/?status__exact=failed&period=30d&q=load"]),
    "rules": ("admin:alerting_alertrule_changelist", ["/admin/alerting/alertrule/"]),
    "people": ("admin:auth_user_changelist", ["/admin/auth/user/"]),
    "tokens": ("admin:access_apitoken_changelist", ["/admin/access/apitoken/"]),
    "connections": ("console:connections", ["/admin/console/connections/"]),
    "connection": ("console:connection", ["/admin/console/connections/", "[data-list=connections] a >> nth=0"]),
}  # fmt: skip
# The steps to the first client, pipeline and rule in their lists.
STEPS_TO_FIRST_CLIENT = ["/admin/inventory/client/", "#result_list .field-edit a >> nth=0"]
STEPS_TO_FIRST_PIPELINE = ["/admin/inventory/pipeline/", "#result_list .field-edit a >> nth=0"]
STEPS_TO_FIRST_RULE = ["/admin/alerting/alertrule/", "#result_list tbody th a >> nth=0"]
# Pages of which the tests save no pictures: for the name of the URL, the steps from the health board to the page.
FORMS: dict[str, list[str]] = {
    "console:my-clients": ["/admin/console/my-clients/"],
    "admin:inventory_client_add": ["/admin/inventory/client/add/"],
    "admin:inventory_client_import": ["/admin/inventory/client/import/"],
    "admin:inventory_client_history": [*STEPS_TO_FIRST_CLIENT, "a[href$='/history/'] >> nth=0"],
    "admin:inventory_client_disable_this": [*STEPS_TO_FIRST_CLIENT, "a[href$='/disable/'] >> nth=0"],
    "admin:inventory_pipeline_add": ["/admin/inventory/pipeline/add/"],
    "admin:inventory_pipeline_import": ["/admin/inventory/pipeline/import/"],
    "admin:inventory_pipeline_history": [*STEPS_TO_FIRST_PIPELINE, "a[href$='/history/'] >> nth=0"],
    "admin:inventory_pipeline_disable_this": [*STEPS_TO_FIRST_PIPELINE, "a[href$='/disable/'] >> nth=0"],
    "admin:alerting_alertrule_add": ["/admin/alerting/alertrule/add/"],
    "admin:alerting_alertrule_import": ["/admin/alerting/alertrule/import/"],
    "admin:alerting_alertrule_history": [*STEPS_TO_FIRST_RULE, "a[href$='/history/'] >> nth=0"],
    "admin:alerting_alertrule_delete": [*STEPS_TO_FIRST_RULE, "a[href$='/delete/'] >> nth=0"],
    "admin:access_apitoken_add": ["/admin/access/apitoken/add/"],
    "admin:auth_user_add": ["/admin/auth/user/add/"],
    "admin:auth_user_change": ["/admin/auth/user/", "#result_list tbody th a >> nth=0"],
    "admin:auth_group_changelist": ["/admin/auth/group/"],
    "admin:auth_group_add": ["/admin/auth/group/add/"],
    "admin:auth_group_change": ["/admin/auth/group/", "#result_list tbody th a >> nth=0"],
    "admin:password_change": ["/admin/password_change/"],
}


def open_page(page: Page, steps: list[str]) -> None:
    """Follow the steps of PAGES or FORMS, and wait until the page is drawn."""
    for step in steps:
        if step.startswith("/"):
            page.goto(step)
        elif page.locator(step).is_visible():
            with page.expect_navigation(wait_until="load"):
                page.locator(step).click()
        else:  # the link is in a column that phones do not show
            page.goto(str(page.locator(step).get_attribute("href")))
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)  # wait for animations to end


@pytest.mark.parametrize("look", OPTIONS_BY_LOOK)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_passes_axe(log_in: LogInFunction, screenshots: Path, name: str, look: str) -> None:
    page = log_in("administrator", **OPTIONS_BY_LOOK[look])
    expected_view, steps = PAGES[name]
    open_page(page, steps)
    assert view_name(page) == expected_view

    if name == "run":
        page.locator("details summary").click()
    save_picture(page, screenshots / f"{name}-{look}.jpg")
    assert page.evaluate(FITS_SCRIPT), "wider than the screen"
    assert axe_problems(page) == []


def test_no_table_is_cut_off_on_a_small_desktop(log_in: LogInFunction) -> None:
    page = log_in("administrator")
    page.set_viewport_size({"width": 1280, "height": 900})
    cut_off_by_page = {}
    for name, (_, steps) in PAGES.items():
        open_page(page, ["/admin/", *steps])
        cut_off_by_page[name] = page.evaluate(CUT_OFF_TABLES_SCRIPT)
        assert page.evaluate(FITS_SCRIPT), name
    assert {name: tables for name, tables in cut_off_by_page.items() if tables} == {}


def test_every_form_passes_axe(log_in: LogInFunction) -> None:
    page = log_in("administrator")
    page.set_viewport_size({"width": 1280, "height": 900})
    problems = {}
    for expected_view, steps in FORMS.items():
        open_page(page, steps)
        assert view_name(page) == expected_view
        problems[expected_view] = axe_problems(page)
        if not page.evaluate(FITS_SCRIPT):
            problems[expected_view].append("wider than the screen")
    assert {expected_view: lines for expected_view, lines in problems.items() if lines} == {}


# The pages that users print. The value is a text that the heading of the printed page contains. It is empty if the
# heading is the name of an object, which depends on the data.
HEADING_OF_PRINTED_PAGE = {
    "board": "Health board", "list": "No success for a day", "handover": "Handover", "runs": "Runs",
    "clients": "Clients", "pipelines": "Pipelines", "rules": "Alert rules", "client": "", "pipeline": "",
    "run": "Run of ",
}  # fmt: skip
A4_WIDTH_PIXELS = 703  # between the margins
IS_CUT_OFF_SCRIPT = "box => box.scrollWidth > box.clientWidth + 1 || box.getBoundingClientRect().right > innerWidth"


@pytest.mark.parametrize("name", HEADING_OF_PRINTED_PAGE)
def test_a_page_prints_on_a4(log_in: LogInFunction, screenshots: Path, name: str) -> None:
    page = log_in("viewer")
    open_page(page, PAGES[name][1])

    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4_WIDTH_PIXELS, "height": 1000})
    expect(page.locator(".chm-letterhead h1")).to_contain_text(HEADING_OF_PRINTED_PAGE[name])
    assert page.locator("#content :is(button, select, input, nav.chm-pages, summary):visible").count() == 0
    assert (
        page.evaluate(f"Array.from(document.querySelectorAll('.chm-scroll, table')).filter({IS_CUT_OFF_SCRIPT}).length")
        == 0
    )
    save_picture(page, screenshots / f"{name}-print.jpg")


def view_name(page: Page) -> str:
    """Return the name of the page's URL, such as "console:list"."""
    return resolve(urlsplit(page.url).path).view_name


def axe_problems(page: Page) -> list[str]:
    """Return a line for each problem that axe-core finds on the page, without problems of minor impact."""
    # axe-core measures wrong contrasts while colours change, so wait until all animations have ended.
    page.evaluate("Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => null)))")
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {[node['target'] for node in violation['nodes'][:3]]}"
        for violation in violations
        if violation["impact"] in {"moderate", "serious", "critical"}
    ]


def save_picture(page: Page, path: Path) -> None:
    """Save a picture of the page as JPEG, with the best quality at which the file has at most MAX_PICTURE_BYTES."""
    page.evaluate("scrollTo(0, 0)")
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), MAX_HEIGHT_PIXELS)
    width = int(page.evaluate("window.innerWidth"))
    # Make the window as high as the page. So the picture shows the whole page, with the fixed elements at its edges.
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(100)
    for quality in (80, 65, 50, 35, 20):
        jpeg = page.screenshot(type="jpeg", quality=quality)
        if len(jpeg) <= MAX_PICTURE_BYTES:
            break
    path.write_bytes(jpeg)
