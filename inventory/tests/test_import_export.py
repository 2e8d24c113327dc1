"""Import and export of clients and pipelines.

A file with an invalid row is not imported, and all its errors are listed.
"""

import io
import re
import resource
import time
import zipfile
from collections.abc import Sequence
from html import unescape
from typing import Any

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from chm_project.admin_kit.import_export import workbook_reader
from chm_project.api.csv import escape_formula, unescape_formula
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db

CLIENTS_URL, PIPELINES_URL = "/admin/inventory/client/", "/admin/inventory/pipeline/"
HEADING = "client,name,platform,external_id,pipeline_type,environment,description,is_active"


@pytest.fixture
def browser(client: Browser) -> Browser:
    client.force_login(User.objects.create_superuser("admin"))
    return client


def preview_file(browser: Browser, page: str, content: str | bytes) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return browser.post(f"{page}import/", {"file": SimpleUploadedFile("chosen.csv", data)})


def shown_errors(response: Any) -> list[str]:
    """Return row, column and message of each shown error, or the messages about the whole file."""
    assert response.status_code == 200
    page = response.content.decode()
    table = re.search(r'id="import-errors".*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    if table is None:
        assert 'name="upload_id"' not in page
        return [str(message) for message in response.context["form"].errors.get("file", [])]
    lines = re.findall("<tr>(.*?)</tr>", table[1], re.DOTALL)
    return [" ".join(unescape(re.sub("<[^>]+>", " ", line)).split()) for line in lines]


def confirm_import(browser: Browser, page: str, preview: Any) -> Any:
    assert 'name="upload_id"' in preview.content.decode(), shown_errors(preview)
    return browser.post(f"{page}import/", {"upload_id": preview.context["upload_id"]}, follow=True)


def import_file(browser: Browser, page: str, content: str | bytes) -> Any:
    return confirm_import(browser, page, preview_file(browser, page, content))


def workbook(*lines: Sequence[Any]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in lines:
        book.active.append(list(line))
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def test_a_file_is_previewed_and_stored_after_confirmation(browser: Browser) -> None:
    ClientFactory.create(name="Northwind", is_active=False)

    preview = preview_file(browser, CLIENTS_URL, "name,is_active\nNorthwind,yes\nContoso,\n")

    assert "1 new, 1 changed, 0 unchanged." in " ".join(preview.content.decode().split())
    assert [client.is_active for client in Client.objects.all()] == [False]
    assert not LogEntry.objects.exists()
    confirmed = confirm_import(browser, CLIENTS_URL, preview)
    assert "Imported clients: 1 new, 1 changed, 0 unchanged." in confirmed.content.decode()
    assert dict(Client.objects.values_list("name", "is_active")) == {"Northwind": True, "Contoso": True}
    assert {entry.object_repr: entry.get_change_message() for entry in LogEntry.objects.all()} == {
        "Contoso": "Added.",
        "Northwind": "Changed is_active.",
    }


def test_all_invalid_rows_of_a_file_are_listed_and_no_row_is_stored(browser: Browser) -> None:
    ClientFactory.create(name="Northwind")

    response = preview_file(
        browser,
        PIPELINES_URL,
        f"{HEADING}\nNorthwind,good,dbt,,export,prod,,yes\nNobody,bad,dbt,,export,prod,,yes\nNorthwind,odd,arflow,,export,prod,,yes\n",
    )

    assert shown_errors(response) == [
        "3 client There is no client “Nobody”.",
        "4 platform “arflow” is not valid. Use one of: airflow, dbt, cron, vendor_api, custom.",
    ]
    assert Pipeline.objects.count() == 0


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("Nobody,a,dbt,,export,prod,,yes", "2 client There is no client “Nobody”."),
        (",a,dbt,,export,prod,,yes", "2 client Name the client."),
        ("Northwind,,dbt,,export,prod,,yes", "2 name This field is required."),
        ("Northwind,   ,dbt,,export,prod,,yes", "2 name This field is required."),
        ("Northwind,a,,,export,prod,,yes", "2 platform Write one of: airflow, dbt, cron, vendor_api, custom."),
        (
            "Northwind,a,dbt,,exports,prod,,yes",
            "2 pipeline_type “exports” is not valid. Use one of: ingestion, transform, quality, export, healthcheck.",
        ),
        ("Northwind,a,dbt,,export,live,,yes", "2 environment “live” is not valid. Use one of: dev, staging, prod."),
        ("Northwind,a,dbt,,export,prod,,perhaps", "2 is_active Write yes or no."),
        (
            f"Northwind,{'a' * 256},dbt,,export,prod,,yes",
            "2 name Ensure this value has at most 255 characters (it has 256).",
        ),
        (
            f"Northwind,a,dbt,{'a' * 256},export,prod,,yes",
            "2 external_id Ensure this value has at most 255 characters (it has 256).",
        ),
        ("Northwind,a\x00,dbt,,export,prod,,yes", "2 name Null characters are not allowed."),
        ("North\x00wind,a,dbt,,export,prod,,yes", "2 client Null characters are not allowed."),
        ("Northwind,a,dbt,,export,prod,\x00,yes", "2 description Null characters are not allowed."),
        ("Northwind,a,dbt,,export,prod,,yes,more", "2 – This row has 9 cells, the heading 8."),
        (
            "Northwind,new,dbt,taken,export,prod,,yes",
            "2 external_id This client has a pipeline with this external id on this platform already.",
        ),
        ("<b>x</b>,a,dbt,,export,prod,,yes", "2 client There is no client “<b>x</b>”."),
        (
            "northwind,a,dbt,,export,prod,,yes",
            "2 client There is no client “northwind”. Did you mean “Northwind”?",
        ),
    ],
)
def test_an_invalid_row_is_listed_with_its_column_and_nothing_is_stored(browser: Browser, row: str, error: str) -> None:
    PipelineFactory.create(client__name="Northwind", name="there", platform="dbt", external_id="taken")

    response = preview_file(browser, PIPELINES_URL, f"{HEADING}\n{row}\nNorthwind,good,dbt,,export,prod,,yes\n")

    assert shown_errors(response) == [error]
    assert "<b>x</b>" not in response.content.decode()
    assert Pipeline.objects.count() == 1


