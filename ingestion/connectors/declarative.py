"""A connector for any JSON list of runs, configured by a description of the API (source_description.py).

If the described request contains {external_id}, each pipeline is listed separately. Otherwise one listing covers all
pipelines.
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
    FailedRun,
    FailedRunText,
    NoPipelineList,
    OpenRun,
    Page,
    Target,
    Walk,
    earliest_since,
    gone_event,
    group_by_external_id,
    utc_text,
)
from ingestion.connectors.next_page import describe_next_page, looks_full
from ingestion.connectors.request_template import RequestTemplate
from ingestion.connectors.source_description import (
    IGNORED,
    VERSION_IS_REQUEST_TIME,
    ErrorTextRequest,
    Expression,
    OneRunRequest,
    SourceDescription,
)
from ingestion.connectors.walk_plans import (
    MAX_SINGLE_WALKS,
    RunKey,
    plan_walks,
    reread_open_runs_by_key,
    walk_each_external_id,
)
from ingestion.errors import BadAnswer, NotFound, Refused
from ingestion.http import PartnerResponse, PartnerSession
from ingestion.links import Links, LinkTemplates, expand_links
from ingestion.paging import CursorPaging, OffsetPaging, PageLimit, PageNumberPaging, Position
from runs.events import Rejected, RunEvent, VersionSource

MAX_LOG_CHARACTERS = 4_000  # CHM stores this many characters from the end of a log

PlaceholderValues = dict[str, str | int | float]


class DeclarativeConnector(NoPipelineList):
    """Lists the runs of any partner whose API is described in a connections file or a preset."""

    def __init__(
        self, session: PartnerSession, description: SourceDescription, *, has_pipeline: Callable[[str], bool]
    ) -> None:
        """`has_pipeline` returns whether an external id belongs to a pipeline of the connection."""
        self._session = session
        self._description = description
        self._has_pipeline = has_pipeline
        self.fetches_error_texts = description.error_text is not None
        self.has_listing_per_pipeline = description.has_listing_per_pipeline

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        if self._description.has_listing_per_pipeline:
            return walk_each_external_id(targets, self._listing)
        # Without `one_pipeline` the description has no request for a single pipeline.
        max_single_walks = 0 if self._description.one_pipeline is None else MAX_SINGLE_WALKS
        return plan_walks(targets, self._listing, max_single_walks=max_single_walks)

    def reread_open_runs(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        """Read the list of open runs if the description has one.

        Then request each run that the list does not contain.
        """
        description, open_rows = self._description, None
        if description.open_runs is not None:
            pages = self._pages(description.request.with_part(description.open_runs), None, "")
            open_rows = ((requested_at, rows) for requested_at, rows, _ in pages)
        return reread_open_runs_by_key(
            runs,
            open_rows=open_rows,
            run_key=self._key,
            to_events=self._events,
            read_run=None if description.one_run is None else partial(self._read_run, description.one_run),
        )

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[FailedRunText]:
        """Yield each run with its text. The text is None if the partner answers 404 or the response has no text."""
        if (text_request := self._description.error_text) is None:
            return
        for run in runs:
            now = datetime.now(UTC)
            values: PlaceholderValues = {
                "external_id": run.external_id,
                "external_run_id": run.external_run_id,
                "since": utc_text((run.started_at or run.finished_at or now) - timedelta(days=1)),
                "now": utc_text(now),
            }
            try:
                body = self._send(text_request.request.with_values(values)).body
            except NotFound:
                yield run, None
                continue
            yield run, error_text(text_request, body)

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return the links from the description's templates; {base_path} is the path of base_url."""
        path = urlsplit(self._session.base_url).path
        pipeline_page, run_page = (
            template and template.replace("{ui}", ui).replace("{base_path}", path)
            for template in (self._description.links.pipeline_page, self._description.links.run_page)
        )
        return expand_links(LinkTemplates(pipeline_page, run_page), external_ids)

    def _read_run(self, one_run: OneRunRequest, runs: Sequence[OpenRun]) -> Iterator[RunEvent | Rejected]:
        requested_at = datetime.now(UTC)
        values: PlaceholderValues = {"external_id": runs[0].external_id, "external_run_id": runs[0].external_run_id}
        try:
            body = self._send(one_run.request.with_values(values)).body
        except Refused as error:
            # A 404 without JSON comes from a proxy and not from the API, so it does not prove that the run is gone.
            not_found = isinstance(error, NotFound) and error.has_json_body
            if not one_run.detects_gone or not (not_found or (one_run.gone_text and one_run.gone_text in str(error))):
                raise
            version = requested_at if self._description.version == VERSION_IS_REQUEST_TIME else None
            yield from (gone_event(run, version=version) for run in runs)
            return
        yield from self._events(runs, _search(one_run.item, body), requested_at)

    def _listing(
        self, targets: Sequence[Target], external_id: str | None, start_position: Position | None
    ) -> Iterator[Page]:
        targets_by_id, request = group_by_external_id(targets), self._description.request
        if external_id is not None and not self._description.has_listing_per_pipeline:
            request = request.with_part(self._description.one_pipeline)
        for requested_at, rows, position in self._pages(
            request, earliest_since(targets), external_id or "", start_position
        ):
            page = Page(position=position, notices=self._notices(rows))
            for row in rows:
                if self._description.has_listing_per_pipeline:
                    pipelines: Sequence[Target] = targets
                elif name := _as_text(self._field("pipeline", row)):
                    pipelines = targets_by_id.get(name, ())
                    if not pipelines and not self._has_pipeline(name):
                        page.unknown_ids.add(name)
                else:
                    page.events.append(Rejected("an item without the pipeline that it belongs to"))
                    continue
                page.events.extend(self._events(pipelines, row, requested_at))
            yield page

    def _text_keys(self, rows: list[Any]) -> list[str]:
        return ["\n".join(part or "" for part in self._key(row)) for row in rows]

    def _key(self, row: Any) -> RunKey:
        return _as_text(self._field("pipeline", row)), _as_text(self._field("external_run_id", row))

    def _pages(
        self, request: RequestTemplate, since: datetime | None, external_id: str, start_position: Position | None = None
    ) -> Iterator[tuple[datetime, list[Any], Position]]:
        """Yield the time of the request, the rows and the position of each page."""
        now = datetime.now(UTC)
        since_request = self._description.since
        values: PlaceholderValues = {"external_id": external_id, "now": utc_text(now)}
        if since_request is not None:
            if since is not None:
                since -= timedelta(seconds=since_request.lookback_seconds)
            elif since_request.first_days:
                since = now - timedelta(days=since_request.first_days)
            if since is not None:
                request = request.with_part(since_request.request)
                time_format = since_request.time_format
                values |= {"since": _format_time(since, time_format), "now": _format_time(now, time_format)}
        request = request.with_values(values)
        listing = _ListingPosition(self._description, request, start_position)
        page_limit, previous_rows = PageLimit(), None
        while True:
            requested_at, position = datetime.now(UTC), listing.position
            response = self._send(listing.request)
            rows = _search(self._description.items, response.body)
            if not isinstance(rows, list):
                raise BadAnswer(f"the answer has no list at {self._description.items.text!r}")
            # With offsets, new rows can move the rows of the previous page to this page, although there is no loop. So
            # OffsetPaging detects loops itself.
            if rows and rows == previous_rows and self._description.paging.kind != "offset":
                raise BadAnswer("the partner returned the same page twice")
            page_limit.count_page(len(rows))
            yield requested_at, rows, position
            if not self._description.paging.is_described and (evidence := describe_next_page(response)):
                raise BadAnswer(
                    f"{evidence} refers to a next page, but the description has no paging: describe source.paging, or "
                    'set kind = "none" there to read only the first page'
                )
            if self._all_older(rows, since) or not listing.advance(
                response, rows, self._text_keys(rows), self._session
            ):
                return
            # If rows were deleted, the walk goes back, so the same page can follow again. This is no loop.
            previous_rows = None if listing.has_stepped_back else rows

    def _notices(self, rows: list[Any]) -> set[str]:
        request = self._description.request
        parameter_values = {str(value) for value in [*request.query.values(), *(request.body or {}).values()]}
        if self._description.paging.is_described or not looks_full(rows, parameter_values):
            return set()
        return {f"the page has exactly {len(rows)} runs and source.paging is missing, so there may be more runs"}

    def _send(self, request: RequestTemplate) -> PartnerResponse:
        return self._session.send_request(request.method, request.path, request.query, request.body)

    def _all_older(self, rows: list[Any], since: datetime | None) -> bool:
        """Return whether the listing can end, because all rows of this page are older than `since`.

        This is for partners that list the newest runs first and cannot filter by time.
        """
        since_request = self._description.since
        if since_request is None or since_request.stop_before is None or since is None or not rows:
            return False
        time_format = self._description.time_format
        times = [_as_datetime(read_time(_search(since_request.stop_before, row), time_format)) for row in rows]
        return all(time is not None and time < since for time in times)

    def _field(self, name: str, row: Any) -> Any:
        """Return the value of a field of the description, or None if its expression does not fit the row."""
        expression = self._description.fields.get(name)
        with contextlib.suppress(JMESPathError):
            return expression.search(row) if expression is not None else None
        return None

    def _events(
        self, pipelines: Sequence[Target | OpenRun], row: Any, requested_at: datetime
    ) -> Iterator[RunEvent | Rejected]:
        """Yield an event for each pipeline of the row. Pipelines of several clients may share an external id."""
        if not isinstance(row, dict):
            yield Rejected(f"a run is a {type(row).__name__}, not an object")
            return
        for pipeline in pipelines:
            run_event = to_run_event(self._description, pipeline.pipeline_id, row, requested_at)
            if run_event is not None:
                yield run_event


