"""The faults of ingestion.

Each function injects its fault while CHM ingests runs, and returns how often it injected the fault. fail_commits()
returns the number of requests to the partner during the fault. `quick` is true in the quick run, which injects only
some faults, and for a shorter time.
"""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer, Request
from tools.bench.servers import manage
from tools.faults.installation import LocalInstallation
from tools.faults.source import SECRETS, FaultyPartner

GENERIC = 'connector = "generic"'
# CHM reads the same partner, but requests the pages by offset and total, not by cursor.
PAGED_BY_OFFSET = """connector = "declarative"
[connections.partner.source]
items = "runs"
request = { path = "/pipelines/{external_id}/runs" }
paging = { kind = "offset", param = "cursor", total = "total" }
status = { words = ["status"], running = ["running"], success = ["success"], failed = ["failed"] }
[connections.partner.source.fields]
external_run_id = "external_run_id"
started_at = "started_at"
finished_at = "finished_at"
at = "updated_at"
"""
# When PostgreSQL's disk is full, a commit can fail. This trigger is deferred: it runs at the commit, and makes the
# commit fail.
DISK_FULL_SQL = """
CREATE OR REPLACE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE CONSTRAINT TRIGGER disk_full AFTER INSERT OR UPDATE ON runs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION disk_full();
"""

Inject = Callable[[LocalInstallation, FaultyPartner, bool], int]


@dataclass(frozen=True, slots=True)
class IngestionFault:
    """A fault of ingestion. CI injects only the faults with `is_in_quick_run`."""

    title: str
    inject: Inject
    is_in_quick_run: bool = False
    connection: str = GENERIC  # the settings of the partner's connection, as TOML


def wait_for_requests(source: FaultyPartner, count: int, seconds: float = 30) -> None:
    """Wait until the partner has received `count` more requests."""
    expected_count, deadline = len(source.requests) + count, time.monotonic() + seconds
    while len(source.requests) < expected_count and time.monotonic() < deadline:
        time.sleep(0.005)


def repeat_during_pages(source: FaultyPartner, repetitions: int, action: Callable[[], object]) -> None:
    """Call `action` several times while the worker reads or stores pages.

    The first call comes immediately after a request, the second call 4 ms after a request, the third 8 ms, and so on.
    So the calls interrupt different steps.
    """
    for count in range(repetitions):
        # The partner has 6 pipelines. After 7 requests, the worker reads another pipeline than at the previous call.
        wait_for_requests(source, 7)
        time.sleep(0.004 * count)
        action()


