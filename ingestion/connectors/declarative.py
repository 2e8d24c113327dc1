"""A connector for any JSON list of runs, configured by a description of the API (see source.py).

One listing covers all pipelines if the partner's API allows it; with {external_id} in the request it lists each
pipeline.
"""

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.dateparse import parse_duration
from jmespath.exceptions import JMESPathError

from ingestion.connectors.base import (
    Explained,
    FailedRun,
    NoPipelineList,
    OpenRun,
    Page,
    Target,
    Walk,
    by_external_id,
    gone,
    oldest,
    utc_text,
)
from ingestion.connectors.next_page import looks_full, says_more
from ingestion.connectors.source import IGNORED, ErrorTextRequest, Expression, OneRun, Source
from ingestion.connectors.template import RequestTemplate
from ingestion.connectors.walking import MAX_SINGLE_BACKFILLS, RunKey, one_by_one, plan_walks, reread_open
from ingestion.errors import BadAnswer, NotFound, Refused
from ingestion.http import Exchanged, PartnerSession
from ingestion.links import Links, expanded
from ingestion.paging import CursorPaging, NumberPaging, OffsetPaging, PageCap, Position
from runs.events import Clock, Rejected, RunEvent

MAX_LOG = 4_000  # characters kept from the end of a log

Values = dict[str, str | int | float]


