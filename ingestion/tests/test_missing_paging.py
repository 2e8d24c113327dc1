"""If an API description does not say how to get the next page, CHM reports a partner that has more pages."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from ingestion.synthetic.partner import Answer
from ingestion.tests.scripted_partner import DESCRIPTION_TOML, ScriptedPartner, WriteConnection, make_row
from ingestion.tests.support import create_pipelines, ingest
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner(db: None) -> Any:
    create_pipelines("Northwind", "orders", platform="custom")
    with ScriptedPartner() as server:
        yield server


ROWS = [make_row(number) for number in range(4)]
RESPONSES_WITH_NEXT_PAGE = {
    "link header": Answer(body={"runs": ROWS}, headers={"Link": '<http://x/api?page=2>; rel="next"'}),
    "cursor": Answer(body={"runs": ROWS, "next_cursor": "abc"}),
    "nested": Answer(body={"runs": ROWS, "meta": {"hasMore": True}}),
}


@pytest.mark.parametrize("next_page", RESPONSES_WITH_NEXT_PAGE)
def test_a_next_page_without_described_paging_is_an_error_after_the_runs_are_stored(
    partner: ScriptedPartner, write_connection: WriteConnection, next_page: str
) -> None:
    partner.script = lambda request: RESPONSES_WITH_NEXT_PAGE[next_page]

    [problem] = ingest(write_connection(partner, DESCRIPTION_TOML)).errors

    assert "describe source.paging" in str(problem["error"])
    assert Run.objects.count() == 4
    assert Pipeline.objects.get().ingested_through is None, "an incomplete walk sets no watermark"


def test_paging_of_kind_none_reads_only_the_first_page(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    partner.script = lambda request: RESPONSES_WITH_NEXT_PAGE["cursor"]

    assert ingest(write_connection(partner, DESCRIPTION_TOML + '[paging]\nkind = "none"\n')).errors == []


@pytest.mark.parametrize("body", [{"next": None}, {"next_cursor": ""}, {"has_more": False}, {"links": {"next": None}}])
def test_a_response_without_a_next_page_is_complete(
    partner: ScriptedPartner, write_connection: WriteConnection, body: Any
) -> None:
    partner.script = lambda request: Answer(body={"runs": ROWS} | body)

    report = ingest(write_connection(partner, DESCRIPTION_TOML))

    assert (report.errors, report.notices) == ([], set())


def test_a_notice_is_shown_if_a_page_looks_full(partner: ScriptedPartner, write_connection: WriteConnection) -> None:
    partner.script = lambda request: Answer(body={"runs": [make_row(number) for number in range(25)]})

    report = ingest(write_connection(partner, DESCRIPTION_TOML))

    assert report.errors == []
    assert report.notices == {"the page has exactly 25 runs and source.paging is missing, so there may be more runs"}


def check_output() -> str:
    out = StringIO()
    call_command("check_connection", "house", stdout=out)
    return out.getvalue()


def test_check_connection_shows_the_next_page_and_unreadable_times(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    partner.script = lambda request: RESPONSES_WITH_NEXT_PAGE["link header"]
    write_connection(partner, DESCRIPTION_TOML)
    assert "describe source.paging" in check_output()

    partner.script = lambda request: Answer(body={"runs": [make_row(1, start="soon", end="17:00 o'clock")]})
    output = check_output()
    assert "times that could not be read: 2" in output
    assert "next page: none" in output

    partner.script = lambda request: Answer(body={"runs": [make_row(int(request.query_value("page") or 1))]})
    write_connection(partner, DESCRIPTION_TOML + '[paging]\nkind = "page"\nparam = "page"\n')
    assert "next page: follows" in check_output()
    assert not Run.objects.exists()
