"""Test with a real browser how users edit clients, pipelines and rules, and how they filter and export runs."""

import re
from typing import Any

CLIENTS, PIPELINES, RULES = (
    "/admin/inventory/client/", "/admin/inventory/pipeline/", "/admin/alerting/alertrule/",
)  # fmt: skip


def upload(page: Any, content: str) -> None:
    file = {"name": "pipelines.csv", "mimeType": "text/csv", "buffer": content.encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Check the file").click()


def pipeline_names(page: Any, query: str) -> list[str]:
    page.goto(f"{PIPELINES}?{query}")
    names: list[str] = page.locator("#result_list tbody th").all_inner_texts()
    return names


def test_a_file_with_two_bad_rows_is_corrected_and_imported(log_in: Any) -> None:
    page = log_in("analyst")
    page.goto(CLIENTS)
    client = page.locator("#result_list tbody th").first.inner_text()
    header, good_row = "client,name,platform,pipeline_type\n", f"{client},from a file,dbt,export\n"
    page.goto(PIPELINES)
    page.get_by_role("link", name="Import", exact=True).click()

    upload(page, f"{header}{good_row}Nobody,lost,dbt,export\n{client},odd,arflow,export\n")

    rows = page.get_by_role("table", name="Errors by row").locator("tbody tr")
    rows.first.wait_for()
    assert [re.split(r"\s*\t\s*", row) for row in rows.all_inner_texts()] == [
        ["3", "client", "There is no client “Nobody”."],
        ["4", "platform", "“arflow” is not valid. Use one of: airflow, dbt, cron, vendor_api, custom."],
    ]
    upload(page, f"{header}{good_row}{client},=2+2,dbt,export\n")
    page.get_by_text("2 new, 0 changed, 0 unchanged.").wait_for()
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_text("Imported pipelines: 2 new, 0 changed, 0 unchanged.").wait_for()
    assert pipeline_names(page, "q=from+a+file") == ["from a file"]

    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV", exact=True).click()
    exported_text = download.value.path().read_text()
    assert f"{client},from a file,dbt," in exported_text
    assert len(exported_text.splitlines()) == 2


def test_the_later_of_two_users_who_edit_a_pipeline_is_warned(log_in: Any, screenshots: Any) -> None:
    first_user, second_user = log_in("analyst"), log_in("administrator")
    pipeline_names(first_user, "is_active__exact=1&q=load")
    address = first_user.locator("#result_list tbody th a").first.get_attribute("href")
    for user in (first_user, second_user):
        user.goto(address)
        user.get_by_role("link", name="Edit pipeline").click()

    first_user.get_by_label("Description").fill("changed by the first user")
    first_user.get_by_role("button", name="Save", exact=True).click()
    first_user.get_by_text("was changed successfully").wait_for()
    second_user.get_by_label("Description").fill("changed by the second user")
    second_user.get_by_role("button", name="Save", exact=True).click()

    second_user.get_by_text("This pipeline has changed since you opened the form.").wait_for()
    second_user.screenshot(path=screenshots / "edit-conflict.png")
    second_user.get_by_role("button", name="Save", exact=True).click()
    second_user.get_by_text("was changed successfully").wait_for()


def test_several_pipelines_are_disabled_after_a_confirmation_page(log_in: Any) -> None:
    page = log_in("analyst")
    names = pipeline_names(page, "is_active__exact=1&q=load")[:2]
    for row in range(2):
        page.locator("#result_list tbody input.action-select").nth(row).check()
    page.locator("select[name=action]").select_option("disable")
    page.get_by_role("button", name="Run", exact=True).click()

    page.get_by_text("Disable 2 pipelines?").wait_for()
    page.get_by_text("2 pipelines leave the health board and are no longer ingested.").wait_for()
    page.get_by_role("button", name="Disable", exact=True).click()

    page.get_by_text("2 pipelines disabled. The history stays.").wait_for()
    assert pipeline_names(page, "is_active__exact=1&q=load")[:2] != names


def test_a_client_is_disabled_and_enabled_from_its_edit_page(log_in: Any) -> None:
    page = log_in("analyst")
    links_of_first_row = page.locator("[data-list=failing] tbody tr").first.locator("a")
    client = links_of_first_row.nth(1).inner_text()
    page.goto(CLIENTS)
    page.locator("#result_list tbody th").get_by_role("link", name=client, exact=True).click()
    page.get_by_role("link", name="Edit client").click()
    edit_url = page.url

    page.get_by_role("link", name="Disable…").click()
    page.get_by_text("Disable 1 client?").wait_for()
    page.get_by_role("button", name="Disable", exact=True).click()
    page.get_by_text("1 client disabled. The history stays.").wait_for()
    page.goto("/admin/")
    assert client not in " ".join(page.locator("[data-list=failing] .chm-who").all_inner_texts())

    page.goto(edit_url)
    page.get_by_role("link", name="Enable…").click()
    page.get_by_role("button", name="Enable", exact=True).click()
    page.get_by_text("1 client enabled.").wait_for()
    page.goto("/admin/")
    assert client in " ".join(page.locator("[data-list=failing] .chm-who").all_inner_texts())


def test_the_rule_form_shows_the_fields_of_the_rule_type_and_puts_errors_beside_them(log_in: Any) -> None:
    page = log_in("analyst")
    page.goto(f"{RULES}add/")
    threshold, window = page.get_by_label("Threshold"), page.get_by_label("Window minutes")
    assert threshold.is_hidden()
    assert window.is_hidden()

    page.get_by_label("Rule type").select_option("failures_in_window")
    assert threshold.is_visible()
    threshold.fill("3")
    page.get_by_label("Destination").fill("#somewhere")
    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_text("Enter the length of the window").wait_for()
    assert page.get_by_text("Choose a client, a pipeline, or both.").count() == 2
    page.get_by_label("Rule type").select_option("on_failure")
    assert threshold.is_hidden()
    assert threshold.input_value() == ""


def test_runs_are_paged_and_filtered_with_the_keyboard(log_in: Any) -> None:
    page = log_in("viewer")
    page.goto("/admin/runs/run/")
    rows = page.locator("[data-list=runs] tbody tr")
    first_row_text = rows.first.inner_text()
    page.get_by_role("link", name="Older", exact=True).press("Enter")
    page.get_by_role("link", name="Newer", exact=True).wait_for()
    assert rows.first.inner_text() != first_row_text
    page.get_by_role("link", name="Newer", exact=True).press("Enter")
    page.get_by_role("link", name="Newer", exact=True).wait_for(state="detached")

    page.goto("/admin/runs/run/")
    status = page.get_by_label("Status")
    status.focus()
    page.keyboard.type("Fa")
    assert page.url.endswith("/admin/runs/run/"), "a choice is not applied before Enter or Show"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"\?status__exact=failed$"))
    assert set(page.locator("[data-list=runs] .chm-badge").all_inner_texts()) == {"✕ failed"}
    assert page.evaluate("document.activeElement.name") == "status__exact"
    page.get_by_role("link", name="Status: Failed").press("Enter")
    page.wait_for_url(re.compile(r"/admin/runs/run/\??$"))


def test_runs_are_searched_filtered_by_time_sorted_and_exported_as_csv(log_in: Any) -> None:
    page = log_in("viewer")
    error_text = page.locator("[data-list=failing] .chm-error").first.inner_text()
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_label("Search").fill(error_text)
    page.get_by_label("Time").select_option("custom")
    page.locator("[name=since]").fill("2020-01-01T08:30")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url(re.compile("zone=Europe%2FBerlin"))
    assert page.get_by_role("link", name="Time: from 2020-01-01 08:30").is_visible()
    assert all(error_text in text for text in page.locator("[data-list=runs] .chm-error").all_inner_texts())
    page.get_by_role("link", name="Duration", exact=True).click()
    page.wait_for_url(re.compile("sort=-duration"))
    row_count = page.locator("[data-list=runs] tbody tr").count()

    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()

    assert len(download.value.path().read_text().splitlines()) == row_count + 1
