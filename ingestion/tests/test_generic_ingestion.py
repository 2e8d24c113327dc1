"""The generic partner API: how runs are stored, and how bad input is handled."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, unquote

import pytest
from django.utils import timezone

from ingestion.http import HttpSettings
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer, PartnerServer, Request
from ingestion.tests.support import create_pipelines, generic_connection, ingest, outcomes, row_versions
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db

NOON = "2026-11-20T12:00:00Z"


def make_run(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return a run as the generic API returns it."""
    return {"external_run_id": f"run-{number}", "status": "success", "started_at": NOON, "updated_at": NOON} | fields


@pytest.fixture
def orders(db: None) -> Pipeline:
    return create_pipelines("Northwind", "orders")["orders"]


@pytest.mark.proves("FR-012")
def test_pages_are_read_until_a_page_has_no_cursor(generic_partner: GenericPartner, orders: Pipeline) -> None:
    generic_partner.page_size = 10
    generic_partner.runs["orders"] = [make_run(number) for number in range(25)]

    report = ingest(generic_connection(generic_partner))

    assert (report.pages_processed, outcomes(report)) == (3, {"created": 25})
    assert Run.objects.count() == 25


@pytest.mark.proves("FR-013")
def test_every_field_of_a_run_is_stored(generic_partner: GenericPartner, orders: Pipeline) -> None:
    row = make_run(
        status="failed",
        started_at="2026-11-20T13:00:00+01:00",
        finished_at="2026-11-20T12:05:30.123456789Z",
        rows_processed=5_000_000_000,
        error_message="disk full",
        status_reason="quota",
        extra={"kept": True},
    )
    generic_partner.runs["orders"] = [row]

    ingest(generic_connection(generic_partner))

    run = Run.objects.get()
    assert (run.status, run.error_message, run.status_reason) == ("failed", "disk full", "quota")
    assert run.started_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert (run.duration_seconds, run.rows_processed) == (330, 5_000_000_000)
    assert run.source_updated_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    assert run.payload == row


@pytest.mark.proves("FR-014", "SC-002")
def test_the_second_and_the_third_walk_of_the_same_runs_change_nothing(
    generic_partner: GenericPartner, orders: Pipeline
) -> None:
    generic_partner.runs["orders"] = [make_run(number) for number in range(50)]
    ingest(generic_connection(generic_partner))
    before = row_versions()

    for _ in range(2):
        assert outcomes(ingest(generic_connection(generic_partner))) == {"unchanged": 50}

    assert row_versions() == before


@pytest.mark.proves("FR-013")
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("running in_progress queued pending RUNNING", "running"),
        ("success succeeded completed Success", "success"),
        ("failed failure error errored", "failed"),
        ("canceled cancelled aborted", "canceled"),
        ("skipped", "skipped"),
    ],
)
def test_each_status_word_is_translated(
    generic_partner: GenericPartner, orders: Pipeline, words: str, status: str
) -> None:
    generic_partner.runs["orders"] = [make_run(number, status=word) for number, word in enumerate(words.split())]

    ingest(generic_connection(generic_partner))

    assert set(Run.objects.values_list("status", "status_reason")) == {(status, None)}


def test_an_incremental_walk_starts_at_the_watermark_minus_the_overlap(
    generic_partner: GenericPartner, orders: Pipeline
) -> None:
    generic_partner.runs["orders"] = []
    ingest(generic_connection(generic_partner))
    watermark = Pipeline.objects.get().ingested_through
    assert watermark is not None
    ingest(generic_connection(generic_partner, interval_seconds=60))

    first, second = generic_partner.requests
    assert first.query_value("updated_since") is None
    assert second.query_value("updated_since") == (watermark - timedelta(seconds=120)).isoformat().replace(
        "+00:00", "Z"
    )


def test_an_empty_page_with_a_cursor_is_not_the_last_page(generic_partner: GenericPartner, orders: Pipeline) -> None:
    generic_partner.faults = [
        Answer(body={"runs": [], "next_cursor": "a"}),
        Answer(body={"runs": [make_run(1)], "next_cursor": None}),
    ]

    ingest(generic_connection(generic_partner))

    assert Run.objects.count() == 1


def test_a_repeated_cursor_ends_the_walk_with_an_error_after_its_runs_are_stored(
    generic_partner: GenericPartner, orders: Pipeline
) -> None:
    generic_partner.faults = [Answer(body={"runs": [make_run(number)], "next_cursor": "same"}) for number in range(3)]

    report = ingest(generic_connection(generic_partner))

    assert Run.objects.count() == 2
    assert "next_cursor twice" in str(report.errors)
    assert Pipeline.objects.get().ingested_through is None


