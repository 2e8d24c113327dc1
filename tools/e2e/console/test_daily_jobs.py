"""The daily jobs of three roles in a browser, each within a number of clicks.

A click is one press of the mouse or one choice from a list; typing is not counted.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tools.e2e.console.conftest import LogIn
from tools.e2e.console.test_editing import upload

FAILING = "[data-list=failing] tbody tr"


class Counted:
    """A page on which every click counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, target: str | Locator) -> None:
        self.clicks += 1
        (self.page.locator(target) if isinstance(target, str) else target).click()

    def link(self, name: str, within: str = "body") -> None:
        self.click(self.page.locator(within).get_by_role("link", name=name, exact=True).first)

    def button(self, name: str) -> None:
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def choose(self, label: str, option: str) -> None:
        self.clicks += 1
        self.page.locator("label", has_text=re.compile(rf"^\s*{label}")).locator("select").select_option(label=option)

    def pick(self, field: str, text: str) -> None:
        """Choose from a list that is searched: a click to open it, and one to choose."""
        self.click(f"[name={field}] + .select2-container")
        self.page.locator(".select2-search__field").last.fill(text)
        self.click(self.page.locator(".select2-results__option", has_text=text).first)


def cause(job: Counted) -> None:
    job.click(f"{FAILING} .chm-error a >> nth=0")
    expect(job.page.get_by_label("Error text")).to_be_visible()


def source_page(job: Counted) -> None:
    job.page.context.route("https://source.example/**", lambda route: route.fulfill(body="The run at its source"))
    row = job.page.locator(FAILING, has_text="Vendor API").first
    job.click(row.locator(".chm-error a").first)
    with job.page.expect_popup() as opened:
        job.link("Open at the source ↗")
    expect(opened.value).to_have_url(re.compile("^https://source.example/runs/"))


def changes_since_the_last_evening(job: Counted) -> None:
    job.choose("Changed since", "last working evening 18:00")
    job.button("Show")
    expect(job.page.locator("[data-list=changed] tbody tr").first).to_be_visible()


def known(job: Counted) -> None:
    job.click(f"{FAILING} .chm-who a >> nth=0")
    job.click("summary:has-text('Mark as known')")
    job.page.get_by_label("Reason").fill("The vendor is informed")
    job.button("Mark as known")
    expect(job.page.locator("#known")).to_contain_text("The vendor is informed")
    job.page.get_by_text("Change or remove the mark").click()
    job.page.get_by_role("button", name="Remove the mark").click()


def runs_with_an_error(job: Counted) -> None:
    job.link("Runs", "#nav-sidebar")
    job.page.get_by_label("Search").fill("refused")
    job.choose("Client", "Baltic Foods")
    job.button("Show")
    rows = job.page.locator(".chm-table tbody tr")
    expect(rows.first).to_contain_text("refused")
    expect(rows.filter(has_not_text="Baltic Foods")).to_have_count(0)


def handover(job: Counted) -> None:
    job.link("Handover", "#nav-sidebar")
    job.link("last working evening 18:00")
    expect(job.page.locator("[data-list=new] tbody tr").first).to_be_visible()


def import_client(job: Counted) -> None:
    job.link("Pipelines", "#nav-sidebar")
    job.link("Import")
    heading = "client,name,platform,pipeline_type,environment\n"
    job.clicks += 2  # choose the file; check it
    upload(job.page, f"{heading}Airflow live,Daily load,airflow,ingestion,Production\n")
    job.button("Import")
    expect(job.page.get_by_text("Imported pipelines: 1 new")).to_be_visible()


def new_client(job: Counted) -> None:
    job.link("Clients", "#nav-sidebar")
    job.click("a[href='/admin/inventory/client/add/'] >> nth=0")
    job.page.locator("[name=name]").fill("Aurora Retail")
    job.click("[name=_save]")
    expect(job.page.get_by_role("link", name="Aurora Retail").first).to_be_visible()


def ingest(job: Counted) -> None:
    job.click(job.page.locator(FAILING).nth(2).locator(".chm-who a").first)
    job.button("Ingest now")
    expect(job.page.get_by_text("Ingestion succeeded")).to_be_visible(timeout=30_000)


