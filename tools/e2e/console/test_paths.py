"""Test with a real browser how users reach pages, refresh the board, ingest, and work without a mouse."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tools.e2e.console.conftest import LogInFunction
from tools.e2e.console.site import Site


def row_texts(page: Page, list_key: str) -> list[str]:
    """Return for each row of a list on the health board the text that names its pipeline and client."""
    return page.locator(f"[data-list={list_key}] .chm-who").all_inner_texts()


@pytest.mark.proves("SC-001", "SC-004")
def test_two_clicks_lead_from_the_board_to_the_error_text_of_a_failing_pipeline(log_in: LogInFunction) -> None:
    page = log_in("viewer")
    row = page.locator("[data-list=failing] tbody tr").first
    pipeline, error = row.locator("a").first.inner_text(), row.locator(".chm-error").inner_text()

    row.get_by_role("link", name=pipeline, exact=True).click()
    expect(page.locator("#header-inner")).to_contain_text(pipeline)
    page.locator("[data-list=runs] tbody tr", has_text="failed").first.get_by_role("link").click()

    expect(page.get_by_label("Error text")).to_contain_text(error)
    expect(page.get_by_text("This is the latest run.")).to_be_visible()
    page.get_by_text("What the source sent, without secrets").click()
    expect(page.get_by_label("Payload")).to_contain_text('"attempt"')


A4_WIDTH_PIXELS = 703  # between the margins


def test_the_handover_opens_in_one_click_and_can_be_copied_and_printed_on_a4(log_in: LogInFunction) -> None:
    page = log_in("analyst")
    page.get_by_role("link", name="Handover").click()
    page.wait_for_url("**/handover/?zone=Europe%2FBerlin")
    expect(page.locator(".chm-as-of time").first).to_contain_text("18:00")
    failing_count = page.locator("[data-list=new] tbody tr").count()
    assert failing_count

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.locator(".chm-status-line")).to_have_text("Copied.")
    copied_text = str(page.evaluate("navigator.clipboard.readText()"))
    assert copied_text.startswith("# Handover ")
    assert f"## Still failing: {failing_count}" in copied_text

    page.emulate_media(media="print")
    page.set_viewport_size({"width": A4_WIDTH_PIXELS, "height": 1000})
    assert page.locator("button:visible, select:visible, input:visible, nav:visible, summary:visible").count() == 0
    is_cut_off = "box => box.scrollWidth > box.clientWidth || box.getBoundingClientRect().right > innerWidth"
    assert (
        page.evaluate(f"Array.from(document.querySelectorAll('.chm-scroll, .chm-table')).filter({is_cut_off}).length")
        == 0
    )
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_the_menu_opens_with_the_keyboard_on_a_phone(log_in: LogInFunction) -> None:
    page = log_in("viewer", phone=True)
    link = page.locator("#nav-sidebar").get_by_role("link", name="Alert rules")
    expect(link).not_to_be_in_viewport()

    page.get_by_role("button", name="Show or hide the menu").focus()
    page.keyboard.press("Enter")

    expect(link).to_be_in_viewport()


def test_times_are_shown_in_the_browsers_time_zone_and_have_titles_in_utc(log_in: LogInFunction) -> None:
    page = log_in("viewer")
    time = page.locator(".chm-as-of time")
    moment = datetime.fromisoformat(str(time.get_attribute("datetime")))
    local = moment.astimezone(UTC) + timedelta(hours=int(page.evaluate("-new Date().getTimezoneOffset() / 60")))
    assert local.strftime("%H:%M") in time.inner_text()
    assert time.get_attribute("title") == f"{moment:%Y-%m-%d %H:%M:%S} UTC"

    expect(page.locator(".chm-footer")).to_contain_text("Times in Europe/Berlin")

    page.goto("/admin/runs/run/")
    time_of_first_run = page.locator("#result_list time").first
    moment = datetime.fromisoformat(str(time_of_first_run.get_attribute("datetime")))
    assert str(time_of_first_run.get_attribute("title")).startswith(f"{moment:%Y-%m-%d %H:%M}")
    assert str(time_of_first_run.get_attribute("title")).endswith("UTC")
    assert time_of_first_run.inner_text() != time_of_first_run.get_attribute("title")


def test_the_boards_filter_is_in_the_url_and_also_filters_the_list_that_a_tile_opens(log_in: LogInFunction) -> None:
    page = log_in("viewer")
    page.get_by_label("Platform").select_option("vendor_api")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url(re.compile(r"\?platform=vendor_api$"))
    assert all("Vendor API" in row for row in row_texts(page, "failing"))
    failing_count = page.locator("[data-tile=failing] .chm-number").inner_text()

    page.locator("[data-tile=failing]").click()

    page.wait_for_url(re.compile(r"list/failing/\?platform=vendor_api$"))
    expect(page.locator("[data-total]")).to_have_text(failing_count)
    expect(page.locator("[data-list=failing] tbody tr")).to_have_count(int(failing_count))


def test_a_disabled_client_leaves_the_board_until_it_is_enabled(log_in: LogInFunction) -> None:
    page = log_in("analyst")
    client = page.locator("[data-list=failing] tbody tr").first.locator("a").nth(1).inner_text()

    page.get_by_role("link", name=client, exact=True).first.click()
    page.get_by_role("link", name="Edit client").click()
    page.wait_for_url("**/inventory/client/*/change/")
    edit_url = page.url
    set_client_active(page, is_active=False)
    page.goto("/admin/")
    assert not any(client in row for list_key in ("failing", "changed", "fresh") for row in row_texts(page, list_key))
    page.goto(edit_url)
    set_client_active(page, is_active=True)
    page.goto("/admin/")
    assert any(client in row for row in row_texts(page, "failing"))


def set_client_active(page: Page, *, is_active: bool) -> None:
    """Enable or disable the client. Use the switch of the form, or the confirmation page if the form has no switch."""
    page.wait_for_url("**/inventory/client/*/change/")
    label = "Enable" if is_active else "Disable"
    if (switch := page.locator("[name=is_active]")).count():
        switch.set_checked(is_active)
        page.locator("[name=_save]").click()
    else:
        page.get_by_role("link", name=f"{label}…").click()
        page.get_by_role("button", name=label, exact=True).click()
    expect(page.get_by_text(re.compile("successfully|abled\\."))).to_be_visible()


def test_a_new_rule_shows_when_it_would_have_fired(log_in: LogInFunction) -> None:
    page = log_in("analyst")
    name, client = page.locator("[data-list=failing] tbody tr").first.locator("a").all_inner_texts()[:2]
    page.goto("/admin/alerting/alertrule/")
    page.locator("a[href='/admin/alerting/alertrule/add/']").first.click()

    pick_pipeline(page, "pipeline", name, client)
    page.locator("[name=rule_type]").select_option("on_failure")
    page.locator("[name=channel]").select_option("slack")
    page.locator("[name=destination]").fill("#from-the-browser")
    page.locator("[name=_save]").click()

    preview = page.locator("#preview")
    expect(preview).to_contain_text(re.compile(r"Would have fired \d+ times? in the last 30 days"))
    expect(preview).to_contain_text("fires now")
    preview.get_by_text("Each period").click()
    expect(preview.locator("tbody tr").first).to_be_visible()


def pick_pipeline(page: Page, field: str, text: str, client: str) -> None:
    """Choose the pipeline with this text from an autocomplete field. Search for it by the name of its client."""
    page.locator(f"[name={field}] + .select2-container").click()
    page.locator(".select2-search__field").last.fill(client)
    page.locator(".select2-results__option", has_text=text).first.click()


def test_ingest_now_shows_the_new_status(log_in: LogInFunction, site: Site) -> None:
    page = log_in("operator")
    page.locator("[data-list=failing] tbody tr").last.get_by_role("link").first.click()
    expect(page.locator("h2 .chm-badge").first).to_contain_text("failed")
    external_id = page.locator("dd.chm-code").first.inner_text()
    now = datetime.now(UTC)
    site.partner.runs[external_id] = [
        {"id": "from-the-partner", "status": "success", "started_at": (now - timedelta(seconds=5)).isoformat(),
         "finished_at": now.isoformat(), "updated_at": now.isoformat(), "rows_processed": 4321},
    ]  # fmt: skip

    page.get_by_role("button", name="Ingest now").click()

    expect(page.get_by_text("Ingestion succeeded")).to_be_visible(timeout=30_000)
    expect(page.locator("#ingestion")).to_contain_text("1 new")
    expect(page.locator("h2 .chm-badge").nth(0)).to_contain_text("success")
    expect(page.locator("[data-list=runs] tbody tr").first).to_contain_text("from-the-partner")


def test_a_user_adopts_pipelines_that_only_the_source_has_on_the_connections_page(log_in: LogInFunction) -> None:
    page = log_in("analyst")
    page.get_by_role("link", name="Connections").click()
    page.get_by_role("link", name="airflow", exact=True).click()
    expect(page.locator("[data-list=missing] tbody tr")).to_contain_text("deleted_dag")
    count_before = page.locator("[data-list=unmatched] tbody tr").count()

    page.get_by_label("Adopt manual_refund").check()
    page.get_by_label("Adopt sales_daily_load").check()
    page.get_by_label("Pipeline type").select_option("export")
    page.get_by_role("button", name="Adopt selected").click()

    expect(page.get_by_text("Adopted 2 pipelines. The next ingestion reads all their runs.")).to_be_visible()
    expect(page.locator("[data-list=unmatched] tbody tr")).to_have_count(count_before - 2)
    page.locator("[data-list=missing]").get_by_role("link", name="deleted", exact=True).click()
    expect(page.get_by_text("list of pipelines no longer contains deleted_dag")).to_be_visible()
    page.goto("/admin/inventory/pipeline/?q=manual_refund")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)


def test_the_board_refreshes_without_reloading_the_page(log_in: LogInFunction) -> None:
    page = log_in("viewer")
    page.clock.install()
    page.reload()
    time_before = page.locator("[data-as-of]").get_attribute("data-as-of")
    page.evaluate("window.stays = true")

    page.clock.run_for(61_000)

    expect(page.locator("[data-as-of]")).not_to_have_attribute("data-as-of", str(time_before))
    assert page.evaluate("window.stays"), "the page was reloaded"


def is_refresh(response: Any) -> bool:
    return "chm-refresh" in response.request.headers


def test_the_board_shows_that_it_is_paused_and_keeps_sections_open(log_in: LogInFunction) -> None:
    page = log_in("viewer")
    page.clock.install()
    page.reload()
    pause_button = page.locator("[data-pause]")
    expect(pause_button).to_have_text("Pause")

    page.locator("#chm-board details summary").first.click()
    page.evaluate("scrollTo(0, 300)")
    with page.expect_response(is_refresh):
        page.clock.run_for(61_000)
    expect(page.locator("#chm-board details").first).to_have_attribute("open", "")
    assert page.evaluate("scrollY") == 300

    refreshes: list[Any] = []
    page.on("response", lambda response: refreshes.append(response) if is_refresh(response) else None)
    page.get_by_label("Platform").select_option("dbt")
    page.clock.run_for(61_000)
    expect(pause_button).to_have_text("Paused – resume")
    assert not refreshes
    page.get_by_label("Platform").select_option("")
    time_before = str(page.locator("[data-as-of]").get_attribute("data-as-of"))
    pause_button.click()
    expect(pause_button).to_have_text("Pause")
    # The click starts a refresh. Wait until it has ended, because a canceled request would be an error of the page.
    expect(page.locator("[data-as-of]")).not_to_have_attribute("data-as-of", time_before)


def test_a_user_switches_times_to_utc_and_back(log_in: LogInFunction) -> None:
    page = log_in("viewer")
    time = page.locator(".chm-as-of time")
    expect(time).to_contain_text(re.compile(r"\d\d:\d\d (CET|CEST)$"))
    page.get_by_role("button", name="switch to UTC").click()
    moment = datetime.fromisoformat(str(time.get_attribute("datetime")))
    expect(time).to_have_text(f"{moment:%-d %b, %H:%M} UTC")
    page.goto("/admin/runs/run/")
    expect(time).to_contain_text("UTC")
    page.get_by_role("button", name=re.compile("switch to CES?T")).click()
    expect(time).to_contain_text("CE")


MAX_PHONE_SCREENS = 3


@pytest.mark.parametrize("path", ["/admin/", "/admin/runs/run/"])
def test_the_board_and_the_runs_are_at_most_three_screens_long_on_a_phone(log_in: LogInFunction, path: str) -> None:
    page = log_in("viewer", phone=True)
    page.goto(path)
    page.locator(".chm-as-of time").wait_for()
    assert page.evaluate("document.documentElement.scrollHeight / innerHeight") <= MAX_PHONE_SCREENS


def tab_to(page: Page, selector: str, limit: int = 150) -> None:
    """Press Tab until an element that matches the selector has the focus."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} does not have the focus after {limit} presses of Tab")


def test_an_analyst_finds_the_cause_of_a_failure_without_a_mouse(log_in: LogInFunction) -> None:
    page = log_in("analyst")
    page.keyboard.press("Tab")
    expect(page.locator(".chm-skip")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "[data-list=failing] td.chm-who a", 60)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/pipeline/**")
    tab_to(page, "#verdict a")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Error text")).to_be_visible()


def test_an_operator_ingests_without_a_mouse(log_in: LogInFunction) -> None:
    page = log_in("operator")
    tab_to(page, "[data-list=failing] tr:last-child td.chm-who a:first-child")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/pipeline/**")
    tab_to(page, "form[action$='/ingest/'] button")
    page.keyboard.press("Enter")
    expect(page.locator("#ingestion")).to_be_visible()


def test_a_delivery_lead_opens_a_client_and_its_runs_without_a_mouse(log_in: LogInFunction) -> None:
    page = log_in("viewer")
    tab_to(page, "#nav-sidebar a[href='/admin/inventory/client/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/inventory/client/")
    tab_to(page, "#result_list tbody th a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/client/**")
    tab_to(page, "[data-list=pipelines] a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/pipeline/**")
