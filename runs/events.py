"""Validate, repair and scrub a source's data about a run.

The values that a source returns can have any type. If CHM cannot store a value, it stores null, or the status failed,
and adds a note to status_reason. So CHM stores a run even if one of its fields is invalid. CHM rejects only a run
without a usable external_run_id, and stores the other runs of its page.
"""

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.utils.crypto import salted_hmac

from chm_project.api.web_addresses import is_web_address
from chm_project.scrubbing import scrub_payload, scrub_text, scrubbed_json, storable_text
from runs.models import Status
from runs.size_limits import payload_within_limit, text_within_limit

_STATUSES = frozenset(Status.values)
# Limits of the columns varchar(255), integer and bigint.
MAX_ID_LENGTH = 255
MAX_INTEGER = 2**31 - 1
MAX_BIGINT = 2**63 - 1


class WriteKind(StrEnum):
    """What a write contains, and how it changes the stored run."""

    SNAPSHOT = "snapshot"  # the whole state: a newer snapshot replaces every field
    EVENT = "event"  # one change: the newest event decides the status, and the earliest start is kept
    IF_ABSENT = "if_absent"  # a new run, for example a manual one: never changes a stored run


class VersionSource(StrEnum):
    """Where the version of a write comes from."""

    SOURCE = "source"
    REQUEST_TIME = "request_time"  # the time of CHM's request, because the source reports no version


# A named tuple, because CHM creates one for each run, and a frozen dataclass would be slower to create.
class RunEvent(NamedTuple):
    """One write to one run: a snapshot, an event or a new run (`kind`).

    The values are those that the source reported. `to_storable_run` repairs them. Times are datetimes or ISO 8601
    texts. `status` is a Status, or the source's own word if the connector has no translation for it.
    `source_updated_at` is the version of the write. A write without a version replaces the stored run, but never sets
    an ended run back to running.
    """

    pipeline_id: UUID
    external_run_id: object
    status: object
    started_at: object = None
    finished_at: object = None
    duration_seconds: object = None
    rows_processed: object = None
    error_message: object = None
    status_reason: object = None
    payload: object = None
    source_url: object = None  # the run's page at its source, if the source returns one
    source_updated_at: object = None
    version_source: VersionSource = VersionSource.SOURCE
    kind: WriteKind = WriteKind.SNAPSHOT


@dataclass(frozen=True, slots=True)
class Rejected:
    """The reason why an event cannot be stored."""

    reason: str


class StorableRun(NamedTuple):
    """A write to one run, with valid and scrubbed values. `payload` is JSON text."""

    pipeline_id: UUID
    external_run_id: str
    status: str
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: int | None
    rows_processed: int | None
    error_message: str | None
    status_reason: str | None
    payload: str | None
    given_source_url: str | None
    source_updated_at: datetime | None
    version_source: VersionSource
    kind: WriteKind


def to_storable_run(event: RunEvent) -> StorableRun | Rejected:
    """Repair and scrub the event, and return it. Return Rejected if the event has no usable external_run_id."""
    payload_json: str | None = None
    # The payload as text if nothing in it looks like a secret, else empty. A value that occurs in this text contains no
    # secret, so it need not be scrubbed. This saves time, because a payload contains most values of its run.
    secret_free_text = ""
    # isinstance() finds a dict faster than a Mapping.
    if isinstance(event.payload, dict | Mapping):
        payload_json, secret_free_text = scrub_payload(event.payload)
    elif event.payload is not None:
        # The column accepts only JSON objects.
        payload_json, secret_free_text = scrub_payload({"value": event.payload})
    external_run_id = usable_run_id(event.external_run_id, secret_free_text)
    if isinstance(external_run_id, Rejected):
        return external_run_id
    # The notes say what was corrected or left out. They become part of status_reason.
    notes: list[str] = []
    status = canonical_status(event.status, notes)
    started_at = readable_time("started_at", event.started_at, notes)
    finished_at = readable_time("finished_at", event.finished_at, notes)
    duration_seconds = whole_number("duration_seconds", event.duration_seconds, MAX_INTEGER, notes)
    rows_processed = whole_number("rows_processed", event.rows_processed, MAX_BIGINT, notes)
    source_url = usable_web_address("source_url", event.source_url, notes)
    source_updated_at = readable_time("the version time", event.source_updated_at, notes)
    if duration_seconds is None and started_at and finished_at and finished_at < started_at:
        notes.append("duration_seconds left out: finished_at is before started_at")
    reason = scrubbed_text(event.status_reason, secret_free_text)
    if notes:
        reason = text_within_limit("; ".join([*([reason] if reason else []), *map(scrub_text, notes)]))
    return StorableRun(
        pipeline_id=event.pipeline_id,
        external_run_id=external_run_id,
        status=status,
        started_at=started_at,
        finished_at=finished_at,
        duration_seconds=duration_seconds,
        rows_processed=rows_processed,
        error_message=scrubbed_text(event.error_message, secret_free_text),
        status_reason=reason,
        payload=None if payload_json is None else payload_within_limit(payload_json),
        given_source_url=source_url,
        source_updated_at=source_updated_at,
        version_source=event.version_source,
        kind=event.kind,
    )