class _ListingPosition:
    """The position in a listing, and the request for its current page, for any kind of paging."""

    def __init__(
        self, description: SourceDescription, request: RequestTemplate, start_position: Position | None
    ) -> None:
        paging = self._paging = description.paging
        self._first_request = request
        self._cursors = CursorPaging(start_position if paging.kind in {"cursor", "link", "next_url"} else None)
        self._offsets = OffsetPaging(start_position if paging.kind == "offset" else None)
        self._numbers = PageNumberPaging(paging.first_number, start_position if paging.kind == "page" else None)
        self.request = request
        self.has_stepped_back = False
        match paging.kind:
            case "page":
                self._set_parameter(self._numbers.number)
            case "offset" if start_position:
                self._set_parameter(self._offsets.offset)
            case "cursor" if self._cursors.cursor:
                self._set_parameter(self._cursors.cursor)
            case "link" | "next_url" if self._cursors.cursor:
                self.request = self._request_for(self._cursors.cursor)

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

    def _request_for(self, next_url: str) -> RequestTemplate:
        # Without the query of the first request, because the URL of the next page has its own query.
        return RequestTemplate(self._first_request.method, next_url, {}, self._first_request.body)

    def advance(self, response: PartnerResponse, rows: list[Any], keys: list[str], session: PartnerSession) -> bool:
        """Return whether there is a next page. If there is one, set `request` to the request for it."""
        paging = self._paging
        if paging.has_more is not None and not _search(paging.has_more, response.body):
            return False
        total = _search(paging.total, response.body) if paging.total is not None else None
        total = total if isinstance(total, int) else None
        match paging.kind:
            case "none":
                return False
            case "cursor":
                if not self._cursors.advance(_search(paging.next_page, response.body)):
                    return False
                self._set_parameter(str(self._cursors.cursor))
            case "offset":
                if not self._offsets.advance(keys=keys, total=total):
                    return False
                self._set_parameter(self._offsets.offset)
            case "page":
                before = self._numbers.number
                if not self._numbers.advance(page=rows, total=total):
                    return False
                self.has_stepped_back = self._numbers.number <= before
                self._set_parameter(self._numbers.number)
            case "link" | "next_url":
                url = response.next_url if paging.kind == "link" else _search(paging.next_page, response.body)
                if not self._cursors.advance(session.same_host_url(url) if isinstance(url, str) and url else url):
                    return False
                self.request = self._request_for(str(self._cursors.cursor))
            case unknown:
                raise AssertionError(f"unknown kind of paging {unknown!r}")
        return True

    def _set_parameter(self, position: str | int) -> None:
        self.request = self._first_request.with_parameter(self._paging.parameter, position)


