"""The faults of ingestion.

Each function injects its fault while runs start, end and are ingested. It returns how often it injected the fault.
"""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer, Request
from tools.bench.servers import manage
from tools.faults.source import SECRETS, FaultyPartner
from tools.faults.world import FaultWorld

GENERIC = 'connector = "generic"'
# The same partner, but CHM pages by offset and total instead of a cursor.
BY_OFFSET = """connector = "declarative"
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
# A deferred trigger makes the commit fail, as a full disk can.
DISK_FULL = """
CREATE OR REPLACE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE CONSTRAINT TRIGGER disk_full AFTER INSERT OR UPDATE ON runs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION disk_full();
"""

Inject = Callable[[FaultWorld, FaultyPartner, bool], int]


@dataclass(frozen=True, slots=True)
class IngestionFault:
    """A fault of ingestion. `inject` returns how often it was injected. A quick run is part of every CI run."""

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
    """Call `action` several times while the worker reads or stores pages, each time a little later within a page."""
    for count in range(repetitions):
        # More requests than there are pipelines, so that each call is during another walk.
        wait_for_requests(source, 7)
        time.sleep(0.004 * count)
        action()


def worker_killed(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    def kill() -> None:
        world.kill(world.worker)
        world.start_worker()

    repeat_during_pages(source, repetitions := 3 if quick else 8, kill)
    return repetitions


def beat_killed(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    for _ in range(3):
        wait_for_requests(source, 5)
        world.kill(world.beat)
        time.sleep(1)
        world.start_beat()
    return 3


def worker_stopped(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    """Stop the worker while it reads slow pages: it must end after a page, not only after the walk."""
    source.answer_instead = lambda _: time.sleep(0.3)
    for _ in range(2):
        wait_for_requests(source, 3)
        seconds = world.stop_worker()
        # 8 s are enough for a page and the shutdown on a slow machine, but not for the rest of the walk.
        if seconds > 8:
            raise AssertionError(f"the worker needed {seconds:.1f} s to end; a page needs 0.3 s")
        world.start_worker()
    source.answer_instead = lambda _: None
    return 2


def server_fault(server_name: str, stop_signal: signal.Signals) -> Inject:
    """Return a fault that stops a server with a signal and starts it again, several times."""

    def inject(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
        def restart() -> None:
            world.bring_down(server_name, stop_signal)
            # Long enough for running requests and tasks to fail.
            time.sleep(0.5)
            world.start_servers()

        repeat_during_pages(source, repetitions := 2 if quick else 4, restart)
        return repetitions

    return inject


def fail_commits(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    """Make every commit of a run fail for a while, with the error of a full disk."""
    wait_for_requests(source, 10)
    world.execute_sql(DISK_FULL)
    earlier_request_count = len(source.requests)
    time.sleep(4)
    world.execute_sql("DROP TRIGGER disk_full ON runs")
    return len(source.requests) - earlier_request_count


def wrong_answers(make_answer: Callable[[FaultyPartner], Answer], share: float) -> Inject:
    """Return a fault that replaces a share of the partner's responses."""

    def inject(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
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


def too_many_requests(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    """Refuse every request with 429 for a while."""
    wait_for_requests(source, 10)
    injection_count = 0

    def refuse(_: Request) -> Answer:
        nonlocal injection_count
        injection_count += 1
        # Shorter than the fault, so that CHM tries again during the fault.
        return Answer(429, headers={"Retry-After": "2"})

    source.answer_instead = refuse
    time.sleep(6 if quick else 60)
    source.answer_instead = lambda _: None
    return injection_count


def return_same_page(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    """Return a next cursor that leads to the same page again."""
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


def changing_totals(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    """Delete old runs at the source while its pages are read."""
    injection_count = 0

    def clean_up(request: Request) -> Answer:
        nonlocal injection_count
        pipeline_name = request.path.split("/")[2]
        # Keep at least three pages: with a single page CHM would not use offsets.
        if len(source.runs[pipeline_name]) > 60:
            source.runs[pipeline_name] = source.runs[pipeline_name][3:]
            injection_count += 1
        answer = source.answer(request)
        if isinstance(answer.body, dict) and "runs" in answer.body:
            answer.body["total"] = len(source.runs[pipeline_name])
        return answer

    source.answer_instead = clean_up
    time.sleep(6 if quick else 12)

    def with_total(request: Request) -> Answer:
        answer = source.answer(request)
        if isinstance(answer.body, dict) and "runs" in answer.body:
            answer.body["total"] = len(source.runs[request.path.split("/")[2]])
        return answer

    source.answer_instead = with_total
    return injection_count


def token_rotated(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    for token in (SECRETS[2], SECRETS[1]):
        wait_for_requests(source, 10)
        source.token = token
        time.sleep(2)
        # For two seconds the partner has refused the old token. Now give CHM the new one.
        world.token_file.write_text(token)
    return 2


def partner_restored_from_backup(world: FaultWorld, source: FaultyPartner, quick: bool) -> int:
    """Let the partner return an earlier state for two seconds, as after restoring a backup.

    The fault lasts about as long as the overlap of two walks, so CHM may miss changes until the daily reconciliation.
    Instead of it, the command at the end reads the partner's runs again since the fault began.
    """
    began_at = datetime.now(UTC)
    for _ in range(2):
        wait_for_requests(source, 5)
        # A shallow copy is enough, because the partner replaces runs and never changes them in place.
        backup = GenericPartner(dict(source.runs), page_size=source.page_size, token=source.token)
        time.sleep(2)
        source.answer_instead = backup.answer
        time.sleep(2)
        source.answer_instead = lambda _: None
    manage("ingest_runs", "--since", began_at.isoformat(), **world.environment)
    return 2


FAULTS = (
    IngestionFault("worker killed (-9) in a page", worker_killed, is_in_quick_run=True),
    IngestionFault("worker asked to end in a long walk", worker_stopped, is_in_quick_run=True),
    IngestionFault("beat killed (-9)", beat_killed),
    IngestionFault("Redis restarted", server_fault("redis", signal.SIGTERM)),
    IngestionFault("Redis killed (-9)", server_fault("redis", signal.SIGKILL), is_in_quick_run=True),
    IngestionFault("PostgreSQL restarted", server_fault("postgres", signal.SIGINT)),
    IngestionFault("PostgreSQL killed (-9) in a page", server_fault("postgres", signal.SIGKILL), is_in_quick_run=True),
    IngestionFault("disk full: commits fail", fail_commits, is_in_quick_run=True),
    IngestionFault(
        "partner drips bytes", wrong_answers(lambda source: Answer(body=source.runs, seconds_per_byte=0.2), 0.3)
    ),
    IngestionFault("partner resets connections", wrong_answers(lambda _: Answer(closes_connection=True), 0.4)),
    IngestionFault(
        "partner cuts bodies short", wrong_answers(lambda source: Answer(body=source.runs, cut_after_bytes=50), 0.4)
    ),
    IngestionFault("partner answers 500", wrong_answers(lambda _: Answer(500, {"error": "no"}), 0.5)),
    IngestionFault("partner answers 429 for a minute", too_many_requests),
    IngestionFault("partner returns the same page forever", return_same_page),
    IngestionFault("partner's totals change while paged", changing_totals, connection=BY_OFFSET),
    IngestionFault("partner's token is rotated", token_rotated),
    IngestionFault("partner goes back in time", partner_restored_from_backup),
)
