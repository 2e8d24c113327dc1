"""/ping/{key}: requests of curl, cron and Healthchecks clients."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from chm_project.access.models import ApiToken, Scope
from chm_project.access.path_keys import visible_part
from chm_project.access.services import create_token, revoke_token
from chm_project.tests.api import api_with_scope
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.push.pings import read_ping, run_event
from runs.reporting.run_shapes import run_shape
from runs.run_querysets import newest_open_first
from runs.services import record_runs

pytestmark = pytest.mark.django_db

RID = "0c8983c9-9d73-446f-adb5-0641fdacc9d4"
OTHER_RID = "1c8983c9-9d73-446f-adb5-0641fdacc9d4"


@pytest.fixture
def pipeline() -> Pipeline:
    return PipelineFactory.create(platform="cron", external_id=None)


def create_ping_key(pipeline: Pipeline | None, scope: Scope = Scope.INGEST, **fields: Any) -> str:
    _, key = create_token(name="cron", scope=scope, pipeline_id=pipeline.pk if pipeline else None, **fields)
    return key


@pytest.fixture
def key(pipeline: Pipeline) -> str:
    return create_ping_key(pipeline)


def ping(key: str, suffix: str = "", body: str | bytes = b"", method: str = "get") -> Any:
    address = f"/ping/{key}{suffix}"
    if body:
        return Browser().post(address, body, content_type="application/x-www-form-urlencoded")
    return getattr(Browser(), method)(address)


def assert_ok(response: Any) -> None:
    assert (response.status_code, response.content.decode()) == (200, "OK")
    assert response["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("suffix", "status", "reason"),
    [("", "success", None), ("/", "success", None), ("/0", "success", None), ("/1", "failed", "exit status 1"),
     ("/255", "failed", "exit status 255"), ("/fail", "failed", None), ("/start", "running", None)],
)  # fmt: skip
def test_a_single_ping_stores_a_run(
    pipeline: Pipeline, key: str, suffix: str, status: str, reason: str, method: str
) -> None:
    assert_ok(ping(key, suffix, method=method))

    run = pipeline.runs.get()
    assert (run.status, run.status_reason) == (status, reason)
    assert run.started_at is not None
    assert (run.finished_at == run.started_at) == (status != "running")


def test_a_head_request_pings_too(pipeline: Pipeline, key: str) -> None:
    assert Browser().head(f"/ping/{key}").status_code == 200
    assert pipeline.runs.get().status == "success"


@pytest.mark.parametrize(("end", "status"), [("", "success"), ("/fail", "failed"), ("/3", "failed")])
def test_pings_with_the_same_rid_are_one_run(pipeline: Pipeline, key: str, end: str, status: str) -> None:
    assert_ok(ping(key, f"/start?rid={RID}"))
    assert_ok(ping(key, f"/start?rid={OTHER_RID}"))
    assert_ok(ping(key, f"{end}?rid={RID.upper()}"))

    assert {run.external_run_id: run.status for run in pipeline.runs.all()} == {RID: status, OTHER_RID: "running"}
    assert pipeline.runs.get(external_run_id=RID).duration_seconds == 0


def test_an_end_ping_without_a_rid_ends_the_newest_open_run(pipeline: Pipeline, key: str) -> None:
    ping(key, "/start")
    ping(key, "/start")
    oldest, newest = pipeline.runs.order_by("started_at")
    assert_ok(ping(key, "/fail"))
    assert [Run.objects.get(pk=run.pk).status for run in (oldest, newest)] == ["running", "failed"]

    ping(key)
    ping(key)
    assert [run.status for run in pipeline.runs.order_by("started_at")] == ["success", "failed", "success"]


def test_a_ping_does_not_end_an_open_run_of_another_pipeline(key: str) -> None:
    other_pipeline = PipelineFactory.create()
    ping(create_ping_key(other_pipeline), "/start")
    ping(key)
    assert other_pipeline.runs.get().status == "running"


def test_a_log_ping_does_not_change_the_status(pipeline: Pipeline, key: str) -> None:
    assert_ok(ping(key, "/log", "nothing is running"))
    assert_ok(ping(key, f"/log?rid={RID}", "nor this"))
    assert not pipeline.runs.exists()

    ping(key, f"/start?rid={RID}")
    assert_ok(ping(key, "/log", "half of it"))
    run = pipeline.runs.get()
    assert (run.status, run.payload) == ("running", {"ping": "log", "body": "half of it"})

    ping(key, f"?rid={RID}")
    assert_ok(ping(key, f"/log?rid={RID}", "afterwards"))
    assert pipeline.runs.get().status == "success"


def test_a_log_that_is_stored_after_the_end_does_not_reopen_the_run(pipeline: Pipeline) -> None:
    """The run was open when the request of the log ping looked for it. The run ended before the log was stored."""
    now = timezone.now()
    for suffix, moment in (("start", now), ("", now + timedelta(seconds=1)), ("log", now + timedelta(seconds=2))):
        ping = read_ping(suffix, b"")
        assert ping is not None
        record_runs([run_event(ping, pipeline_id=pipeline.pk, external_run_id=RID, received_at=moment)])

    run = pipeline.runs.get()
    assert (run.status, run.started_at, run.duration_seconds) == ("success", now, 1)


def test_a_body_is_scrubbed_and_cut_before_it_is_stored(pipeline: Pipeline, key: str) -> None:
    ping(key, f"/fail?rid={RID}", f"cannot reach postgres://me:hunter2@db; curl {key}\0" + "x" * 100_000)
    run = pipeline.runs.get()
    assert run.error_message is not None
    assert run.error_message.startswith("cannot reach postgres://[filtered]@db; curl [filtered]")
    assert len(run.error_message) < 10_100

    assert_ok(ping(key, f"?rid={RID}", b"\xff\xfe 7 rows"))
    run = pipeline.runs.get()
    assert run.payload == {"ping": "success", "body": "�� 7 rows"}
    assert run.error_message is None


def test_a_secret_at_the_cut_is_removed_completely(pipeline: Pipeline, key: str) -> None:
    secret = "AKIA" + "Z" * 16
    ping(key, "/fail", "x" * 9_985 + f" {secret} " + "y" * 10_000)
    run = pipeline.runs.get()
    assert run.error_message is not None
    assert "AKIA" not in run.error_message
    assert len(run.error_message) == 10_000


@pytest.mark.parametrize(
    "suffix", ["/256", "/999", "/1000", "/-1", "/٣", "/begin", "/start/fail", "/fail/x", "//start"]
)
def test_an_unknown_suffix_returns_404(key: str, suffix: str) -> None:
    assert ping(key, suffix).status_code == 404
    assert not Run.objects.exists()


@pytest.mark.parametrize("rid", ["", "7", "x" * 5_000, "%00", "%ED%A0%80"])
def test_a_rid_that_is_not_a_uuid_is_refused(key: str, rid: str) -> None:
    response = ping(key, f"?rid={rid}")
    assert (response.status_code, response.content) == (400, b"rid is not a UUID")
    assert not Run.objects.exists()


def test_a_token_that_is_not_a_ping_key_returns_404(pipeline: Pipeline) -> None:
    expired = create_ping_key(pipeline, expires_at=timezone.now() - timedelta(days=1))
    revoked = create_ping_key(pipeline)
    revoke_token(token=ApiToken.objects.latest("created_at"))
    wrong_keys = [
        "x", "chm_abcdefgh_" + "x" * 40, str(pipeline.pk), expired, revoked,
        create_ping_key(None), create_ping_key(None, client_id=pipeline.client_id),
        *(create_ping_key(pipeline, scope) for scope in (Scope.READ, Scope.WRITE, Scope.ADMIN)),
    ]  # fmt: skip
    for key in wrong_keys:
        for response in (ping(key), ping(key, "/fail", "text")):
            assert (response.status_code, response.content) == (404, b"not found")
            assert response["Content-Type"].startswith("text/plain")
    assert not Run.objects.exists()


def test_other_methods_are_refused_in_plain_text(key: str) -> None:
    for method in ("put", "patch", "delete", "options", "trace"):
        response = ping(key, method=method)
        assert response.status_code == 405
        assert "HEAD" in response["Allow"]
    assert not Run.objects.exists()


def test_a_ping_needs_one_write_and_at_most_one_lookup(pipeline: Pipeline, key: str) -> None:
    ping(key)  # stores when the key was last used, at most once in five minutes
    for suffix, lookups in ((f"/start?rid={RID}", 0), (f"?rid={RID}", 0), ("/start", 0), ("", 1), ("/log", 1)):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            ping(key, suffix)
        statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
        token_query, *run_queries = statements
        assert "api_tokens" in token_query
        reads, writes = run_queries[:lookups], run_queries[lookups:]
        assert [sql.count('FROM "runs"') for sql in reads] == [1] * lookups
        assert len(writes) == (0 if suffix == "/log" else 1), suffix


def test_the_query_for_the_newest_open_run_uses_the_index_runs_open(pipeline: Pipeline) -> None:
    """PostgreSQL uses the index even if its statistics say that half of all runs are open."""
    with connection.cursor() as cursor:
        for owner, status in ((pipeline, "success"), (PipelineFactory.create(), "running")):
            cursor.execute(
                "INSERT INTO runs (id, pipeline_id, external_run_id, status, started_at)"
                " SELECT gen_random_uuid(), %s, n, %s, now() FROM generate_series(1, 5000) AS n",
                [owner.pk, status],
            )
        for has_statistics in (False, True):
            if has_statistics:
                cursor.execute("ANALYZE runs")
            plan = newest_open_first(Run.objects.filter(pipeline=pipeline))[:1].explain()
            assert "runs_open" in plan, plan


def test_too_many_pings_of_one_key_get_429_and_retry_after(pipeline: Pipeline, settings: Settings) -> None:
    """New run ids do not bypass the limit of a key."""
    settings.CHM_THROTTLE_TOKEN = "3/day"
    key, other_key = create_ping_key(pipeline), create_ping_key(PipelineFactory.create())
    for number in range(30):
        response = ping(key, f"/start?rid={UUID(int=number)}")
    assert response.status_code == 429
    assert response.content.startswith(b"try again in ")
    assert int(response["Retry-After"]) >= 1
    assert pipeline.runs.count() == 3
    assert_ok(ping(other_key))


def test_an_address_that_guesses_keys_gets_429_after_the_limit(key: str, settings: Settings) -> None:
    settings.CHM_THROTTLE_REFUSED = "2/day"
    other_address = Browser(REMOTE_ADDR="10.0.0.9")
    statuses = [other_address.get(f"/ping/guess-{number}").status_code for number in range(4)]
    assert statuses == [404, 404, 429, 429]
    assert_ok(ping(key))


def test_production_refuses_a_ping_over_plain_http_instead_of_redirecting(key: str, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [r"^ping/"]
    response = ping(key)
    assert response.status_code == 403
    assert b"https" in response.content
    assert not Run.objects.exists()
    assert_ok(Browser().get(f"/ping/{key}", secure=True))


# Logs and error pages do not show the key


@pytest.fixture
def all_log_records() -> Iterator[list[logging.LogRecord]]:
    """Return a list that receives every log record of every logger."""
    records: list[logging.LogRecord] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    handler, root = Collector(level=1), logging.getLogger()
    root.addHandler(handler)
    yield records
    root.removeHandler(handler)


def test_no_log_and_no_error_page_shows_a_key(
    pipeline: Pipeline, key: str, settings: Settings, all_log_records: list[logging.LogRecord]
) -> None:
    settings.DEBUG = True
    browser = Browser(raise_request_exception=False)
    pages = [browser.get(f"/ping/{key}{suffix}") for suffix in ("/begin", "/start/fail", "/999", "?rid=7", "")]
    pages.append(browser.put(f"/ping/{key}"))
    pages.append(browser.get(f"/ping/{key}", HTTP_HOST="no_host.example"))  # refused by a middleware
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE runs RENAME TO elsewhere")
        cursor.execute("SAVEPOINT broken")
        pages.append(browser.get(f"/ping/{key}"))
        cursor.execute("ROLLBACK TO SAVEPOINT broken")
        cursor.execute("ALTER TABLE api_tokens RENAME TO tokens_elsewhere")
        pages.append(browser.get(f"/ping/{key}"))

    assert {page.status_code for page in pages} == {200, 400, 404, 405, 500}
    texts = [logging.Formatter().format(record) + str(vars(record)) for record in all_log_records]
    texts += [str(vars(record["request"]) | record["request"].META) for record in map(vars, all_log_records)
             if "request" in record]  # fmt: skip
    assert any(visible_part(key) in line for line in texts), "the visible part identifies the key"
    for text in (*texts, *(page.content.decode() for page in pages)):
        assert key not in text
        assert key[13:] not in text


# A cron job that stops sending pings


def test_a_cron_job_that_stops_pinging_is_late_by_rule_6_of_decision_0016(pipeline: Pipeline, key: str) -> None:
    """After nine days of pings every eight hours, the job is late two hours after the next ping was due."""
    for _ in range(28):
        assert_ok(ping(key))
    # CHM has received all these pings just now. Move their runs into the past, eight hours apart.
    last = timezone.now() - timedelta(hours=1)
    for number, run in enumerate(pipeline.runs.order_by("-started_at", "-id")):
        moment = last - timedelta(hours=8 * number)
        Run.objects.filter(pk=run.pk).update(started_at=moment, finished_at=moment)

    late_from = last + timedelta(hours=10)

    assert not run_shape("late_pipelines", as_of=late_from - timedelta(seconds=1))
    [row] = run_shape("late_pipelines", as_of=late_from + timedelta(seconds=1))
    assert (row["pipeline_name"], row["platform"], row["expected_by"]) == (pipeline.name, "cron", late_from)
    assert (row["expected_at"], row["usual_gap_minutes"]) == (last + timedelta(hours=8), 480)

    assert_ok(ping(key))
    assert not run_shape("late_pipelines", as_of=late_from + timedelta(seconds=1))


def test_the_api_lists_the_run_of_a_ping(pipeline: Pipeline, key: str) -> None:
    ping(key, "/1", "no space left")
    [run] = api_with_scope("read").get(f"/api/v1/pipelines/{pipeline.pk}/runs").json()["items"]
    assert (run["status"], run["error_message"]) == ("failed", "no space left")