def usable_run_id(value: object, secret_free_text: str = "") -> str | Rejected:
    """Return the value as an external_run_id without secrets.

    Return Rejected if the value cannot be an external_run_id.

    No part of `secret_free_text` is a secret, so a value in it is not scrubbed.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not (clean := storable_text(value)).strip():
        return Rejected(f"no external_run_id: {_short_json(value)}")
    if len(clean) > MAX_ID_LENGTH:
        return Rejected(f"external_run_id is longer than {MAX_ID_LENGTH} characters: {_short_json(clean)}")
    return clean if clean in secret_free_text else without_secret(clean)


def without_secret(external_id: str) -> str:
    """Return the id without secrets. An id with a secret gets a keyed digest, so that different ids stay different."""
    masked = scrub_text(external_id)
    if masked == external_id:
        return external_id
    # The key is CHM_SECRET_KEY, so that nobody can check a guessed secret against the digest.
    digest = salted_hmac("runs.events.without_secret", external_id, algorithm="sha256").hexdigest()[:16]
    return f"{masked[: MAX_ID_LENGTH - 1 - len(digest)]}-{digest}"


def canonical_status(value: object, notes: list[str]) -> str:
    """Return a status of CHM. If the value is missing or is not a status of CHM, add a note and return failed."""
    if isinstance(value, str) and value in _STATUSES:
        return str(value)
    notes.append("no status given" if value is None else f"unknown status {_short_json(value)}")
    return Status.FAILED.value


def readable_time(field: str, value: object, notes: list[str]) -> datetime | None:
    """Return the time in UTC. A time without an offset counts as UTC.

    Return None for an empty value. Return None and add a note if the value is not a time.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, datetime):
            if value.tzinfo is UTC:
                return value
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    notes.append(f"{field} left out: cannot read the time {_short_json(value)}")
    return None


def whole_number(field: str, value: object, maximum: int, notes: list[str]) -> int | None:
    """Return the number, rounded down; None for an empty value.

    If the value is not a number from 0 to the maximum, add a note and return None.
    """
    if value is None or value == "":
        return None
    number: int | None = None
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = int(value) if value.strip().isdecimal() else float(value)
    if isinstance(value, float) and math.isfinite(value):
        number = math.floor(value)
    # In Python, True is an int.
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    if number is not None and 0 <= number <= maximum:
        return number
    notes.append(f"{field} left out: {_short_json(value)}")
    return None


def scrubbed_text(value: object, secret_free_text: str = "") -> str | None:
    """Return a text without secrets, cut to its limit.

    If the value is not a text, convert it to JSON first. Return None for None and for an empty text.

    No part of `secret_free_text` is a secret, so a value in it is not scrubbed.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return text_within_limit(value if value in secret_free_text else scrub_text(storable_text(value)))
    if isinstance(value, Mapping):
        return text_within_limit(scrubbed_json(value))
    return text_within_limit(scrub_text(storable_text(json.dumps(value, ensure_ascii=False, default=str))))


def usable_web_address(field: str, value: object, notes: list[str]) -> str | None:
    """Return the value if it is an http or https address without a secret. Otherwise add a note and return None."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not is_web_address(value):
        notes.append(f"{field} left out: not an http or https address: {_short_json(value)}")
    elif scrub_text(value) != value:
        notes.append(f"{field} left out: it holds a secret")
    else:
        return value
    return None


def _short_json(value: object) -> str:
    # Scrub before cutting, because half a secret is not recognizable.
    text = scrub_text(storable_text(json.dumps(value, ensure_ascii=False, default=str)))
    return text if len(text) <= 100 else text[:99] + "…"