def connection(job: Counted) -> None:
    job.link("Connections", "#nav-sidebar")
    job.link("airflow")
    expect(job.page.locator("[data-list=missing] tbody tr").first).to_be_visible()


def token(job: Counted) -> None:
    job.link("API tokens", "#nav-sidebar")
    job.click("a[href='/admin/access/apitoken/add/'] >> nth=0")
    job.page.locator("[name=name]").fill("nightly job")
    job.click("[name=_save]")
    expect(job.page.get_by_role("button", name=re.compile("^Copy")).first).to_be_visible()


def rule(job: Counted) -> None:
    job.link("Alert rules", "#nav-sidebar")
    job.click("a[href='/admin/alerting/alertrule/add/'] >> nth=0")
    job.pick("client", "Baltic Foods")
    expect(job.page.locator("#preview")).to_contain_text(re.compile(r"Would have fired \d+ times?"))
    job.page.locator("[name=destination]").fill("#data-oncall")
    job.click("[name=_save]")
    expect(job.page.get_by_text("successfully")).to_be_visible()


def disable_client(job: Counted) -> None:
    job.link("Clients", "#nav-sidebar")
    job.link("Kestrel Diagnostics")
    job.link("Edit client")
    job.link("Disable…")
    job.button("Disable")
    expect(job.page.get_by_text("1 client disabled. The history stays.")).to_be_visible()


def person(job: Counted) -> None:
    job.link("People", "#nav-sidebar")
    job.click("a[href='/admin/auth/user/add/'] >> nth=0")
    for field, text in {"username": "ada", "password1": "a-long-sentence-9", "password2": "a-long-sentence-9"}.items():
        job.page.locator(f"[name={field}]").fill(text)
    job.click(job.page.get_by_label("viewer", exact=True))
    job.click("[name=_save]")
    expect(job.page.get_by_text("successfully")).to_be_visible()


def month_report(job: Counted) -> None:
    job.click(f"{FAILING} .chm-who a >> nth=1")
    months = job.page.locator("[name=period] option").all_inner_texts()
    job.choose("Period", next(month for month in months if re.search(r"\d{4}", month)))
    job.button("Show")
    expect(job.page).to_have_url(re.compile(r"period=\d{4}-\d\d"))
    expect(job.page.get_by_text("mean time to recovery").first).to_be_visible()


def worst_and_flaky(job: Counted) -> None:
    job.click(f"{FAILING} .chm-who a >> nth=1")
    for table in ("worst", "flakiest"):
        expect(job.page.locator(f"[data-list={table}] tbody tr").first).to_be_visible()
    with job.page.expect_download() as saved:
        job.link("pipelines")
    assert saved.value.suggested_filename.endswith(".csv")


@dataclass(frozen=True)
class Job:
    """`clicks` is what the job needs today; `limit` is the most that it may ever need."""

    sentence: str
    role: str
    do: Callable[[Counted], None]
    clicks: int
    limit: int | None = None


JOBS = [
    Job("open the cause of a failure", "viewer", cause, 1, limit=2),
    Job("open a failed run at its source", "viewer", source_page, 2, limit=3),
    Job("list what changed since the last working evening", "analyst", changes_since_the_last_evening, 2),
    Job("mark a failure as known", "analyst", known, 3),
    Job("find the runs of a client with an error text", "viewer", runs_with_an_error, 3),
    Job("hand over the weekend on Monday", "analyst", handover, 2, limit=2),
    Job("add a client", "analyst", new_client, 3),
    Job("import pipelines from a file", "analyst", import_client, 5),
    Job("ingest a pipeline now", "operator", ingest, 2),
    Job("see what a connection misses", "operator", connection, 2),
    Job("make an API token", "operator", token, 3),
    Job("add an alert rule", "analyst", rule, 5),
    Job("disable a client", "analyst", disable_client, 5),
    Job("add a person", "administrator", person, 4),
    Job("report a month of a client", "viewer", month_report, 3, limit=3),
    Job("export the worst and flakiest pipelines of a client", "viewer", worst_and_flaky, 2),
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.sentence)
def test_a_daily_job_needs_only_its_clicks(log_in: LogIn, job: Job) -> None:
    counted = Counted(log_in(job.role))
    job.do(counted)
    assert counted.clicks == job.clicks
    assert job.limit is None or job.clicks <= job.limit