BAD_IDS: list[Any] = [{}, {"id": None}, {"id": ""}, {"id": " "}, {"id": "x" * 256}, {"id": ["a"]}, {"id": True}]


@pytest.mark.parametrize("bad", [*BAD_IDS, None, "text", 7, ["list"]], ids=repr)
def test_a_run_without_an_id_is_rejected_and_the_rest_of_its_page_is_stored(
    generic_partner: GenericPartner, orders: Pipeline, bad: Any
) -> None:
    bad_run = {"status": "success"} | bad if isinstance(bad, dict) else bad
    generic_partner.runs["orders"] = [make_run(1), bad_run, make_run(2)]

    report = ingest(generic_connection(generic_partner))

    assert outcomes(report) == {"created": 2, "rejected": 1}
    assert len(report.rejections) == 1
    assert Pipeline.objects.get().ingested_through is not None


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00+00:00"),
        ("2026-11-20T12:00:00", "2026-11-20T12:00:00+00:00"),
        ("2026-11-20 12:00:00", "2026-11-20T12:00:00+00:00"),
        ("2026-11-20T14:30:00+02:30", "2026-11-20T12:00:00+00:00"),
        ("2026-11-20T12:00:00.1Z", "2026-11-20T12:00:00.100000+00:00"),
        ("2026-11-20T12:00:00.123456789Z", "2026-11-20T12:00:00.123456+00:00"),
        (None, None),
        ("", None),
    ],
)
def test_times_are_converted_to_utc(
    generic_partner: GenericPartner, orders: Pipeline, text: Any, stored: str | None
) -> None:
    generic_partner.runs["orders"] = [make_run(started_at=text)]

    ingest(generic_connection(generic_partner))

    run = Run.objects.get()
    assert (run.started_at and run.started_at.isoformat()) == stored
    assert run.status_reason is None


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2026-13-45T99:00:00Z", "0001-01-01T00:00:00+14:00", 1763640000, True, {}, "2026-11-20T12:00:60Z"],
)
def test_a_time_that_cannot_be_read_is_left_out_and_named_in_the_status_reason(
    generic_partner: GenericPartner, orders: Pipeline, value: object
) -> None:
    generic_partner.runs["orders"] = [make_run(started_at=value)]

    ingest(generic_connection(generic_partner))

    run = Run.objects.get()
    assert run.started_at is None
    assert "started_at" in str(run.status_reason)


@pytest.mark.parametrize("value", [-1, 2**63, 1e400, "many", True, [1]])
def test_a_number_that_cannot_be_stored_is_left_out_and_named_in_the_status_reason(
    generic_partner: GenericPartner, orders: Pipeline, value: object
) -> None:
    body = json.dumps({"runs": [make_run(rows_processed=value)], "next_cursor": None}).encode()
    generic_partner.faults = [Answer(body=body)]

    ingest(generic_connection(generic_partner))

    run = Run.objects.get()
    assert run.rows_processed is None
    assert "rows_processed" in str(run.status_reason)


@pytest.mark.parametrize("status", [None, "", "Exploded", 3, ["success"]])
def test_an_unknown_status_is_stored_as_failed_with_the_sources_word(
    generic_partner: GenericPartner, orders: Pipeline, status: object
) -> None:
    generic_partner.runs["orders"] = [make_run(status=status)]

    ingest(generic_connection(generic_partner))

    run = Run.objects.get()
    assert run.status == "failed"
    assert str(run.status_reason).startswith(("unknown status", "no status given"))


def test_a_text_with_sql_html_and_control_characters_is_stored_as_text(
    generic_partner: GenericPartner, orders: Pipeline
) -> None:
    text = "'; DROP TABLE runs; -- \x00 \ud83d \u2028 <script>alert(1)</script> %s {} \U0001f4a5"
    generic_partner.faults = [
        Answer(body=json.dumps({"runs": [make_run(error_message=text)], "next_cursor": None}).encode())
    ]

    ingest(generic_connection(generic_partner))

    stored = str(Run.objects.get().error_message)
    assert "DROP TABLE runs" in stored
    assert "\x00" not in stored


