"""The declarative connector: kinds of paging, mistakes in descriptions, and bad responses."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion.connections import ConfigurationError
from ingestion.connectors.declarative import canonical_status, read_duration, read_time
from ingestion.connectors.source_description import SourceDescription
from ingestion.synthetic.partner import Answer, Request
from ingestion.tests.scripted_partner import DESCRIPTION_TOML, ScriptedPartner, WriteConnection, make_row
from ingestion.tests.support import create_pipelines, ingest, outcomes, row_versions
from inventory.models import Pipeline
from runs.models import Run


@pytest.fixture
def partner(db: None) -> Any:
    create_pipelines("Northwind", "orders", platform="custom")
    with ScriptedPartner() as server:
        yield server


def paged_script(
    page_size: int, row_count: int, parameter: str, *, with_total: bool = False
) -> Callable[[Request], Answer]:
    """Return a script that serves pages by offset if the parameter is "offset", else by page number."""

    def answer(request: Request) -> Answer:
        requested = int(request.query_value(parameter) or 0)
        first = requested if parameter == "offset" else (requested - 1) * page_size
        page = [make_row(number) for number in range(row_count)][first : first + page_size]
        return Answer(body={"runs": page} | ({"total": row_count} if with_total else {}))

    return answer


@pytest.mark.parametrize("with_total", [True, False])
@pytest.mark.parametrize("kind", ["offset", "page"])
def test_all_pages_by_offset_or_by_number_are_read(
    partner: ScriptedPartner, write_connection: WriteConnection, kind: str, with_total: bool
) -> None:
    partner.script = paged_script(10, 40, parameter=kind, with_total=with_total)
    paging = f'[paging]\nkind = "{kind}"\nparam = "{kind}"\n' + ('total = "total"\n' if with_total else "")
    report = ingest(write_connection(partner, DESCRIPTION_TOML + paging))
    assert not report.errors
    assert report.created == 40
    # By offset, each page begins with the last row of the page before, so one more page is needed. Without a total, the
    # walk ends at the first page without new rows.
    assert len(partner.requests) == 4 + (not with_total) + (kind == "offset")


def test_no_run_is_missed_if_rows_before_the_page_are_deleted(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    rows = [make_row(number) for number in range(40)]

    def answer(request: Request) -> Answer:
        page = int(request.query_value("page") or 1)
        if page == 2 and len(rows) == 40:
            del rows[:5]
        return Answer(body={"runs": rows[(page - 1) * 10 : page * 10], "total": len(rows)})

    partner.script = answer
    report = ingest(
        write_connection(partner, DESCRIPTION_TOML + '[paging]\nkind = "page"\nparam = "page"\ntotal = "total"\n')
    )
    assert not report.errors
    assert Run.objects.count() == 40


def test_urls_of_next_pages_are_followed_on_the_same_host(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    def answer(request: Request) -> Answer:
        page = int(request.query_value("after") or 0)
        following = [
            f"?after={page + 1}",
            f"/api/jobs/orders/runs?after={page + 1}",
            f"https://127.0.0.1/api/jobs/orders/runs?after={page + 1}",  # behind a proxy with TLS
            None,
        ][page]
        return Answer(body={"runs": [make_row(page)], "links": {"next": following}})

    partner.script = answer
    report = ingest(write_connection(partner, DESCRIPTION_TOML + '[paging]\nkind = "next_url"\nnext = "links.next"\n'))
    assert not report.errors
    assert [request.query_value("after") for request in partner.requests] == [None, "1", "2", "3"]
    assert report.created == 4


@pytest.mark.parametrize("address", ["https://evil.example/api?after=1", "//evil.example/x", "http://[bad"])
def test_a_url_of_a_next_page_on_another_host_is_never_followed(
    partner: ScriptedPartner, write_connection: WriteConnection, address: str
) -> None:
    partner.script = lambda request: Answer(body={"runs": [make_row(1)], "next": address})
    report = ingest(write_connection(partner, DESCRIPTION_TOML + '[paging]\nkind = "next_url"\nnext = "next"\n'))
    [problem] = report.errors
    assert "next page" in str(problem["error"])
    assert (len(partner.requests), report.created) == (1, 1)
    assert Pipeline.objects.get().ingested_through is None


@pytest.mark.parametrize(
    ("paging", "answer", "message"),
    [
        ('kind = "cursor"\nparam = "c"\nnext = "next"', {"next": "same"}, "twice"),
        ('kind = "next_url"\nnext = "next"', {"next": "/api/again"}, "twice"),
        ('kind = "offset"\nparam = "o"', {}, "same page twice"),
        ('kind = "page"\nparam = "p"', {}, "same page twice"),
    ],
)
def test_a_listing_that_repeats_its_pages_ends_with_an_error(
    partner: ScriptedPartner, write_connection: WriteConnection, paging: str, answer: dict[str, Any], message: str
) -> None:
    partner.script = lambda request: Answer(body={"runs": [make_row(1)]} | answer)
    [problem] = ingest(write_connection(partner, f"{DESCRIPTION_TOML}[paging]\n{paging}\n")).errors
    assert message in str(problem["error"])
    assert len(partner.requests) <= 3


def test_the_listing_ends_when_the_field_for_more_pages_is_false(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    partner.script = lambda request: Answer(body={"runs": [make_row(1)], "next": "x", "has_more": False})
    paging = '[paging]\nkind = "cursor"\nparam = "c"\nnext = "next"\nmore = "has_more"\n'
    assert not ingest(write_connection(partner, DESCRIPTION_TOML + paging)).errors
    assert len(partner.requests) == 1


def test_a_cursor_is_sent_in_the_body_if_the_request_has_one(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    def answer(request: Request) -> Answer:
        requested = json.loads(request.body)
        assert requested["jobs"] == ["orders"]
        page = int(requested.get("token", 0))
        return Answer(body={"runs": [make_row(page)], "next": page + 1 if page < 2 else None})

    partner.script = answer
    source = DESCRIPTION_TOML.replace(
        'path = "/jobs/{external_id}/runs"', 'method = "POST"\npath = "/search"\nbody = { jobs = ["{external_id}"] }'
    )
    report = ingest(write_connection(partner, source + '[paging]\nkind = "cursor"\nparam = "token"\nnext = "next"\n'))
    assert (report.errors, report.created) == ([], 3)


def test_a_bad_item_is_rejected_or_corrected_and_the_others_are_stored(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    rows = [
        make_row(1),
        "nonsense",
        None,
        make_row(2, id=None),
        make_row(3, parts=[{"rows": "many"}]),
        make_row(4, start="soon", state={"odd": 1}, result=7),
        make_row(5, state="exploded", result=None),
        make_row(6, state="planned", result=None),
        make_row(7, state="OVER ", result="whatever"),
    ]
    partner.script = lambda request: Answer(body={"runs": rows})

    report = ingest(write_connection(partner, DESCRIPTION_TOML))

    assert (report.errors, report.rejected) == ([], 3)
    runs = {run.external_run_id: run for run in Run.objects.all()}
    assert runs.keys() == {"1", "3", "4", "5", "7"}
    assert (runs["1"].rows_processed, runs["1"].status, runs["1"].duration_seconds) == (5, "success", 90)
    assert "rows_processed left out: 'sum(parts[].rows)' does not fit this run" in str(runs["3"].status_reason)
    assert runs["3"].status == "success"
    assert (runs["4"].status, runs["4"].started_at) == ("failed", None)
    assert 'unknown status "exploded"' in str(runs["5"].status_reason)
    assert runs["7"].status == "success"


@pytest.mark.parametrize("body", [{"runs": {"id": 1}}, {"runs": None}, {}, [], "text", None, 3])
def test_a_response_without_the_list_is_an_error_that_names_its_expression(
    partner: ScriptedPartner, write_connection: WriteConnection, body: Any
) -> None:
    partner.script = lambda request: Answer(body=body)
    [problem] = ingest(write_connection(partner, DESCRIPTION_TOML)).errors
    assert "no list at 'runs'" in str(problem["error"])
    assert Pipeline.objects.get().ingested_through is None


def test_ids_are_encoded_and_the_start_is_sent_in_the_described_format(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    create_pipelines("Northwind", "a/b c?ü", platform="custom")
    Pipeline.objects.update(ingested_through=datetime(2026, 11, 20, 12, 2, tzinfo=UTC))
    source = DESCRIPTION_TOML + '[since]\ntime_format = "{}"\nquery = {{ from = "{{since}}" }}\n'
    sent = {}
    for time_format in ("iso", "epoch", "epoch_ms", "date"):
        partner.requests.clear()
        ingest(write_connection(partner, source.replace("{}", time_format).replace("{{", "{").replace("}}", "}")))
        sent[time_format] = partner.requests[-1].query_value("from")
        Pipeline.objects.update(ingested_through=datetime(2026, 11, 20, 12, 2, tzinfo=UTC))
    assert sent == {
        "iso": "2026-11-20T12:00:00Z",
        "epoch": "1795176000.0",
        "epoch_ms": "1795176000000",
        "date": "2026-11-20",
    }
    assert {request.path for request in partner.requests} == {
        "/api/jobs/orders/runs",
        "/api/jobs/a%2Fb%20c%3F%C3%BC/runs",
    }


def test_fields_that_differ_in_every_response_are_dropped_before_the_comparison(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    partner.script = lambda request: Answer(
        body={
            "runs": [make_row(1, requested=len(partner.requests), links={"self": "x", "signed": len(partner.requests)})]
        }
    )
    connection = write_connection(partner, 'drop = ["requested", "links.signed"]\n' + DESCRIPTION_TOML)
    ingest(connection)
    before = row_versions()
    assert outcomes(ingest(connection)) == {"unchanged": 1}
    assert row_versions() == before
    assert Run.objects.get().payload == make_row(1, links={"self": "x"})


@pytest.mark.parametrize(
    ("first_lines", "status"),
    [
        ('version = "asked"', "running"),
        ('version = "asked"\nreopens = false', "success"),
        ('version = "none"', "success"),
    ],
)
def test_the_description_decides_whether_an_ended_run_becomes_running_again(
    partner: ScriptedPartner, write_connection: WriteConnection, first_lines: str, status: str
) -> None:
    rows = [make_row(1)]
    partner.script = lambda request: Answer(body={"runs": rows})
    connection = write_connection(partner, f"{first_lines}\n{DESCRIPTION_TOML}")
    ingest(connection)
    rows[0] = make_row(1, state="active", result=None, end=None)
    ingest(connection)
    assert Run.objects.get().status == status


def test_a_404_of_a_proxy_in_front_of_the_api_does_not_cancel_a_run(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    source = DESCRIPTION_TOML + '[one_run]\npath = "/jobs/{external_id}/runs/{external_run_id}"\n'
    partner.script = lambda request: Answer(body={"runs": [make_row(1, state="active", result=None, end=None)]})
    ingest(write_connection(partner, source))

    partner.script = lambda request: (
        Answer(body={"runs": []}) if request.path.endswith("runs") else Answer(404, b"<html>not here</html>")
    )
    [problem] = ingest(write_connection(partner, source)).errors
    assert "404" in str(problem["error"])
    assert Run.objects.get().status == "running"

    partner.script = lambda request: (
        Answer(body={"runs": []}) if request.path.endswith("runs") else Answer(404, {"code": "gone"})
    )
    assert not ingest(write_connection(partner, source)).errors
    assert Run.objects.get().status == "canceled"


def test_the_end_of_a_shared_run_is_stored_for_both_clients_in_one_tick(
    partner: ScriptedPartner, write_connection: WriteConnection
) -> None:
    create_pipelines("Contoso", "orders")
    source = DESCRIPTION_TOML + '[one_run]\npath = "/jobs/{external_id}/runs/{external_run_id}"\n'
    partner.script = lambda request: Answer(body={"runs": [make_row(1, state="active", result=None, end=None)]})
    ingest(write_connection(partner, source))
    assert list(Run.objects.values_list("status", flat=True)) == ["running", "running"]

    partner.script = lambda request: Answer(body={"runs": []} if request.path.endswith("runs") else make_row(1))
    partner.requests.clear()
    ingest(write_connection(partner, source))

    assert list(Run.objects.values_list("status", flat=True)) == ["success", "success"]
    assert len(partner.requests) == 2, "one listing, and one request for the run of both"


def test_all_mistakes_of_a_description_are_reported_together(write_connection: WriteConnection) -> None:
    with pytest.raises(ConfigurationError) as error:
        write_connection(
            None,
            """