class DeclarativeConnector(NoPipelineList):
    def __init__(self, session: PartnerSession, source: Source, *, known: Callable[[str], bool]) -> None:
        """`known` returns whether an external id belongs to a pipeline of the connection."""
        self._session = session
        self._source = source
        self._known = known
        self.fetches_error_texts = source.error_text is not None
        self.asks_one_by_one = source.per_pipeline

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        if self._source.per_pipeline:
            return one_by_one(targets, self._listing)
        return plan_walks(
            targets, self._listing, max_single=0 if self._source.one_pipeline is None else MAX_SINGLE_BACKFILLS
        )

    def reread(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        """Read open runs from a list if the partner has one, the others one by one."""
        source, open_rows = self._source, None
        if source.open_runs is not None:
            pages = self._pages(source.request.with_part(source.open_runs), None, "")
            open_rows = ((asked_at, rows) for asked_at, rows, _ in pages)
        return reread_open(
            runs,
            open_rows=open_rows,
            key=self._key,
            events=self._events,
            ask_one=None if source.one_run is None else partial(self._one, source.one_run),
        )

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[Explained]:
        if (rules := self._source.error_text) is None:
            return
        for run in runs:
            now = datetime.now(UTC)
            values: Values = {
                "external_id": run.external_id,
                "external_run_id": run.external_run_id,
                "since": utc_text((run.started_at or run.finished_at or now) - timedelta(days=1)),
                "now": utc_text(now),
            }
            try:
                body = self._send(rules.request.filled(values)).body
            except NotFound:
                yield run, None
                continue
            yield run, error_text(rules, body)

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return the links from the description's templates; {base_path} is the path of base_url."""
        path = urlsplit(self._session.base_url).path
        pipeline, runs = (
            template and template.replace("{ui}", ui).replace("{base_path}", path)
            for template in (self._source.links.pipeline, self._source.links.runs)
        )
        return expanded(Links(pipeline, runs), external_ids)

    def _one(self, one_run: OneRun, runs: Sequence[OpenRun]) -> Iterator[RunEvent | Rejected]:
        asked_at = datetime.now(UTC)
        values: Values = {"external_id": runs[0].external_id, "external_run_id": runs[0].external_run_id}
        try:
            body = self._send(one_run.request.filled(values)).body
        except Refused as error:
            unknown = isinstance(error, NotFound) and error.in_json
            if not one_run.gone or not (unknown or (one_run.gone_text and one_run.gone_text in str(error))):
                raise
            yield from (gone(run, at=asked_at if self._source.version == "asked" else None) for run in runs)
            return
        yield from self._events(runs, _searched(one_run.item, body), asked_at)

    def _listing(self, targets: Sequence[Target], external_id: str | None, start: Position | None) -> Iterator[Page]:
        targets_by_id, request = by_external_id(targets), self._source.request
        if external_id is not None and not self._source.per_pipeline:
            request = request.with_part(self._source.one_pipeline)
        for asked_at, rows, position in self._pages(request, oldest(targets), external_id or "", start):
            page = Page(position=position, notices=self._notices(rows))
            for row in rows:
                if self._source.per_pipeline:
                    found: Sequence[Target] = targets
                elif name := _text(self._found("pipeline", row)):
                    found = targets_by_id.get(name, ())
                    if not found and not self._known(name):
                        page.unknown.add(name)
                else:
                    page.events.append(Rejected("an item that does not say which pipeline it belongs to"))
                    continue
                page.events.extend(self._events(found, row, asked_at))
            yield page

    def _text_keys(self, rows: list[Any]) -> list[str]:
        return ["\n".join(part or "" for part in self._key(row)) for row in rows]

    def _key(self, row: Any) -> RunKey:
        return _text(self._found("pipeline", row)), _text(self._found("external_run_id", row))

    def _pages(
        self, request: RequestTemplate, since: datetime | None, external_id: str, start: Position | None = None
    ) -> Iterator[tuple[datetime, list[Any], Position]]:
        now = datetime.now(UTC)
        rules = self._source.since
        values: Values = {"external_id": external_id, "now": utc_text(now)}
        if rules is not None:
            if since is not None:
                since -= timedelta(seconds=rules.lookback_seconds)
            elif rules.first_days:
                since = now - timedelta(days=rules.first_days)
            if since is not None:
                request = request.with_part(rules.request)
                values |= {"since": _sent(since, rules.time_format), "now": _sent(now, rules.time_format)}
        request = request.filled(values)
        walk, cap, last = _Place(self._source, request, start), PageCap(), None
        while True:
            asked_at, here = datetime.now(UTC), walk.position
            answer = self._send(walk.request)
            rows = _searched(self._source.items, answer.body)
            if not isinstance(rows, list):
                raise BadAnswer(f"the answer has no list at {self._source.items.text!r}")
            if rows and rows == last and self._source.paging.kind != "offset":
                raise BadAnswer("the partner gave the same page twice")
            cap.count(len(rows))
            yield asked_at, rows, here
            if not self._source.paging.described and (sign := says_more(answer)):
                raise BadAnswer(
                    f"{sign} says that a next page follows, and the description does not say how pages follow each "
                    'other: describe source.paging (kind = "none" if the first page is all that is wanted)'
                )
            if self._all_older(rows, since) or not walk.advance(answer, rows, self._text_keys(rows), self._session):
                return
            last = None if walk.stepped_back else rows

    def _notices(self, rows: list[Any]) -> set[str]:
        request = self._source.request
        limits = {str(value) for value in [*request.query.values(), *(request.body or {}).values()]}
        if self._source.paging.described or not looks_full(rows, limits):
            return set()
        return {f"a page of exactly {len(rows)} runs, and no source.paging: there may be more"}

    def _send(self, request: RequestTemplate) -> Exchanged:
        return self._session.exchange(request.method, request.path, request.query, request.body)

    def _all_older(self, rows: list[Any], since: datetime | None) -> bool:
        """Return whether all rows are older than the start: the end of an unfiltered listing, newest first."""
        rules = self._source.since
        if rules is None or rules.stop_before is None or since is None or not rows:
            return False
        moments = [_moment(read(_searched(rules.stop_before, row), self._source.time_format)) for row in rows]
        return all(moment is not None and moment < since for moment in moments)

    def _found(self, name: str, row: Any) -> Any:
        expression = self._source.fields.get(name)
        with contextlib.suppress(JMESPathError):
            return expression.search(row) if expression is not None else None
        return None

    def _events(self, found: Sequence[Target | OpenRun], row: Any, asked_at: datetime) -> Iterator[RunEvent | Rejected]:
        if not isinstance(row, dict):
            yield Rejected(f"a run is a {type(row).__name__}, not an object")
            return
        for each in found:
            made = event(self._source, each.pipeline_id, row, asked_at)
            if made is not None:
                yield made


class _Place:
    """The current position in a listing, by the description's kind of paging."""

    def __init__(self, source: Source, request: RequestTemplate, start: Position | None) -> None:
        paging = self._paging = source.paging
        self._first = request
        self._cursors = CursorPaging(start if paging.kind in {"cursor", "link", "next_url"} else None)
        self._offsets = OffsetPaging(start if paging.kind == "offset" else None)
        self._numbers = NumberPaging(paging.first, start if paging.kind == "page" else None)
        self.request = request
        self.stepped_back = False
        match paging.kind:
            case "page":
                self._ask_for(self._numbers.number)
            case "offset" if start:
                self._ask_for(self._offsets.offset)
            case "cursor" if self._cursors.cursor:
                self._ask_for(self._cursors.cursor)
            case "link" | "next_url" if self._cursors.cursor:
                self.request = self._at(self._cursors.cursor)

    @property
    def position(self) -> Position:
        match self._paging.kind:
            case "offset":
                return self._offsets.position
            case "page":
                return self._numbers.position
            case "none" | "cursor" | "link" | "next_url":
                return self._cursors.position
            case unknown:
                raise AssertionError(f"unknown kind of paging {unknown!r}")

    def _at(self, address: str) -> RequestTemplate:
        return RequestTemplate(self._first.method, address, {}, self._first.body)

    def advance(self, answer: Exchanged, rows: list[Any], keys: list[str], session: PartnerSession) -> bool:
        """Return whether there is a next page; `request` is then its request."""
        paging = self._paging
        if paging.more is not None and not _searched(paging.more, answer.body):
            return False
        total = _searched(paging.total, answer.body) if paging.total is not None else None
        total = total if isinstance(total, int) else None
        match paging.kind:
            case "none":
                return False
            case "cursor":
                if not self._cursors.advance(_searched(paging.next, answer.body)):
                    return False
                self._ask_for(str(self._cursors.cursor))
            case "offset":
                if not self._offsets.advance(keys=keys, total=total):
                    return False
                self._ask_for(self._offsets.offset)
            case "page":
                before = self._numbers.number
                if not self._numbers.advance(page=rows, total=total):
                    return False
                self.stepped_back = self._numbers.number <= before
                self._ask_for(self._numbers.number)
            case "link" | "next_url":
                url = answer.next_url if paging.kind == "link" else _searched(paging.next, answer.body)
                if not self._cursors.advance(session.own_address(url) if isinstance(url, str) and url else url):
                    return False
                self.request = self._at(str(self._cursors.cursor))
            case unknown:
                raise AssertionError(f"unknown kind of paging {unknown!r}")
        return True

    def _ask_for(self, position: str | int) -> None:
        self.request = self._first.with_parameter(self._paging.param, position)


def event(source: Source, pipeline_id: UUID, row: dict[str, Any], asked_at: datetime) -> RunEvent | None:
    """Return the event, or None for a row that is not a run. Unreadable fields are omitted and reported."""
    notes: list[str] = []
    values: dict[str, Any] = {}
    for name, expression in source.fields.items():
        try:
            values[name] = expression.search(row)
        except JMESPathError:
            notes.append(f"{name} left out: {expression.text!r} does not suit this run")
    status = canonical(source, word(source, row))
    if status == IGNORED:
        return None
    at = read(values.get("at"), source.time_format)
    clock = Clock.SOURCE
    if at is None and source.version == "asked":
        at, clock = asked_at, Clock.ASKED
    if status == "running" and not source.reopens:
        at = None  # without a version, record_runs never sets an ended run back to running
    if reason := values.get("status_reason"):
        notes.insert(0, str(reason))
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=values.get("external_run_id"),
        status=status,
        started_at=read(values.get("started_at"), source.time_format),
        finished_at=read(values.get("finished_at"), source.time_format),
        duration_seconds=duration(values.get("duration_seconds"), source.duration_format),
        rows_processed=values.get("rows_processed"),
        error_message=values.get("error_message"),
        status_reason="; ".join(notes) or None,
        payload=_without(row, source.drop),
        source_url=values.get("source_url"),
        at=at,
        clock=clock,
    )