# Faults after which CHM sends the request again, each with a part of the error message if all retries fail.
TEMPORARY_FAULTS = [
    pytest.param(Answer(body=b'{"runs": [{"ext'), "without readable JSON", id="malformed JSON"),
    pytest.param(
        Answer(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"}), "text/html", id="HTML, not JSON"
    ),
    pytest.param(Answer(body=b'{"runs": ' + b"[" * 200_000), "without readable JSON", id="nested without end"),
    pytest.param(Answer(500, {"message": "boom"}), "answered 500: boom", id="500"),
    pytest.param(Answer(503, b""), "answered 503", id="503"),
    pytest.param(Answer(429, {"detail": "slow down"}), "answered 429", id="429 without Retry-After"),
    pytest.param(Answer(closes_connection=True), "closed the connection", id="connection reset"),
    pytest.param(Answer(body={"runs": [make_run()]}, cut_after_bytes=20), "failed", id="body cut short"),
    pytest.param(Answer(body={"runs": []}, delay_seconds=3), "in time", id="no answer"),
]


@pytest.mark.proves("FR-015")
@pytest.mark.parametrize(("fault", "message"), TEMPORARY_FAULTS)
def test_a_temporary_fault_is_retried(
    generic_partner: GenericPartner, orders: Pipeline, fault: Answer, message: str
) -> None:
    generic_partner.page_size = 1
    generic_partner.runs["orders"] = [make_run(1), make_run(2)]
    generic_partner.faults = [None, fault]
    http_settings = HttpSettings(timeout_seconds=0.3, max_retries=2, backoff_seconds=0.01)

    report = ingest(generic_connection(generic_partner, http_settings=http_settings))

    assert (outcomes(report), report.errors) == ({"created": 2}, [])


@pytest.mark.parametrize(("fault", "message"), TEMPORARY_FAULTS)
def test_a_temporary_fault_that_outlasts_all_retries_is_an_error_with_its_reason_after_earlier_pages_are_stored(
    generic_partner: GenericPartner, orders: Pipeline, fault: Answer, message: str
) -> None:
    generic_partner.page_size = 1
    generic_partner.runs["orders"] = [make_run(1), make_run(2)]
    generic_partner.faults = [None, *[fault] * 10]
    http_settings = HttpSettings(timeout_seconds=0.2, max_retries=1, backoff_seconds=0.01)

    report = ingest(generic_connection(generic_partner, http_settings=http_settings))

    assert outcomes(report) == {"created": 1}
    assert message in report.errors[0]["error"]  # type: ignore[operator]
    pipeline = Pipeline.objects.get()
    assert pipeline.last_ingest_error == report.errors[0]["error"]
    assert pipeline.ingested_through is None
    assert len(generic_partner.requests) == 3


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(Answer(400, {"detail": "no"}), "answered 400: no", id="400"),
        pytest.param(Answer(401, {"detail": "Invalid token"}), "answered 401: Invalid token", id="401"),
        pytest.param(Answer(403, {"detail": "Forbidden"}), "answered 403: Forbidden", id="403"),
        pytest.param(Answer(404, {"detail": "No such pipeline"}), "answered 404: No such pipeline", id="404"),
        pytest.param(Answer(302, b"", {"Location": "https://evil.example/x"}), "evil.example", id="redirect"),
        pytest.param(Answer(body=[make_run()]), "is a list, not an object", id="a page that is a list"),
        pytest.param(Answer(body={"next_cursor": None}), "no 'runs'", id="no runs"),
        pytest.param(Answer(body={"runs": {"a": 1}}), "no 'runs' of type list", id="runs of another type"),
        pytest.param(Answer(body={"runs": [], "next_cursor": {"a": 1}}), "next_cursor is a dict", id="odd cursor"),
        pytest.param(Answer(blank_bytes=200 * 2**20), "larger than 32 MB", id="200 MB body"),
        pytest.param(Answer(body={"runs": [{}] * 10_001}), "10001 runs", id="a page with too many runs"),
    ],
)
def test_a_fault_that_a_retry_cannot_correct_is_not_retried(
    generic_partner: GenericPartner, orders: Pipeline, fault: Answer, message: str
) -> None:
    generic_partner.page_size = 1
    generic_partner.runs["orders"] = [make_run(1), make_run(2)]
    generic_partner.faults = [None, fault]

    report = ingest(generic_connection(generic_partner))

    assert outcomes(report) == {"created": 1}
    assert message in str(report.errors[0]["error"])
    assert len(generic_partner.requests) == 2
    assert Pipeline.objects.get().ingested_through is None


@pytest.mark.proves("FR-015")
def test_a_partner_that_sends_its_body_slowly_is_cut_off_at_the_total_time_limit(
    generic_partner: GenericPartner, orders: Pipeline
) -> None:
    generic_partner.faults = [Answer(body={"runs": [make_run()]}, seconds_per_byte=0.1)]
    http_settings = HttpSettings(timeout_seconds=0.2, max_retries=0)

    report = ingest(generic_connection(generic_partner, http_settings=http_settings))

    assert "1.2 s in total" in str(report.errors)


