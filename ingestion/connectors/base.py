"""The interface of connectors. A connector fetches pages of runs from one kind of partner and translates them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from ingestion.errors import BadAnswer
from ingestion.links import Links
from ingestion.paging import Position
from runs.events import Rejected, RunEvent, VersionSource


@dataclass(frozen=True, slots=True)
class Target:
    """A pipeline whose runs are fetched, from `since` on (None: from the beginning).

    `watermark` is None before the first walk. If a user edits `client_id`, `platform` or `external_id` during the
    walk, the pipeline gets another source, so the walk does not update its watermark.
    """

    pipeline_id: UUID
    client_id: UUID
    platform: str
    external_id: str
    since: datetime | None
    watermark: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that CHM has stored as running.

    If the run is gone at the source, CHM cancels it. The event that cancels it repeats the stored start and payload, so
    that they stay.
    """

    pipeline_id: UUID
    external_id: str
    external_run_id: str
    started_at: datetime | None
    payload: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A failed run that is stored without an error text. `payload` is its row in the source's response."""

    external_id: str
    external_run_id: str
    started_at: datetime | None
    finished_at: datetime | None
    payload: Mapping[str, Any] | None = field(compare=False)  # a dict cannot be hashed


@dataclass(frozen=True, slots=True)
class SourcePipeline:
    """A pipeline in the source's list. Values that the source does not return are None."""

    external_id: str
    name: str
    paused: bool | None = None
    next_run_at: datetime | None = None
    has_import_errors: bool = False
    can_be_adopted: bool = True  # false: the pipeline exists, but CHM does not show it as unmatched


# A run with its error text, or with None if the source has none.
FailedRunText = tuple[FailedRun, str | None]


@dataclass(slots=True)
class Page:
    """The runs of one response, translated to RunEvents.

    `unknown_ids` are the external ids that no pipeline of the connection has. `notices` are messages for operators.
    `position` identifies this page. It is None if a later walk cannot continue at this page.
    """

    events: list[RunEvent | Rejected] = field(default_factory=list)
    unknown_ids: set[str] = field(default_factory=set)
    notices: set[str] = field(default_factory=set)
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """One reading of a source's list of runs, for the runs that changed since the earliest `since` of the targets.

    `pages(position)` returns an iterator that requests page after page. It starts at the position of an interrupted
    walk, or at the first page if the position is None.
    """

    targets: Sequence[Target]
    pages: Callable[[Position | None], Iterator[Page]]

    @property
    def since(self) -> datetime | None:
        return earliest_since(self.targets)


class Connector(Protocol):
    """What every connector implements. docs/connectors.md explains how to write one."""

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        """Return walks that together cover every target once, with as few requests as the partner allows."""

    def reread_open_runs(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        """Request open runs that a walk did not return. Return runs that are gone at the source as canceled."""

    # True if each pipeline needs requests of its own, false if one listing covers all pipelines.
    has_listing_per_pipeline: bool
    # Whether error_texts sends requests, because the source's lists do not have error texts.
    fetches_error_texts: bool

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[FailedRunText]:
        """Request the error texts of these runs in their order, newest first.

        Yield each run with its text as soon as it is known.

        After MAX_REQUESTS (ingestion/error_texts.py) the session raises NoRequestsLeft. A connector must not catch it:
        the next ingestion continues with the other runs. If a run is yielded with None, CHM asks for its text again
        after a week, or after its next attempt.
        """

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return the links to pipelines and their runs in the user interface at the URL `ui`, by external id."""

    # Whether the source can list its pipelines.
    lists_pipelines: bool

    def pipelines(self) -> Iterator[SourcePipeline]:
        """Yield all pipelines of the source. A pipeline that is not among them counts as missing."""


class NoErrorTextRequests:
    """Base class for connectors that do not request error texts.

    Their list of runs already contains the texts, or the source has none.
    """

    fetches_error_texts = False

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[FailedRunText]:
        return iter(())


class NoPipelineList:
    """Base class for connectors that do not read a list of the source's pipelines."""

    lists_pipelines = False

    def pipelines(self) -> Iterator[SourcePipeline]:
        return iter(())


class OnlyRunRequests(NoErrorTextRequests, NoPipelineList):
    """Base class for connectors that request only runs, without error texts or a list of pipelines."""


def earliest_since(targets: Sequence[Target]) -> datetime | None:
    """Return the earliest `since` of the targets, or None (from the beginning) if a target has none."""
    times = [target.since for target in targets if target.since is not None]
    return min(times) if len(times) == len(targets) else None


GONE_AT_SOURCE = "gone at source"


def gone_event(run: OpenRun, *, version: datetime | None = None) -> RunEvent:
    """Return the event that cancels an open run which no longer exists at the source.

    `version` is the time of the request if the source returns no versions, else None.
    """
    return RunEvent(
        pipeline_id=run.pipeline_id,
        external_run_id=run.external_run_id,
        status="canceled",
        started_at=run.started_at,
        status_reason=GONE_AT_SOURCE,
        payload=run.payload,
        source_updated_at=version,
        version_source=VersionSource.REQUEST_TIME,
    )


def group_by_external_id(targets: Sequence[Target]) -> dict[str, list[Target]]:
    """Group the targets by external id, which pipelines of several clients may share."""
    groups: dict[str, list[Target]] = {}
    for target in targets:
        groups.setdefault(target.external_id, []).append(target)
    return groups


def field_of(body: object, name: str, expected_type: type[Any], body_name: str) -> Any:
    """Return a required field of a response; raise BadAnswer if it is missing or has the wrong type."""
    if not isinstance(body, dict):
        raise BadAnswer(f"{body_name} is a {type(body).__name__}, not an object with {name!r}")
    value = body.get(name)
    # isinstance(True, int) is true in Python, but true is not a number in JSON.
    if not isinstance(value, expected_type) or isinstance(value, bool):
        raise BadAnswer(f"{body_name} has no {name!r} of type {expected_type.__name__}")
    return value


def utc_text(moment: datetime) -> str:
    """Return the time in UTC with a Z, because some partners refuse a time without a zone, or read + as a space."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def translate_status(word: object, table: Mapping[str, str]) -> object:
    """Return CHM's status for the source's word. An unknown word is returned unchanged, for record_runs to handle."""
    return table.get(word.strip().lower(), word) if isinstance(word, str) else word