def kill_worker(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    def kill() -> None:
        installation.kill(installation.worker)
        installation.start_worker()

    repeat_during_pages(source, repetitions := 3 if quick else 8, kill)
    return repetitions


def kill_beat(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    for _ in range(3):
        wait_for_requests(source, 5)
        installation.kill(installation.beat)
        time.sleep(1)
        installation.start_beat()
    return 3


def stop_worker_in_walk(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    """Stop the worker while it reads slow pages. The worker must end after the page, and not read the whole walk."""
    source.answer_instead = lambda _: time.sleep(0.3)
    for _ in range(2):
        wait_for_requests(source, 3)
        seconds = installation.stop_worker()
        # Even on a slow machine, a page and the shutdown need less than 8 s. The rest of the walk needs more than 8 s.
        if seconds > 8:
            raise AssertionError(f"the worker needed {seconds:.1f} s to end; a page needs 0.3 s")
        installation.start_worker()
    source.answer_instead = lambda _: None
    return 2


def server_fault(server_name: str, stop_signal: signal.Signals) -> Inject:
    """Return a fault that stops a server with a signal and starts it again. It does this several times."""

    def inject(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
        def restart() -> None:
            installation.bring_down(server_name, stop_signal)
            # Wait until running requests and tasks have failed.
            time.sleep(0.5)
            installation.start_servers()

        repeat_during_pages(source, repetitions := 2 if quick else 4, restart)
        return repetitions

    return inject


def fail_commits(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    """Make each transaction that writes runs fail for 4 s, with the error of a full disk."""
    wait_for_requests(source, 10)
    installation.execute_sql(DISK_FULL_SQL)
    request_count_before = len(source.requests)
    time.sleep(4)
    installation.execute_sql("DROP TRIGGER disk_full ON runs")
    return len(source.requests) - request_count_before


def wrong_answers(make_answer: Callable[[FaultyPartner], Answer], share: float) -> Inject:
    """Return a fault that replaces a share of the partner's responses."""

    def inject(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
        injection_count = 0

        def answer_instead(_: Request) -> Answer | None:
            nonlocal injection_count
            if source.random.random() >= share:
                return None
            injection_count += 1
            return make_answer(source)

        source.answer_instead = answer_instead
        time.sleep(6 if quick else 12)
        source.answer_instead = lambda _: None
        return injection_count

    return inject


def answer_with_429(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    """Refuse every request with 429 for a while."""
    wait_for_requests(source, 10)
    injection_count = 0

    def refuse(_: Request) -> Answer:
        nonlocal injection_count
        injection_count += 1
        # 2 s are shorter than the fault, so CHM sends the request again during the fault.
        return Answer(429, headers={"Retry-After": "2"})

    source.answer_instead = refuse
    time.sleep(6 if quick else 60)
    source.answer_instead = lambda _: None
    return injection_count


def return_same_page(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    """For all requests of a pipeline, return the same page, always with a next cursor."""
    injection_count = 0

    def same_page(request: Request) -> Answer | None:
        nonlocal injection_count
        injection_count += 1
        runs = source.runs[request.path.split("/")[2]][:5]
        return Answer(body={"runs": runs, "next_cursor": "1"})

    source.answer_instead = same_page
    wait_for_requests(source, 1)
    time.sleep(4)
    source.answer_instead = lambda _: None
    return injection_count


def change_totals(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    """Delete old runs of the partner while CHM reads its pages, so that the total changes from page to page."""
    injection_count = 0

    def clean_up(request: Request) -> Answer:
        nonlocal injection_count
        pipeline_name = request.path.split("/")[2]
        # Keep 60 runs, which are three pages: with a single page, CHM would not use offsets.
        if len(source.runs[pipeline_name]) > 60:
            source.runs[pipeline_name] = source.runs[pipeline_name][3:]
            injection_count += 1
        answer = source.answer(request)
        if isinstance(answer.body, dict) and "runs" in answer.body:
            answer.body["total"] = len(source.runs[pipeline_name])
        return answer

    source.answer_instead = clean_up
    time.sleep(6 if quick else 12)
    # The partner's own responses have no total, which this connection needs. So add it also after the fault.

    def with_total(request: Request) -> Answer:
        answer = source.answer(request)
        if isinstance(answer.body, dict) and "runs" in answer.body:
            answer.body["total"] = len(source.runs[request.path.split("/")[2]])
        return answer

    source.answer_instead = with_total
    return injection_count


def rotate_token(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    for token in (SECRETS[2], SECRETS[1]):
        wait_for_requests(source, 10)
        source.token = token
        time.sleep(2)
        # The partner has refused the old token for two seconds. Now give the new token to CHM.
        installation.token_file.write_text(token)
    return 2


def restore_partner_from_backup(installation: LocalInstallation, source: FaultyPartner, quick: bool) -> int:
    """Let the partner return an earlier state for two seconds, as after its operators have restored a backup.

    A walk overlaps the previous walk only by about two seconds, so CHM may miss changes. In production, CHM finds them
    when it reads the last days again, once a day. In this test, `ingest_runs --since` reads the runs again.
    """
    began_at = datetime.now(UTC)
    for _ in range(2):
        wait_for_requests(source, 5)
        # A shallow copy is enough, because the partner replaces its lists of runs and never changes a list.
        backup = GenericPartner(dict(source.runs), page_size=source.page_size, token=source.token)
        time.sleep(2)
        source.answer_instead = backup.answer
        time.sleep(2)
        source.answer_instead = lambda _: None
    manage("ingest_runs", "--since", began_at.isoformat(), **installation.environment)
    return 2


FAULTS = (
    IngestionFault("worker killed (-9) in a page", kill_worker, is_in_quick_run=True),
    IngestionFault("worker asked to end in a long walk", stop_worker_in_walk, is_in_quick_run=True),
    IngestionFault("beat killed (-9)", kill_beat),
    IngestionFault("Redis restarted", server_fault("redis", signal.SIGTERM)),
    IngestionFault("Redis killed (-9)", server_fault("redis", signal.SIGKILL), is_in_quick_run=True),
    IngestionFault("PostgreSQL restarted", server_fault("postgres", signal.SIGINT)),
    IngestionFault("PostgreSQL killed (-9) in a page", server_fault("postgres", signal.SIGKILL), is_in_quick_run=True),
    IngestionFault("disk full: commits fail", fail_commits, is_in_quick_run=True),
    IngestionFault(
        "partner sends one byte every 0.2 s",
        wrong_answers(lambda source: Answer(body=source.runs, seconds_per_byte=0.2), 0.3),
    ),
    IngestionFault("partner resets connections", wrong_answers(lambda _: Answer(closes_connection=True), 0.4)),
    IngestionFault(
        "partner cuts bodies short", wrong_answers(lambda source: Answer(body=source.runs, cut_after_bytes=50), 0.4)
    ),
    IngestionFault("partner answers 500", wrong_answers(lambda _: Answer(500, {"error": "no"}), 0.5)),
    IngestionFault("partner answers 429 for a minute", answer_with_429),
    IngestionFault("partner returns the same page forever", return_same_page),
    IngestionFault("partner's total changes from page to page", change_totals, connection=PAGED_BY_OFFSET),
    IngestionFault("partner's token is rotated", rotate_token),
    IngestionFault("partner goes back in time", restore_partner_from_backup),
)