@pytest.mark.proves("FR-015")
@pytest.mark.parametrize("status", [429, 503, 403])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed_as_seconds_and_as_a_date(
    generic_partner: GenericPartner, orders: Pipeline, status: int, form: str
) -> None:
    generic_partner.runs["orders"] = [make_run()]
    times: list[datetime] = []

    def slow_down(_request: object) -> Answer:
        times.append(timezone.now())
        value = "1" if form == "seconds" else format_datetime(timezone.now() + timedelta(seconds=2), usegmt=True)
        return Answer(status, {}, {"Retry-After": value})

    def record_time(_request: object) -> None:
        times.append(timezone.now())

    generic_partner.faults = [slow_down, record_time]

    report = ingest(generic_connection(generic_partner))

    assert outcomes(report) == {"created": 1}
    assert (times[1] - times[0]).total_seconds() >= 0.95


def test_a_pipeline_that_fails_does_not_stop_the_others(generic_partner: GenericPartner, db: None) -> None:
    create_pipelines("Northwind", "unknown-to-the-partner", "orders")
    generic_partner.runs["orders"] = [make_run()]

    report = ingest(generic_connection(generic_partner))

    assert report.pipelines_processed == 1
    assert [error["pipeline"] for error in report.errors] == ["unknown-to-the-partner"]
    assert Run.objects.count() == 1


def test_the_next_complete_walk_removes_the_error(generic_partner: GenericPartner, orders: Pipeline) -> None:
    generic_partner.runs["orders"] = [make_run()]
    generic_partner.faults = [Answer(400, {})]
    ingest(generic_connection(generic_partner))
    assert Pipeline.objects.get().last_ingest_error is not None

    ingest(generic_connection(generic_partner))

    pipeline = Pipeline.objects.get()
    assert pipeline.last_ingest_error is None
    assert pipeline.ingested_through is not None


def test_a_partner_that_is_down_does_not_get_a_request_for_every_pipeline(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class UnavailablePartner(PartnerServer):
        def answer(self, request: object) -> Answer:
            return Answer(503, {})

    monkeypatch.setenv("CHM_TEST_PARTNER_SECRET", "x")
    create_pipelines("Northwind", *(f"pipeline-{number}" for number in range(20)))
    with UnavailablePartner() as partner:
        report = ingest(generic_connection(partner, http_settings=HttpSettings(max_retries=0)))

        assert len(partner.requests) == 3
    assert Pipeline.objects.filter(last_ingest_error__contains="503").count() == 20
    assert report.pipelines_processed == 0


def test_the_error_of_one_pipeline_does_not_show_its_id_to_other_clients(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class UnavailablePartner(PartnerServer):
        def answer(self, request: Request) -> Answer:
            return Answer(503, {"detail": f"Down for maintenance of {unquote(request.path.split('/')[-2])}"})

    monkeypatch.setenv("CHM_TEST_PARTNER_SECRET", "x")
    walked = create_pipelines("Secret Client", *(f"secret/client.orders{suffix}" for suffix in ("", "-2", ".3")))
    now = timezone.now()
    # The pipelines with a watermark are walked first.
    Pipeline.objects.filter(pk__in=[row.pk for row in walked.values()]).update(ingested_through=now)
    others = create_pipelines("Northwind", "load")
    with UnavailablePartner() as partner:
        ingest(generic_connection(partner, http_settings=HttpSettings(max_retries=0)))

    for external_id, pipeline in walked.items():
        pipeline.refresh_from_db()
        path = f"/pipelines/{quote(external_id, safe='')}/runs"
        assert str(pipeline.last_ingest_error).startswith(f"GET {path} answered 503"), external_id
    others["load"].refresh_from_db()
    error = str(others["load"].last_ingest_error)
    assert error.startswith("GET /pipelines/…/runs answered 503: Down for maintenance of ")
    assert "secret" not in error


def test_ids_with_any_characters_are_sent_in_the_path(generic_partner: GenericPartner, db: None) -> None:
    names = ["a/b", "ü ber", "a+b:c~d.e", "50%", "?x=1#y", "..", "."]
    create_pipelines("Northwind", *names)
    for number, name in enumerate(names):
        generic_partner.runs[name] = [make_run(number)]

    report = ingest(generic_connection(generic_partner))

    stored = set(Run.objects.values_list("pipeline__external_id", flat=True))
    # HTTP clients may remove "." and ".." from a path. So a request for these ids gives an error. It must not return
    # the runs of another pipeline.
    assert stored >= set(names) - {".", ".."}
    assert report.pipelines_processed == len(stored)


@pytest.mark.proves("SE-002")
def test_the_partners_secret_is_in_no_message(generic_partner: GenericPartner, orders: Pipeline) -> None:
    generic_partner.faults = [Answer(400, {"detail": "bad header Bearer partner-token-1 for partner-token-1"})]

    report = ingest(generic_connection(generic_partner))

    assert "partner-token-1" not in str(report)
    assert "partner-token-1" not in str(Pipeline.objects.get().last_ingest_error)
