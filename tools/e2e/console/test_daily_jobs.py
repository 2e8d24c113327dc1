"""Count how many clicks the daily jobs of users need, with a real browser.

A click is one press of the mouse, or one choice from a list. Typing does not count.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tools.e2e.console.conftest import LogInFunction
from tools.e2e.console.test_editing import upload

FAILING_ROWS = "[data-list=failing] tbody tr"


class CountedUser:
    """A user in the browser whose clicks are counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.click_count = page, 0

    def click(self, target: str | Locator) -> None:
        self.click_count += 1
        (self.page.locator(target) if isinstance(target, str) else target).click()

    def click_link(self, name: str, within: str = "body") -> None:
        self.click(self.page.locator(within).get_by_role("link", name=name, exact=True).first)

    def click_button(self, name: str) -> None:
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def choose_option(self, label: str, option: str) -> None:
        self.click_count += 1
        self.page.locator("label", has_text=re.compile(rf"^\s*{label}")).locator("select").select_option(label=option)

    def pick_from_search(self, field_name: str, text: str) -> None:
        """Choose an option of a list with a search field. The user clicks twice: to open the list, and to choose."""
        self.click(f"[name={field_name}] + .select2-container")
        self.page.locator(".select2-search__field").last.fill(text)
        self.click(self.page.locator(".select2-results__option", has_text=text).first)


def open_cause(user: CountedUser) -> None:
    user.click(f"{FAILING_ROWS} .chm-error a >> nth=0")
    expect(user.page.get_by_label("Error text")).to_be_visible()


def open_run_at_source(user: CountedUser) -> None:
    user.page.context.route("https://source.example/**", lambda route: route.fulfill(body="The run at its source"))
    row = user.page.locator(FAILING_ROWS, has_text="Vendor API").first
    user.click(row.locator(".chm-error a").first)
    with user.page.expect_popup() as popup:
        user.click_link("Open at the source ↗")
    expect(popup.value).to_have_url(re.compile("^https://source.example/runs/"))


def list_changes(user: CountedUser) -> None:
    user.choose_option("Changed since", "last working evening 18:00")
    user.click_button("Show")
    expect(user.page.locator("[data-list=changed] tbody tr").first).to_be_visible()


def mark_as_known(user: CountedUser) -> None:
    user.click(f"{FAILING_ROWS} .chm-who a >> nth=0")
    user.click("summary:has-text('Mark this failure as known')")
    user.page.get_by_label("Reason").fill("The vendor fixes its API")
    user.page.get_by_label("Until").fill("2099-11-27T18:00")
    user.click_button("Mark as known")
    expect(user.page.locator("#known")).to_contain_text("The vendor fixes its API")
    expect(user.page.locator("#known")).to_contain_text("18:00")
    user.page.get_by_text("Change or remove the mark").click()
    user.page.get_by_role("button", name="Remove the mark").click()


def find_runs_by_error(user: CountedUser) -> None:
    user.click_link("Runs", "#nav-sidebar")
    user.page.get_by_label("Search").fill("refused")
    user.choose_option("Client", "Baltic Foods")
    user.click_button("Show")
    rows = user.page.locator(".chm-table tbody tr")
    expect(rows.first).to_contain_text("refused")
    expect(rows.filter(has_not_text="Baltic Foods")).to_have_count(0)


def hand_over(user: CountedUser) -> None:
    user.click_link("Handover", "#nav-sidebar")
    expect(user.page.locator("[name=since]")).to_have_value("working_evening")
    expect(user.page.locator(".chm-as-of time").first).to_contain_text("18:00")
    expect(user.page.locator("[data-list=new] tbody tr").first).to_be_visible()


def import_pipelines(user: CountedUser) -> None:
    user.click_link("Pipelines", "#nav-sidebar")
    user.click_link("Import")
    heading = "client,name,platform,pipeline_type,environment\n"
    user.click_count += 2  # the user clicks to choose the file, and on "Check the file"
    upload(user.page, f"{heading}Airflow live,Daily load,airflow,ingestion,Production\n")
    user.click_button("Import")
    expect(user.page.get_by_text("Imported pipelines: 1 new")).to_be_visible()


def add_client(user: CountedUser) -> None:
    user.click_link("Clients", "#nav-sidebar")
    user.click("a[href='/admin/inventory/client/add/'] >> nth=0")
    user.page.locator("[name=name]").fill("Aurora Retail")
    user.click("[name=_save]")
    expect(user.page.get_by_role("link", name="Aurora Retail").first).to_be_visible()


def ingest_now(user: CountedUser) -> None:
    user.click(user.page.locator(FAILING_ROWS).nth(2).locator(".chm-who a").first)
    user.click_button("Ingest now")
    # The simulated partner does not have this pipeline, so it answers 404.
    expect(user.page.locator("#ingestion h2")).to_have_text("Ingestion failed", timeout=30_000)
    expect(user.page.locator("#ingestion")).to_contain_text("404")