def error_text(rules: ErrorTextRequest, body: object) -> str | None:
    """Return the lines selected by the description and the end of the log; None without both."""
    found = _searched(rules.lines, body)
    lines = [_text(line).strip() for line in (found if isinstance(found, list) else [found])]
    log = _text(_searched(rules.log, body)).strip()
    return "\n".join(filter(None, [*lines, log[-MAX_LOG:]])) or None


def word(source: Source, row: object) -> str | None:
    """Return the source's status, or several joined by a slash: completed/failure."""
    found = []
    for expression in source.words:
        with contextlib.suppress(JMESPathError):
            found.append(_text(expression.search(row)).strip())
    return "/".join(text for text in found if text) or None


def canonical(source: Source, word: str | None) -> str | None:
    """Return the status for all words together, else for the first; unknown words are returned unchanged."""
    if word is None:
        return None
    lowered = word.lower()
    return source.statuses.get(lowered) or source.statuses.get(lowered.partition("/")[0]) or word


def read(value: object, time_format: str) -> object:
    """Return the partner's time; None for 0. An unreadable value is returned unchanged."""
    if time_format == "iso":
        return value
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if value == 0:
        return None
    try:
        return datetime.fromtimestamp(round(value / 1000 if time_format == "epoch_ms" else value, 6), UTC)
    except (OverflowError, ValueError, OSError):
        return str(value)


def duration(value: object, duration_format: str) -> object:
    """Return seconds; an unreadable value is returned unchanged."""
    if duration_format == "milliseconds" and isinstance(value, int | float) and not isinstance(value, bool):
        return value / 1000 if math.isfinite(value) else value
    if duration_format == "iso8601" and isinstance(value, str) and value:
        found = parse_duration(value)
        return found.total_seconds() if found is not None else value
    return value


def _sent(moment: datetime, time_format: str) -> str | int | float:
    match time_format:
        case "epoch":
            return moment.timestamp()
        case "epoch_ms":
            return math.floor(moment.timestamp() * 1000)
        case "date":
            return moment.date().isoformat()
        case "iso":
            return utc_text(moment)
        case unknown:
            raise AssertionError(f"unknown time format {unknown!r}")


def _moment(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _searched(expression: Expression | None, document: object) -> Any:
    if expression is None:
        return None
    try:
        return expression.search(document)
    except JMESPathError:
        raise BadAnswer(f"the answer does not suit {expression.text!r}") from None


def _text(value: object) -> str:
    """Return a text or whole number as text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _without(row: dict[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """Return a copy without the fields at these dotted paths, which differ in every response or are empty."""
    kept = dict(row)
    for path in paths:
        name, _, below = path.partition(".")
        if not below:
            kept.pop(name, None)
        elif isinstance(inner := kept.get(name), dict):
            kept[name] = _without(inner, [below])
    return kept