def to_run_event(
    description: SourceDescription, pipeline_id: UUID, row: dict[str, Any], requested_at: datetime
) -> RunEvent | None:
    """Return the event, or None for a row that is not a run.

    If the expression of a field does not fit the row, the field is left out, and the run's status reason says so.
    """
    notes: list[str] = []
    values: dict[str, Any] = {}
    for name, expression in description.fields.items():
        try:
            values[name] = expression.search(row)
        except JMESPathError:
            notes.append(f"{name} left out: {expression.text!r} does not fit this run")
    status = canonical_status(description, source_status(description, row))
    if status == IGNORED:
        return None
    version = read_time(values.get("at"), description.time_format)
    version_source = VersionSource.SOURCE
    if version is None and description.version == VERSION_IS_REQUEST_TIME:
        version, version_source = requested_at, VersionSource.REQUEST_TIME
    if status == "running" and not description.reopens:
        version = None  # without a version, record_runs never sets an ended run back to running
    if reason := values.get("status_reason"):
        notes.insert(0, str(reason))
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=values.get("external_run_id"),
        status=status,
        started_at=read_time(values.get("started_at"), description.time_format),
        finished_at=read_time(values.get("finished_at"), description.time_format),
        duration_seconds=read_duration(values.get("duration_seconds"), description.duration_format),
        rows_processed=values.get("rows_processed"),
        error_message=values.get("error_message"),
        status_reason="; ".join(notes) or None,
        payload=_without(row, description.drop),
        source_url=values.get("source_url"),
        source_updated_at=version,
        version_source=version_source,
    )


