"""The interface of connectors. A connector fetches pages of runs from one kind of partner and translates them."""

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
    """A pipeline whose runs are fetched, from `since` on (None: from the beginning). `through` is its watermark.

    The other fields identify the pipeline and its source. A walk does not update a pipeline whose source was edited
    meanwhile.
    """

    pipeline_id: UUID
    client_id: UUID
    platform: str
    external_id: str
    since: datetime | None
    through: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that is stored as running, with the fields that stay if it is gone at the source."""

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
    """A pipeline in the source's list. Values that the source does not give are None."""

    external_id: str
    name: str
    paused: bool | None = None
    next_run_at: datetime | None = None
    has_import_errors: bool = False
    offered: bool = True  # false: exists, but is not offered for adoption


# A run with its error text, or with None if the source has none.
FailedRunText = tuple[FailedRun, str | None]


@dataclass(slots=True)
class Page:
    """One translated response.

    `unknown` are external ids that no pipeline of the connection has. `notices` are messages for operators. `position`
    is the position of this page, at which a later walk can continue; None if it cannot.
    """

    events: list[RunEvent | Rejected] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    notices: set[str] = field(default_factory=set)
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """A listing that is complete for its targets.

    `pages(position)` sends the requests while it is iterated. It starts at the position of an interrupted walk, or at
    the beginning if that is None.
    """

    targets: Sequence[Target]
    pages: Callable[[Position | None], Iterator[Page]]

    @property
    def since(self) -> datetime | None:
        return earliest_start(self.targets)


class Connector(Protocol):
    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        """Return walks that together cover every target once, with as few requests as the partner allows."""

    def reread(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        """Request open runs that a walk did not return. Runs that are gone at the source are returned as canceled."""

    # Whether each pipeline needs requests of its own. Otherwise one listing covers all pipelines.
    has_listing_per_pipeline: bool
    # Whether error_texts sends requests, because the source's lists do not have error texts.
    fetches_error_texts: bool

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[FailedRunText]:
        """Request the error texts of these runs, which come newest first, and yield each as soon as it is known.

        After MAX_REQUESTS (ingestion/error_texts.py) the session raises RequestsSpent, which a connector must not
        catch; the next ingestion continues with the other runs. A run that is yielded with None is not requested again
        for a week, unless it changes.
        """

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return the links to pipelines and their runs in the user interface at the URL `ui`, by external id."""

    # Whether the source can list its pipelines.
    lists_pipelines: bool

    def pipelines(self) -> Iterator[SourcePipeline]:
        """Yield all pipelines of the source. A pipeline that is not among them counts as missing."""


class ErrorsInListing:
    """Base class for connectors whose listing includes error texts, or whose source has none."""

    fetches_error_texts = False

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[FailedRunText]:
        return iter(())


class NoPipelineList:
    """Base class for connectors whose source has no list of pipelines that CHM reads."""

    lists_pipelines = False

    def pipelines(self) -> Iterator[SourcePipeline]:
        return iter(())


class RunsOnly(ErrorsInListing, NoPipelineList):
    """Base class for connectors that fetch neither error texts nor a list of pipelines."""


def earliest_start(targets: Sequence[Target]) -> datetime | None:
    """Return the start of a walk of these targets; None (from the beginning) if any of them has no start."""
    starts = [target.since for target in targets if target.since is not None]
    return min(starts) if len(starts) == len(targets) else None


GONE = "gone at source"


def gone_event(run: OpenRun, *, at: datetime | None = None) -> RunEvent:
    """Return the event that cancels an open run which no longer exists at the source.

    `at` is the time of the request for a source whose runs have that time as their version, else None.
    """
    return RunEvent(
        pipeline_id=run.pipeline_id,
        external_run_id=run.external_run_id,
        status="canceled",
        started_at=run.started_at,
        status_reason=GONE,
        payload=run.payload,
        source_updated_at=at,
        clock=Clock.REQUEST_TIME,
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
    # In Python True is an int.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadAnswer(f"{what} has no {name!r} of type {kind.__name__}")
    return value


def utc_text(moment: datetime) -> str:
    """Return the time in UTC with a Z: some partners refuse times without zone, and read + as a space."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def translate_status(word: object, table: Mapping[str, str]) -> object:
    """Return the canonical status, or the source's word unchanged, which record_runs stores as failed with the word."""
    return table.get(word.strip().lower(), word) if isinstance(word, str) else word
