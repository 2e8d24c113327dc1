"""Pings in the form of Healthchecks clients (https://healthchecks.io/docs/http_api/) as runs.

A ping's version is the time of its receipt, so the latest ping decides.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from runs.events import Kind, RunEvent
from runs.models import Status
from runs.push.words import text

# Characters kept of a body; more is cut off, as Healthchecks does. A longer part is read so that secrets at the cut are
# recognized.
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


def read(word: str, body: bytes) -> Ping | None:
    """Return the ping for the suffix `word`: empty, start, fail, log or an exit status; None for others."""
    content = text(body.decode(errors="replace").strip(), MAX_BODY)
    if word in (Sign.START, Sign.FAIL, Sign.LOG):
        return Ping(sign=Sign(word), body=content)
    if not word:
        return Ping(sign=Sign.SUCCESS, body=content)
    if not (word.isascii() and word.isdecimal() and len(word) <= 3) or int(word) > MAX_EXIT_STATUS:
        return None
    return Ping(sign=Sign.FAIL if int(word) else Sign.SUCCESS, exit_status=int(word), body=content)


def run_event(ping: Ping, *, pipeline_id: UUID, external_run_id: str, at: datetime) -> RunEvent:
    """A start opens the run; an end closes it, and starts it too if no start came: events keep the earliest start."""
    failed = ping.sign is Sign.FAIL
    payload: dict[str, Any] = {"ping": ping.sign.value}
    if ping.exit_status is not None:
        payload["exit_status"] = ping.exit_status
    if ping.body is not None and not failed:
        payload["body"] = ping.body
    # Without a version, a log never sets an ended run back to running.
    told_at = None if ping.sign is Sign.LOG else at
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=external_run_id,
        status=(Status.FAILED if failed else Status.SUCCESS if ping.ends else Status.RUNNING).value,
        started_at=told_at,
        finished_at=at if ping.ends else None,
        error_message=ping.body if failed else None,
        status_reason=f"exit status {ping.exit_status}" if ping.exit_status else None,
        payload=payload,
        at=told_at,
        kind=Kind.EVENT,
    )