def error_text(text_request: ErrorTextRequest, body: object) -> str | None:
    """Return the lines that the description selects and the end of the log, or None if both are empty."""
    selected = _search(text_request.lines, body)
    lines = [_as_text(line).strip() for line in (selected if isinstance(selected, list) else [selected])]
    log = _as_text(_search(text_request.log, body)).strip()
    return "\n".join(filter(None, [*lines, log[-MAX_LOG_CHARACTERS:]])) or None


def source_status(description: SourceDescription, row: object) -> str | None:
    """Return the row's status in the source's words, joined by a slash (completed/failure), or None if it has none."""
    words = []
    for expression in description.status_expressions:
        with contextlib.suppress(JMESPathError):
            words.append(_as_text(expression.search(row)).strip())
    return "/".join(word for word in words if word) or None


def canonical_status(description: SourceDescription, words: str | None) -> str | None:
    """Return CHM's status for the source's words.

    Example: for "completed/failure", it is the status that the description has for completed/failure, else the one for
    completed. Unknown words are returned unchanged.
    """
    if words is None:
        return None
    lowered = words.lower()
    return description.statuses.get(lowered) or description.statuses.get(lowered.partition("/")[0]) or words


def read_time(value: object, time_format: str) -> object:
    """Return the time of a value in the described format. Return None for 0, which partners use for a missing time.

    A text in the format iso is returned unchanged. An invalid value is returned unchanged, or as text. record_runs does
    not store such a value, and reports it.
    """
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


def read_duration(value: object, duration_format: str) -> object:
    """Return the seconds. An invalid value is returned unchanged; record_runs does not store it, and reports it."""
    if duration_format == "milliseconds" and isinstance(value, int | float) and not isinstance(value, bool):
        return value / 1000 if math.isfinite(value) else value
    if duration_format == "iso8601" and isinstance(value, str) and value:
        parsed = parse_duration(value)
        return parsed.total_seconds() if parsed is not None else value
    return value


def _format_time(moment: datetime, time_format: str) -> str | int | float:
    """Return the time as the partner's filter expects it."""
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


def _as_datetime(value: object) -> datetime | None:
    """Return the time, in UTC if it has no zone; None if it cannot be read."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _search(expression: Expression | None, document: object) -> Any:
    """Return the value of the expression, or None if `expression` is None.

    Raise BadAnswer if the expression cannot be applied to the document.
    """
    if expression is None:
        return None
    try:
        return expression.search(document)
    except JMESPathError:
        raise BadAnswer(f"the answer does not fit {expression.text!r}") from None


def _as_text(value: object) -> str:
    """Return the value if it is a text, or as text if it is a whole number. Return "" for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _without(row: dict[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """Return a copy of the row without the fields at these dotted paths."""
    copy = dict(row)
    for path in paths:
        name, _, rest = path.partition(".")
        if not rest:
            copy.pop(name, None)
        elif isinstance(inner := copy.get(name), dict):
            copy[name] = _without(inner, [rest])
    return copy