def open_connection(user: CountedUser) -> None:
    user.click_link("Connections", "#nav-sidebar")
    user.click_link("airflow")
    expect(user.page.locator("[data-list=missing] tbody tr").first).to_be_visible()


def create_token(user: CountedUser) -> None:
    user.click_link("API tokens", "#nav-sidebar")
    user.click("a[href='/admin/access/apitoken/add/'] >> nth=0")
    user.page.locator("[name=name]").fill("nightly job")
    user.click("[name=_save]")
    expect(user.page.get_by_role("button", name=re.compile("^Copy")).first).to_be_visible()


def add_rule(user: CountedUser) -> None:
    user.click_link("Alert rules", "#nav-sidebar")
    user.click("a[href='/admin/alerting/alertrule/add/'] >> nth=0")
    user.pick_from_search("client", "Baltic Foods")
    expect(user.page.locator("#preview")).to_contain_text(re.compile(r"Would have fired \d+ times?"))
    user.page.locator("[name=destination]").fill("#data-oncall")
    user.click("[name=_save]")
    expect(user.page.get_by_text("successfully")).to_be_visible()


def disable_client(user: CountedUser) -> None:
    user.click_link("Clients", "#nav-sidebar")
    user.click_link("Kestrel Diagnostics")
    user.click_link("Edit client")
    user.click_link("Disable…")
    user.click_button("Disable")
    expect(user.page.get_by_text("1 client disabled. The history stays.")).to_be_visible()


def add_user(user: CountedUser) -> None:
    user.click_link("People", "#nav-sidebar")
    user.click("a[href='/admin/auth/user/add/'] >> nth=0")
    for field_name, text in {
        "username": "ada",
        "password1": "a-long-sentence-9",
        "password2": "a-long-sentence-9",
    }.items():
        user.page.locator(f"[name={field_name}]").fill(text)
    user.click(user.page.get_by_label("viewer", exact=True))
    user.click("[name=_save]")
    expect(user.page.get_by_text("successfully")).to_be_visible()


def show_month(user: CountedUser) -> None:
    user.click(f"{FAILING_ROWS} .chm-who a >> nth=1")
    months = user.page.locator("[name=period] option").all_inner_texts()
    user.choose_option("Period", next(month for month in months if re.search(r"\d{4}", month)))
    user.click_button("Show")
    expect(user.page).to_have_url(re.compile(r"period=\d{4}-\d\d"))
    expect(user.page.get_by_text("mean time to recovery").first).to_be_visible()


def export_pipelines(user: CountedUser) -> None:
    user.click(f"{FAILING_ROWS} .chm-who a >> nth=1")
    for table in ("worst", "flakiest"):
        expect(user.page.locator(f"[data-list={table}] tbody tr").first).to_be_visible()
    with user.page.expect_download() as download:
        user.click_link("pipelines")
    assert download.value.suggested_filename.endswith(".csv")


@dataclass(frozen=True)
class DailyJob:
    """A daily job. `click_count` is the number of clicks that it needs now.

    `max_click_count` is the most clicks that the job may need, or None if there is no limit.
    """

    description: str
    role: str
    perform: Callable[[CountedUser], None]
    click_count: int
    max_click_count: int | None = None


JOBS = [
    DailyJob("open the cause of a failure", "viewer", open_cause, 1, max_click_count=2),
    DailyJob("open a failed run at its source", "viewer", open_run_at_source, 2, max_click_count=3),
    DailyJob("list what changed since the evening of the last working day", "analyst", list_changes, 2),
    DailyJob("mark a failure as known", "analyst", mark_as_known, 3),
    DailyJob("find the runs of a client with an error text", "viewer", find_runs_by_error, 3),
    DailyJob("hand over the weekend on Monday", "analyst", hand_over, 1, max_click_count=2),
    DailyJob("add a client", "analyst", add_client, 3),
    DailyJob("import pipelines from a file", "analyst", import_pipelines, 5),
    DailyJob("ingest a pipeline now", "operator", ingest_now, 2),
    DailyJob("see which pipelines are missing at the source of a connection", "operator", open_connection, 2),
    DailyJob("make an API token", "operator", create_token, 3),
    DailyJob("add an alert rule", "analyst", add_rule, 5),
    DailyJob("disable a client", "analyst", disable_client, 5),
    DailyJob("add a person", "administrator", add_user, 4),
    DailyJob("report a month of a client", "viewer", show_month, 3, max_click_count=3),
    DailyJob("export the worst and flakiest pipelines of a client", "viewer", export_pipelines, 2),
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.description)
def test_a_daily_job_needs_the_listed_number_of_clicks(log_in: LogInFunction, job: DailyJob) -> None:
    user = CountedUser(log_in(job.role))
    job.perform(user)
    assert user.click_count == job.click_count
    assert job.max_click_count is None or job.click_count <= job.max_click_count
