"""The interface of connectors: they fetch pages from one kind of partner and translate them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from ingestion.errors import BadAnswer
from ingestion.links import Links
from ingestion.paging import Position
from runs.events import Clock, Rejected, RunEvent


@dataclass(frozen=True, slots=True)
class Target:
    """A pipeline whose runs to fetch.

    `since` is the start (None for everything), `through` its watermark. The other fields identify the source, so that a
    completed walk only updates a pipeline that still has it."""

    pipeline_id: UUID
    client_id: UUID
    platform: str
    external_id: str
    since: datetime | None
    through: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run stored as running, with the fields to keep if it is gone at the source."""

    pipeline_id: UUID
    external_id: str
    external_run_id: str
    started_at: datetime | None
    payload: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A failed run stored without an error text; `payload` is the stored response of the source."""

    external_id: str
    external_run_id: str
    started_at: datetime | None
    finished_at: datetime | None
    payload: Mapping[str, Any] | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class SourcePipeline:
    """A pipeline in the source's list; None for unknown values. `next_run_at` is the source's own schedule."""

    external_id: str
    name: str
    paused: bool | None = None
    next_run_at: datetime | None = None
    has_import_errors: bool = False
    offered: bool = True  # false: exists, but is not proposed for the inventory


# A run with its error text, or None if the source has none.
Explained = tuple[FailedRun, str | None]


@dataclass(slots=True)
class Page:
    """One translated response.

    `unknown` are external ids without a pipeline of the connection; `position` is where the page was read, from which a
    walk can resume."""

    events: list[RunEvent | Rejected] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    notices: set[str] = field(default_factory=set)
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """Pages that together are complete for their targets. Iterating sends the requests.

    `pages` starts at the beginning, or at the position of an interrupted walk.
    """

    targets: Sequence[Target]
    pages: Callable[[Position | None], Iterator[Page]]

    @property
    def since(self) -> datetime | None:
        return oldest(self.targets)


class Connector(Protocol):
    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        """Return walks that cover every target once, with as few requests as the partner allows."""

    def reread(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        """Request runs that a walk did not return; runs that are gone are returned as canceled."""

    # Whether each pipeline needs its own requests; otherwise one listing covers all.
    asks_one_by_one: bool
    # Whether error_texts sends requests, because the source's lists do not contain error texts.
    fetches_error_texts: bool

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[Explained]:
        """Request the error texts of these runs, newest first, and yield each as soon as it is known.

        After MAX_REQUESTS (ingestion/error_texts.py) the session raises an exception that a connector must not catch;
        the next ingestion continues with the other runs. A run with the result None is not requested again unless it
        changes.
        """

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return the pages of pipelines and their runs in the partner's user interface at `ui`, by external id."""

    # Whether the source can list its pipelines.
    lists_pipelines: bool

    def pipelines(self) -> Iterator[SourcePipeline]:
        """List all pipelines of the source. Pipelines that are not listed no longer exist there."""


class ErrorsInListing:
    """Base class for connectors whose listing includes error texts, or whose source has none."""

    fetches_error_texts = False

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[Explained]:
        return iter(())


class NoPipelineList:
    """Base class for connectors whose source has no list of pipelines that CHM reads."""

    lists_pipelines = False

    def pipelines(self) -> Iterator[SourcePipeline]:
        return iter(())


class RunsOnly(ErrorsInListing, NoPipelineList):
    """Base class for connectors that only list runs."""


def oldest(targets: Sequence[Target]) -> datetime | None:
    """Return the start of a walk of these targets; None (everything) if any of them has no start."""
    starts = [target.since for target in targets if target.since is not None]
    return min(starts) if len(starts) == len(targets) else None


GONE = "gone at source"


def gone(run: OpenRun, *, at: datetime | None = None) -> RunEvent:
    """Return the event for an open run that no longer exists at the source. `at` is the time of the request, if it is
    the version of this source's runs."""
    return RunEvent(
        pipeline_id=run.pipeline_id,
        external_run_id=run.external_run_id,
        status="canceled",
        started_at=run.started_at,
        status_reason=GONE,
        payload=run.payload,
        at=at,
        clock=Clock.ASKED,
    )


def by_external_id(targets: Sequence[Target]) -> dict[str, list[Target]]:
    groups: dict[str, list[Target]] = {}
    for target in targets:
        groups.setdefault(target.external_id, []).append(target)
    return groups


def field_of(body: object, name: str, kind: type[Any], what: str) -> Any:
    """Return a required field of a response; raise BadAnswer if it is missing or has the wrong type."""
    if not isinstance(body, dict):
        raise BadAnswer(f"{what} is a {type(body).__name__}, not an object with {name!r}")
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadAnswer(f"{what} has no {name!r} of type {kind.__name__}")
    return value


def utc_text(moment: datetime) -> str:
    """Return the time in UTC with a Z: some partners refuse times without zone, and read + as a space."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def translated(word: object, table: Mapping[str, str]) -> object:
    """Return the canonical status, or the source's word, which record_runs rejects with a message if unknown."""
    return table.get(word.strip().lower(), word) if isinstance(word, str) else word
