"""Pings of Healthchecks clients (https://healthchecks.io/docs/http_api/) as runs.

The version of a ping is the time when it arrived, so the latest ping decides.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from runs.events import Kind, RunEvent
from runs.models import Status
from runs.push.untrusted_json import text

# Stored characters of a body; the rest is cut, as Healthchecks does. Twice as many are read, so that a secret across
# the cut is recognized.
MAX_BODY = 10_000
MAX_READ = 2 * MAX_BODY
MAX_EXIT_STATUS = 255


class Sign(StrEnum):
    START = "start"
    SUCCESS = "success"
    FAIL = "fail"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    sign: Sign
    exit_status: int | None = None
    body: str | None = None

    @property
    def ends(self) -> bool:
        return self.sign in (Sign.SUCCESS, Sign.FAIL)


def read_ping(suffix: str, body: bytes) -> Ping | None:
    """Return the ping of a suffix: empty, start, fail, log or an exit status; None for any other suffix."""
    content = text(body.decode(errors="replace").strip(), MAX_BODY)
    if suffix in (Sign.START, Sign.FAIL, Sign.LOG):
        return Ping(sign=Sign(suffix), body=content)
    if not suffix:
        return Ping(sign=Sign.SUCCESS, body=content)
    if not (suffix.isascii() and suffix.isdecimal() and len(suffix) <= 3) or int(suffix) > MAX_EXIT_STATUS:
        return None
    return Ping(sign=Sign.FAIL if int(suffix) else Sign.SUCCESS, exit_status=int(suffix), body=content)


def run_event(ping: Ping, *, pipeline_id: UUID, external_run_id: str, at: datetime) -> RunEvent:
    """Return the event of a ping.

    A ping that ends a run also sets started_at, because a run without a start would never be the latest. The time of an
    earlier start ping replaces this value.
    """
    failed = ping.sign is Sign.FAIL
    payload: dict[str, Any] = {"ping": ping.sign.value}
    if ping.exit_status is not None:
        payload["exit_status"] = ping.exit_status
    if ping.body is not None and not failed:
        payload["body"] = ping.body
    # A log has no version, so it never sets an ended run back to running.
    version = None if ping.sign is Sign.LOG else at
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=external_run_id,
        status=(Status.FAILED if failed else Status.SUCCESS if ping.ends else Status.RUNNING).value,
        started_at=version,
        finished_at=at if ping.ends else None,
        error_message=ping.body if failed else None,
        status_reason=f"exit status {ping.exit_status}" if ping.exit_status else None,
        payload=payload,
        at=version,
        kind=Kind.EVENT,
    )