def test_rows_that_conflict_with_each_other_are_listed(browser: Browser) -> None:
    ClientFactory.create(name="Northwind")

    response = preview_file(
        browser, PIPELINES_URL,
        "client,name,platform,pipeline_type,external_id\n"
        "Northwind,a,dbt,export,x\nNorthwind,a,dbt,export,y\n\nNorthwind,b,dbt,export,x\n",
    )  # fmt: skip

    assert shown_errors(response) == [
        "3 name Row 2 has the same client and name.",
        "5 external_id This client has a pipeline with this external id on this platform already.",
    ]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "The submitted file is empty."),
        ("name\n", "The file has a heading and no rows."),
        ("hello\nworld\n", "The first row must name the columns. It may name: name, is_active."),
        (
            b"\x89PNG\r\n\x1a\n\x00\xff",
            "Line 1 is not in UTF-8. Save the file as “CSV UTF-8” or as XLSX, and choose it again.",
        ),
        ("name\nNorthwind\nMüller\n".encode("latin-1"), "Line 3 is not in UTF-8."),
        ("name\nNorthwind\n".encode("utf-16"), "Line 1 is not in UTF-8."),
        ('name\n"open', "Line 2 is not CSV: unexpected end of data."),
        ('name\n"a"b\n', "Line 2 is not CSV: ',' expected after '\"'."),
        ("name,nmae\na,b\n", "The first row names an unknown column: nmae."),
        ("name,name\na,b\n", "The first row names a column twice."),
        ("is_active\nyes\n", "The first row does not name: name."),
        (f"name\n{'x' * 200_000}\n", "Line 2 is not CSV: field larger than field limit (131072)."),
        ("name\n" + "client\n" * 100_000, "The file has more than 5,000 rows; import it in parts."),
        ("name\n" + "x" * (5 * 1024 * 1024), "The file is larger than 5 MB; import it in parts."),
        (
            b"PK\x03\x04 and then nothing of a workbook",
            "This is not a workbook that can be read; save it as XLSX or CSV again.",
        ),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_with_the_reason(
    browser: Browser, content: str | bytes, error: str
) -> None:
    [message] = shown_errors(preview_file(browser, CLIENTS_URL, content))

    assert message.startswith(error)
    assert Client.objects.count() == 0