items = "runs["
colour = "blue"
time_format = "roman"
reopens = "yes"
[request]
path = "runs?job={extrenal_id}"
body = { a = 1 }
query = { limit = true }
[since]
query = { from = "{sinse}" }
lookback_seconds = -1
[one_run]
gone = "perhaps"
[paging]
kind = "cursor"
[fields]
started_at = "a..b"
begun_at = "x"
[status]
running = ["on", "idle"]
success = ["Idle"]
broken = ["x"]
""",
        )
    text = str(error.value)
    for expected in (
        "source.items: 'runs[' is not a JMESPath expression",
        "source.colour: is not a setting",
        "source.time_format: must be one of iso, epoch, epoch_ms",
        "source.reopens: must be true or false",
        "source.request.path: must begin with /",
        "source.request: {extrenal_id} is not a placeholder here (only {external_id}, {now})",
        'source.request.body: requires method = "POST"',
        "source.request.query: values must be texts",
        "source.since: {sinse} is not a placeholder here",
        "source.since.lookback_seconds: must be a number from 0",
        "source.one_run.path: is missing",
        "source.one_run.gone: must be true or false",
        "source.paging.param: is missing (cursor requires it)",
        "source.paging.next: is missing (cursor requires it)",
        "source.fields.external_run_id: is missing",
        "source.fields.pipeline: is missing",
        "source.fields.started_at: 'a..b' is not a JMESPath expression",
        "source.fields.begun_at: is not a setting",
        "source.status.words: is missing",
        "source.status.success: 'idle' is also under running",
        "source.status.broken: is not a setting",
    ):
        assert expected in text


def test_a_list_of_open_runs_for_one_pipeline_is_refused(write_connection: WriteConnection) -> None:
    open_runs = '[open_runs]\nquery = { open = "1" }\n'
    with pytest.raises(ConfigurationError, match=r"source\.open_runs: one request lists the open runs of all"):
        write_connection(None, DESCRIPTION_TOML + open_runs)

    write_connection(None, DESCRIPTION_TOML + open_runs + 'path = "/runs"\n')


def test_a_connector_in_python_does_not_use_a_source_table(write_connection: WriteConnection) -> None:
    with pytest.raises(ConfigurationError, match=r"house\.source: the connector airflow does not use a table source"):
        write_connection(None, DESCRIPTION_TOML, connector="airflow")


def test_times_and_durations_are_read_as_described() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert read_time(1795176000, "epoch") == noon
    assert read_time("1795176000.25", "epoch") == noon + timedelta(milliseconds=250)
    assert read_time(1795176000000, "epoch_ms") == noon
    assert read_time(0, "epoch_ms") is None
    assert read_time(1e300, "epoch") == "1e+300"
    assert [read_time(odd, "epoch") for odd in (None, "soon", True, [1])] == [None, "soon", True, [1]]
    assert read_time("2026-11-20T12:00:00+01:00", "iso") == "2026-11-20T12:00:00+01:00"
    assert read_duration(1500, "milliseconds") == 1.5
    assert read_duration("PT1H2M", "iso8601") == 3720
    assert read_duration("a while", "iso8601") == "a while"
    assert read_duration(7, "seconds") == 7


def test_all_status_words_together_have_precedence_over_the_first_word() -> None:
    source = SourceDescription(statuses={"done": "success", "done/bad": "failed"})
    assert [canonical_status(source, word) for word in ("Done", "DONE/BAD", "done/odd", "odd", None)] == [
        "success",
        "failed",
        "success",
        "odd",
        None,
    ]
