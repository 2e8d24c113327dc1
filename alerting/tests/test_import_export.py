"""Import and export of alert rules in the console."""

import io
import re
from html import unescape
from typing import Any

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from alerting.models import AlertRule
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db

RULES_URL = "/admin/alerting/alertrule/"
HEADING = "client,pipeline,rule_type,threshold,window_minutes,channel,destination,is_enabled"


@pytest.fixture
def browser(client: Browser) -> Browser:
    client.force_login(User.objects.create_superuser("admin"))
    PipelineFactory.create(client__name="Northwind", name="orders")
    return client


def preview_rows(browser: Browser, *rows: str) -> Any:
    data = "\n".join([HEADING, *rows]).encode()
    return browser.post(f"{RULES_URL}import/", {"file": SimpleUploadedFile("rules.csv", data)})


def import_file(browser: Browser, *rows: str) -> str:
    preview = preview_rows(browser, *rows)
    assert 'name="upload_id"' in preview.content.decode(), shown_errors(preview)
    result_page = browser.post(f"{RULES_URL}import/", {"upload_id": preview.context["upload_id"]}, follow=True)
    return " ".join(result_page.content.decode().split())


def shown_errors(response: Any) -> list[str]:
    table = re.search(r'id="import-errors".*?<tbody>(.*?)</tbody>', response.content.decode(), re.DOTALL)
    assert table
    lines = re.findall("<tr>(.*?)</tr>", table[1], re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]+>", " ", line)).split()) for line in lines]


def test_rules_of_a_client_and_of_a_pipeline_are_created_and_logged(browser: Browser) -> None:
    result_page = import_file(
        browser,
        "Northwind,,ON_FAILURE,,,slack,#all,",
        "Northwind,orders,failures_in_window,3,60,email,a@b.example,no",
    )

    assert "Imported alert rules: 2 new, 0 changed, 0 unchanged." in result_page
    client_rule, pipeline_rule = AlertRule.objects.order_by("destination")
    assert (str(client_rule.client), client_rule.pipeline, client_rule.is_enabled) == ("Northwind", None, True)
    assert (pipeline_rule.client, str(pipeline_rule.pipeline), pipeline_rule.threshold) == (None, "orders", 3)
    assert pipeline_rule.is_enabled is False
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("Nobody,,on_failure,,,slack,#a,", "2 client There is no client “Nobody”."),
        (",orders,on_failure,,,slack,#a,", "2 client Name the client, also in a row with a pipeline."),
        ("Northwind,invoices,on_failure,,,slack,#a,", "2 pipeline This client has no pipeline “invoices”."),
        (
            "Northwind,,sometimes,,,slack,#a,",
            "2 rule_type “sometimes” is not valid. Use one of: on_failure, failures_in_window.",
        ),
        ("Northwind,,on_failure,,,pager,#a,", "2 channel “pager” is not valid. Use one of: slack, email, webhook."),
        ("Northwind,,on_failure,,,slack,,", "2 destination This field is required."),
        ("Northwind,,failures_in_window,many,60,slack,#a,", "2 threshold Enter a whole number."),
        (
            "Northwind,,failures_in_window,,60,slack,#a,",
            "2 window_minutes failures_in_window needs threshold and window_minutes.",
        ),
        ("Northwind,,failures_in_window,0,60,slack,#a,", "2 threshold threshold must be greater than 0."),
        ("Northwind,,on_failure,,,slack,#a\x00,", "2 destination Null characters are not allowed."),
        (
            "Northwind,orders,on_failure,,,slack,#good,",
            "3 destination Row 2 has the same client, pipeline, rule_type, channel and destination.",
        ),
    ],
)
def test_the_error_of_an_invalid_rule_is_listed_and_no_rule_of_the_file_is_stored(
    browser: Browser, row: str, error: str
) -> None:
    response = preview_rows(browser, row, "Northwind,orders,on_failure,,,slack,#good,")

    assert shown_errors(response) == [error]
    assert not AlertRule.objects.exists()


def test_importing_an_existing_rule_changes_it(browser: Browser) -> None:
    client = ClientFactory.create(name="Contoso")
    pipeline = PipelineFactory.create(client=client, name="invoices")
    other = ClientFactory.create(name="Fabrikam")
    rule = AlertRule.objects.create(
        client=other, pipeline=pipeline, rule_type="failures_in_window", threshold=3, window_minutes=60,
        channel="slack", destination="#a",
    )  # fmt: skip

    result_page = import_file(browser, "Contoso,invoices,failures_in_window,5,60,slack,#a,")

    assert "0 new, 1 changed, 0 unchanged" in result_page
    rule.refresh_from_db()
    assert (rule.threshold, rule.client, rule.is_enabled) == (5, other, True)
    assert LogEntry.objects.get().get_change_message() == "Changed threshold."


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_can_be_imported_unchanged(browser: Browser, form: str) -> None:
    import_file(browser, "Northwind,,on_failure,,,slack,@cmd,", "Northwind,orders,failures_in_window,3,60,slack,#b,no")
    fields = ("client", "pipeline", "rule_type", "threshold", "window_minutes", "channel", "destination", "is_enabled")
    before = list(AlertRule.objects.order_by("destination").values_list(*fields))

    content = browser.get(f"{RULES_URL}export/{form}/").getvalue()

    if form == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
        assert not [cell for line in sheet.iter_rows() for cell in line if cell.data_type == "f"]
    AlertRule.objects.all().delete()
    preview = browser.post(f"{RULES_URL}import/", {"file": SimpleUploadedFile(f"rules.{form}", content)})
    browser.post(f"{RULES_URL}import/", {"upload_id": preview.context["upload_id"]})
    assert list(AlertRule.objects.order_by("destination").values_list(*fields)) == before