@pytest.mark.parametrize(
    ("offset", "value"),
    [pytest.param(6, 0x63, id="unknown version"), pytest.param(46, 0xFF, id="name that is not UTF-8")],
)
def test_a_workbook_with_a_broken_zip_directory_is_refused(browser: Browser, offset: int, value: int) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("é.xml", b"")
    broken = bytearray(packed.getvalue())
    broken[broken.index(b"PK\x01\x02") + offset] = value

    assert shown_errors(preview_file(browser, CLIENTS_URL, bytes(broken))) == [
        "This is not a workbook that can be read; save it as XLSX or CSV again."
    ]


def test_a_small_workbook_that_is_too_large_when_unpacked_is_refused(browser: Browser) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (101 * 1024 * 1024))

    assert shown_errors(preview_file(browser, CLIENTS_URL, packed.getvalue())) == [
        "The workbook is too large when unpacked; import it in parts."
    ]


def test_numbers_and_flags_of_a_workbook_are_read_and_formulas_are_refused(browser: Browser) -> None:
    ClientFactory.create(name="Northwind")
    heading = ["client", "name", "platform", "pipeline_type", "external_id", "is_active"]
    valid_rows: list[Sequence[Any]] = [
        ["Northwind", "a", "DBT", "export", 4711, True],
        [None] * 6,
        ["Northwind", "b", "dbt", "export", None, False],
    ]

    refused = preview_file(
        browser, PIPELINES_URL, workbook(heading, *valid_rows, ["Northwind", "=1+1", "dbt", "export", None, True])
    )
    import_file(browser, PIPELINES_URL, workbook(heading, *valid_rows))

    assert shown_errors(refused) == ["5 name The cell of name contains a formula; write its value instead."]
    assert list(Pipeline.objects.values_list("name", "external_id", "is_active")) == [
        ("a", "4711", True),
        ("b", None, False),
    ]


@pytest.mark.parametrize("content", ["\ufeffName;Is active\r\nNorthwind;no\r\n", "name\tis_active\nNorthwind\tNO\n"])
def test_csv_with_byte_order_mark_semicolons_or_tabs_is_read(browser: Browser, content: str) -> None:
    import_file(browser, CLIENTS_URL, content)

    assert list(Client.objects.values_list("name", "is_active")) == [("Northwind", False)]


def test_a_row_for_an_existing_pipeline_changes_only_the_columns_in_the_file(browser: Browser) -> None:
    before = PipelineFactory.create(
        client__name="Northwind", name="orders", platform="cron", environment="dev", description="kept", external_id="x"
    )
    Pipeline.objects.update(last_ingest_error="kept too")

    import_file(browser, PIPELINES_URL, "client,name,external_id,environment\nNorthwind,orders,,\n")

    after = Pipeline.objects.get()
    assert (after.pk, after.platform, after.environment, after.description) == (before.pk, "cron", "dev", "kept")
    assert after.external_id is None
    assert after.last_ingest_error == "kept too"
    assert LogEntry.objects.get().get_change_message() == "Changed external_id."
    again = preview_file(browser, PIPELINES_URL, "client,name,external_id,environment\nNorthwind,orders,,\n")
    assert "0 new, 0 changed, 1 unchanged." in " ".join(again.content.decode().split())


