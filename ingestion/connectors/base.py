"""What a connector is: it fetches pages from one kind of partner and translates them, and nothing else."""

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
    """A pipeline to fetch runs of. `since` is where to start, null for everything; `through` is its watermark;
    the rest says which source a completed walk speaks for."""

    pipeline_id: UUID
    client_id: UUID
    platform: str
    external_id: str
    since: datetime | None
    through: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that CHM holds as running, with what is kept if it turns out to be gone."""

    pipeline_id: UUID
    external_id: str
    external_run_id: str
    started_at: datetime | None
    payload: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A failed run that CHM holds without an error text; `payload` is the source's answer as it is stored."""

    external_id: str
    external_run_id: str
    started_at: datetime | None
    finished_at: datetime | None
    payload: Mapping[str, Any] | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class SourcePipeline:
    """A pipeline as the source lists it; None where the source does not say. `next_run_at` is by its own schedule."""

    external_id: str
    name: str
    paused: bool | None = None
    next_run_at: datetime | None = None
    has_import_errors: bool = False
    offered: bool = True  # false: known to exist, but not proposed for the inventory


# A run with its error text, or with None if the source has none for it.
Explained = tuple[FailedRun, str | None]


@dataclass(slots=True)
class Page:
    """One answer, translated. `unknown` are external ids that no pipeline of the connection has; `position` is where
    it was read: a walk can begin there again."""

    events: list[RunEvent | Rejected] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    notices: set[str] = field(default_factory=set)
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """Pages that together are complete for their targets; reading them is what sends the requests.

    `pages` begins at the beginning, or where an earlier reading of the same walk broke off.
    """

    targets: Sequence[Target]
    pages: Callable[[Position | None], Iterator[Page]]

    @property
    def since(self) -> datetime | None:
        return oldest(self.targets)


class Connector(Protocol):
    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        """Covers every target exactly once, in as few requests as the partner allows."""

    def reread(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        """Asks for runs that a walk did not return; what is gone comes back canceled."""

    # Whether each pipeline costs requests of its own; else one listing covers them all.
    asks_one_by_one: bool
    # Whether error_texts sends requests: the list answers of some sources do not say why a run failed.
    fetches_error_texts: bool

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[Explained]:
        """Ask why these runs failed, newest first, and yield each answer as soon as it is known.

        The session ends the questions after MAX_REQUESTS (ingestion/error_texts.py) by an exception that a connector
        does not catch; runs without an answer are given again to the next ingestion. A run answered with None is not
        asked about again while it stays the same.
        """

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return by external id the pages of a pipeline and of its runs in the partner's user interface at `ui`."""

    # Whether the source can list its pipelines.
    lists_pipelines: bool

    def pipelines(self) -> Iterator[SourcePipeline]:
        """List all pipelines of the source. Whoever is not in it, the source no longer has."""


class ErrorsInListing:
    """Base class for connectors whose listing says why a run failed, or whose source never does."""

    fetches_error_texts = False

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[Explained]:
        return iter(())


class NoPipelineList:
    """Base class for connectors whose source has no list of pipelines that CHM reads."""

    lists_pipelines = False

    def pipelines(self) -> Iterator[SourcePipeline]:
        return iter(())


class RunsOnly(ErrorsInListing, NoPipelineList):
    """Base class for connectors that list runs and nothing else."""


def oldest(targets: Sequence[Target]) -> datetime | None:
    """Where a walk of these starts; null, everything, where any of them has no start."""
    starts = [target.since for target in targets if target.since is not None]
    return min(starts) if len(starts) == len(targets) else None


GONE = "gone at source"


def gone(run: OpenRun, *, at: datetime | None = None) -> RunEvent:
    """An open run that the source no longer knows; `at` is the moment we asked, where that is the source's version."""
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
    """A field that the answer's form promises; BadAnswer, not a KeyError, where it does not keep it."""
    if not isinstance(body, dict):
        raise BadAnswer(f"{what} is a {type(body).__name__}, not an object with {name!r}")
    value = body.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadAnswer(f"{what} has no {name!r} of type {kind.__name__}")
    return value


def utc_text(moment: datetime) -> str:
    """With a Z: some partners answer a time without zone with an error, and read a plus sign as a space."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def translated(word: object, table: Mapping[str, str]) -> object:
    """The canonical status, or the source's word as it is: the write path stores and names an unknown one."""
    return table.get(word.strip().lower(), word) if isinstance(word, str) else word
