"""Translate pings of Healthchecks clients (https://healthchecks.io/docs/http_api/) into runs.

The version of a ping is the time when it arrived, so the latest ping decides. A log has no version.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from runs.events import RunEvent, WriteKind
from runs.models import Status
from runs.push.untrusted_json import text_or_none

# CHM cuts longer bodies, as Healthchecks does. CHM reads more than it stores, so that it recognizes a secret even if
# the cut is in the middle of the secret.
MAX_BODY_CHARACTERS = 10_000
MAX_BODY_BYTES = 2 * MAX_BODY_CHARACTERS
MAX_EXIT_STATUS = 255


class PingKind(StrEnum):
    START = "start"
    SUCCESS = "success"
    FAIL = "fail"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    kind: PingKind
    exit_status: int | None = None
    body: str | None = None

    @property
    def ends_run(self) -> bool:
        return self.kind in (PingKind.SUCCESS, PingKind.FAIL)


def read_ping(suffix: str, body: bytes) -> Ping | None:
    """Return the ping of a suffix: empty, start, fail, log or an exit status; None for any other suffix."""
    content = text_or_none(body.decode(errors="replace").strip(), MAX_BODY_CHARACTERS)
    if suffix in (PingKind.START, PingKind.FAIL, PingKind.LOG):
        return Ping(kind=PingKind(suffix), body=content)
    if not suffix:
        return Ping(kind=PingKind.SUCCESS, body=content)
    if not (suffix.isascii() and suffix.isdecimal() and len(suffix) <= 3) or int(suffix) > MAX_EXIT_STATUS:
        return None
    return Ping(kind=PingKind.FAIL if int(suffix) else PingKind.SUCCESS, exit_status=int(suffix), body=content)


def run_event(ping: Ping, *, pipeline_id: UUID, external_run_id: str, received_at: datetime) -> RunEvent:
    """Return the event of a ping.

    A ping that ends a run also sets started_at, because a run without a start counts as earlier than all runs with a
    start. CHM keeps the earliest start, so the time of a start ping is not lost.
    """
    failed = ping.kind is PingKind.FAIL
    payload: dict[str, Any] = {"ping": ping.kind.value}
    if ping.exit_status is not None:
        payload["exit_status"] = ping.exit_status
    if ping.body is not None and not failed:
        payload["body"] = ping.body
    # A log has no start and no version, so it never sets an ended run back to running.
    start_and_version = None if ping.kind is PingKind.LOG else received_at
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=external_run_id,
        status=(Status.FAILED if failed else Status.SUCCESS if ping.ends_run else Status.RUNNING).value,
        started_at=start_and_version,
        finished_at=received_at if ping.ends_run else None,
        error_message=ping.body if failed else None,
        status_reason=f"exit status {ping.exit_status}" if ping.exit_status else None,
        payload=payload,
        source_updated_at=start_and_version,
        kind=WriteKind.EVENT,
    )