def test_a_conflict_that_arises_after_the_preview_stops_the_whole_import(browser: Browser) -> None:
    client = ClientFactory.create(name="Northwind")
    preview = preview_file(
        browser, PIPELINES_URL, f"{HEADING}\nNorthwind,a,dbt,x,export,prod,,yes\nNorthwind,b,dbt,,export,prod,,yes\n"
    )
    PipelineFactory.create(client=client, name="quicker", platform="dbt", external_id="x")

    response = confirm_import(browser, PIPELINES_URL, preview)

    assert "Nothing was imported" in response.content.decode()
    assert shown_errors(response) == [
        "2 external_id This client has a pipeline with this external id on this platform already."
    ]
    assert [pipeline.name for pipeline in Pipeline.objects.all()] == ["quicker"]
    assert not LogEntry.objects.exists()


def test_a_workbook_that_becomes_unreadable_after_the_preview_is_an_error_message(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview = preview_file(browser, CLIENTS_URL, workbook(["name", "is_active"], ["Northwind", True]))
    monkeypatch.setattr(workbook_reader, "TIMEOUT_SECONDS", 0)

    response = confirm_import(browser, CLIENTS_URL, preview)

    assert "Nothing was imported. This workbook takes too much time or memory to read" in response.content.decode()
    assert not Client.objects.exists()
    monkeypatch.undo()
    assert "Imported clients: 1 new" in confirm_import(browser, CLIENTS_URL, preview).content.decode()


@pytest.mark.parametrize("upload_id", ["0" * 32, "../../etc/passwd", "", "\x00"])
def test_an_unknown_upload_cannot_be_confirmed(browser: Browser, upload_id: str) -> None:
    response = browser.post(f"{CLIENTS_URL}import/", {"upload_id": upload_id}, follow=True)

    assert "The uploaded file has expired. Choose it again." in response.content.decode()


def test_a_user_cannot_confirm_the_upload_of_another_user(browser: Browser) -> None:
    preview = preview_file(browser, CLIENTS_URL, "name\nNorthwind\n")
    other = Browser()
    other.force_login(User.objects.create_superuser("other"))

    assert "has expired" in confirm_import(other, CLIENTS_URL, preview).content.decode()
    assert Client.objects.count() == 0


def export_file(browser: Browser, page: str, file_format: str, query: str = "") -> bytes:
    response = browser.get(f"{page}export/{file_format}/{query}")
    assert response.status_code == 200
    assert response["Content-Disposition"].endswith(f'.{file_format}"')
    content: bytes = response.getvalue()
    return content


HOSTILE_TEXTS = [
    "=cmd|'/c calc'!A1",
    "+1",
    "-1",
    "@SUM(A1)",
    "'=quoted",
    "''@twice",
    "'quoted",
    'a "b", c;d',
    "é\u202e😀",
    "<script>",
]


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_an_export_contains_no_formulas_and_an_import_restores_every_value(browser: Browser, file_format: str) -> None:
    for index, text in enumerate(HOSTILE_TEXTS):
        PipelineFactory.create(
            client__name=text,
            name=text,
            external_id=text,
            description=f"{text}\nsecond line",
            is_active=bool(index % 2),
        )
    before = list(Pipeline.objects.values_list("client__name", "name", "external_id", "description", "is_active"))

    content = export_file(browser, PIPELINES_URL, file_format)

    if file_format == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
        cells = [cell for line in sheet.iter_rows() for cell in line]
        assert not [cell for cell in cells if cell.data_type == "f"]
        texts = [str(cell.value) for cell in cells if cell.value is not None]
    else:
        texts = [text for line in content.decode("utf-8-sig").splitlines() for text in line.split(",")]
    assert not [text for text in texts if text.strip('"').startswith(("=", "+", "-", "@", "\t", "\r"))]
    Pipeline.objects.all().delete()
    import_file(browser, PIPELINES_URL, content)
    assert sorted(
        Pipeline.objects.values_list("client__name", "name", "external_id", "description", "is_active")
    ) == sorted(before)


def test_control_characters_are_replaced_in_a_workbook(browser: Browser) -> None:
    ClientFactory.create(name="a\x01b")

    sheet = openpyxl.load_workbook(io.BytesIO(export_file(browser, CLIENTS_URL, "xlsx"))).worksheets[0]

    assert sheet["A2"].value == "a\ufffdb"


def test_an_export_contains_only_the_rows_of_the_filtered_list(browser: Browser) -> None:
    PipelineFactory.create_batch(120, platform="dbt")
    PipelineFactory.create(platform="cron", name="the only one")

    assert len(export_file(browser, PIPELINES_URL, "csv").splitlines()) == 122
    assert b"the only one" in export_file(browser, PIPELINES_URL, "csv", "?platform__exact=cron")
    assert len(export_file(browser, PIPELINES_URL, "csv", "?platform__exact=cron").splitlines()) == 2
    assert len(export_file(browser, PIPELINES_URL, "csv", "?q=the+only").splitlines()) == 2
    assert (
        f"{PIPELINES_URL}export/csv/?platform__exact=cron"
        in browser.get(f"{PIPELINES_URL}?platform__exact=cron").content.decode()
    )


def test_an_export_with_an_unknown_filter_value_returns_400(browser: Browser) -> None:
    assert browser.get(f"{PIPELINES_URL}export/csv/?platform__exact=unknown").status_code == 400


def test_an_export_in_an_unknown_format_returns_404(browser: Browser) -> None:
    assert browser.get(f"{PIPELINES_URL}export/pdf/").status_code == 404


def test_an_export_needs_the_same_number_of_queries_for_any_number_of_rows(browser: Browser) -> None:
    PipelineFactory.create_batch(3)
    with CaptureQueriesContext(connection) as queries_for_3_rows:
        export_file(browser, PIPELINES_URL, "csv")
    PipelineFactory.create_batch(30)
    with CaptureQueriesContext(connection) as queries_for_33_rows:
        export_file(browser, PIPELINES_URL, "csv")

    assert len(queries_for_3_rows) == len(queries_for_33_rows) <= 8


def test_a_preview_needs_the_same_number_of_queries_for_any_number_of_rows(browser: Browser) -> None:
    ClientFactory.create(name="Northwind")
    counts = []
    for number in (10, 400):
        lines = "".join(f"Northwind,p{number}-{index},dbt,,export,prod,,yes\n" for index in range(number))
        with CaptureQueriesContext(connection) as captured:
            preview_file(browser, PIPELINES_URL, f"{HEADING}\n{lines}")
        counts.append(len(captured))

    assert counts[0] == counts[1] <= 12


@given(text=st.text())
def test_escaped_text_is_not_a_formula_and_is_read_back_unchanged(text: str) -> None:
    assert not escape_formula(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert unescape_formula(escape_formula(text)) == text


def packed_workbook(sheet: bytes, strings: bytes = b"") -> bytes:
    """Return a workbook. `sheet` and `strings` are the XML of its first sheet and of its shared strings."""
    book = openpyxl.Workbook()
    book.worksheets[0].append(["name"])
    packed = io.BytesIO()
    book.save(packed)
    changed = io.BytesIO()
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = sheet
            if name == "xl/sharedStrings.xml" and strings:
                content = strings
            target.writestr(name, content)
    return changed.getvalue()


SPREADSHEET_NAMESPACE = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
HEADER_ROW = b'<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row>'


def sheet_xml(rows: bytes) -> bytes:
    return b"<worksheet " + SPREADSHEET_NAMESPACE + b"><sheetData>" + HEADER_ROW + rows + b"</sheetData></worksheet>"


DECOMPRESSION_BOMBS = {
    "a row far below": lambda: packed_workbook(sheet_xml(b'<row r="1000000000"><c r="A1000000000"><v>1</v></c></row>')),
    "millions of empty rows": lambda: packed_workbook(sheet_xml(b"<row/>" * 5_000_000)),
    "millions of cells in a row": lambda: packed_workbook(
        sheet_xml(b'<row r="2">' + b"<c><v>1</v></c>" * 2_300_000 + b"</row>")
    ),
    "many shared strings": lambda: packed_workbook(
        sheet_xml(b""), b"<sst " + SPREADSHEET_NAMESPACE + b">" + b"<si><t>x</t></si>" * 4_000_000 + b"</sst>"
    ),
    "a zip bomb": lambda: packed_workbook(sheet_xml(b" " * 200_000_000)),
}


@pytest.mark.parametrize("kind", DECOMPRESSION_BOMBS)
def test_a_decompression_bomb_is_refused_with_little_time_and_memory(browser: Browser, kind: str) -> None:
    bomb = DECOMPRESSION_BOMBS[kind]()
    memory_before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    [message] = shown_errors(preview_file(browser, CLIENTS_URL, bomb))
    assert time.monotonic() - started < 30  # reading the whole file would take minutes
    assert "import it in parts" in message or "no rows" in message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before < 50 * 1024


def test_a_client_name_that_differs_only_in_case_is_refused_with_the_stored_name(browser: Browser) -> None:
    ClientFactory.create(name="Baltic Foods")

    response = preview_file(browser, CLIENTS_URL, "name\nbaltic foods\nNew\nNEW\n")

    assert shown_errors(response) == [
        "2 name There is a client “Baltic Foods” already; upper and lower case are the same.",
        "4 name A client with this name exists already; upper and lower case are the same.",
    ]


@pytest.mark.parametrize("name", ["ΟΔΟΣ", "İstanbul", "STRASSE", "ẞ"])
def test_a_stored_client_is_found_by_its_exact_name(browser: Browser, name: str) -> None:
    ClientFactory.create(name=name)

    preview = preview_file(browser, CLIENTS_URL, f"name\n{name}\n")

    assert "0 new, 0 changed, 1 unchanged." in " ".join(preview.content.decode().split())


def test_the_labels_of_choices_are_accepted(browser: Browser) -> None:
    ClientFactory.create(name="Northwind")

    import_file(
        browser, PIPELINES_URL,
        "client,name,platform,pipeline_type,environment\nNorthwind,a,Vendor API,Health check,Production\n",
    )  # fmt: skip

    assert list(Pipeline.objects.values_list("platform", "pipeline_type", "environment")) == [
        ("vendor_api", "healthcheck", "prod")
    ]


def test_an_error_in_many_rows_is_listed_once_with_the_row_numbers(browser: Browser) -> None:
    lines = [f"Nobody,p{number},dbt,export" for number in range(15)] + ["Nobody,odd,arflow,export"]

    response = preview_file(browser, PIPELINES_URL, "\n".join(["client,name,platform,pipeline_type", *lines]))

    assert shown_errors(response) == [
        "2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 6 more client There is no client “Nobody”.",
        "17 platform “arflow” is not valid. Use one of: airflow, dbt, cron, vendor_api, custom.",
    ]
    assert "16 rows have errors" in " ".join(response.content.decode().split())


def test_a_formula_and_an_empty_required_cell_have_their_own_errors(browser: Browser) -> None:
    ClientFactory.create(name="Northwind")
    heading = ["client", "name", "platform", "pipeline_type"]

    response = preview_file(
        browser, PIPELINES_URL,
        workbook(heading, ["Northwind", "=1+1", "dbt", "export"], ["Northwind", None, "dbt", "export"]),
    )  # fmt: skip

    assert shown_errors(response) == [
        "2 name The cell of name contains a formula; write its value instead.", "3 name This field is required.",
    ]  # fmt: skip
