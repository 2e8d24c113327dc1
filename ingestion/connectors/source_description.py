"""Read and check the description of a partner's API, the table `source` of a connection.

docs/connectors.md explains every key. The folder `presets` has examples.
"""

import tomllib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from chm_project.settings.config_reader import ConfigReader
from ingestion.connectors.request_template import PLACEHOLDER_PATTERN, RequestTemplate, unknown_placeholders
from ingestion.links import EXTERNAL_ID, RUN_ID, LinkTemplates
from runs.models import Status

PRESETS = {path.stem: path for path in sorted((Path(__file__).parent / "presets").glob("*.toml"))}

IGNORED = "ignored"  # the key in the table `status` for words of rows that are no runs, such as planned runs
VERSION_IS_REQUEST_TIME = "asked"  # a value of the key `version`
FIELDS = (
    "external_run_id", "pipeline", "started_at", "finished_at", "duration_seconds", "rows_processed",
    "error_message", "status_reason", "source_url", "at",
)  # fmt: skip
TIME_FORMATS = ("iso", "epoch", "epoch_ms")
DURATION_FORMATS = ("seconds", "milliseconds", "iso8601")
PAGING_KINDS = ("none", "cursor", "offset", "page", "link", "next_url")
# The keys that a kind of paging requires.
REQUIRED_PAGING_KEYS = {"cursor": ("param", "next"), "offset": ("param",), "page": ("param",), "next_url": ("next",)}


class Expression:
    """A JMESPath expression, compiled once."""

    def __init__(self, text: str) -> None:
        """Compile the text; raise JMESPathError."""
        self.text = text
        self._compiled = jmespath.compile(text)

    def search(self, document: object) -> Any:
        """Return the result; raise JMESPathError if a function does not accept the document's types."""
        return self._compiled.search(document)


WHOLE_DOCUMENT = Expression("@")


@dataclass(frozen=True, slots=True)
class Paging:
    """The table `paging`: how the next page of a listing is requested."""

    kind: str = "none"
    parameter: str = ""  # the request parameter for the cursor, offset or page number
    next_page: Expression | None = None  # the next cursor or URL
    has_more: Expression | None = None  # if its value is false or empty, the page is the last one
    total: Expression | None = None  # the number of rows on all pages
    first_number: int = 1  # the number of the first page
    is_described: bool = False  # whether the description has a table `paging`


@dataclass(frozen=True, slots=True)
class SinceRequest:
    """The table `since`: how a walk requests only changes, and where a listing without a filter ends."""

    request: RequestTemplate = field(default_factory=RequestTemplate)
    time_format: str = "iso"
    lookback_seconds: int = 0
    # For partners that require a since time: the first walk of a pipeline reads the runs of this many days.
    first_days: int = 0
    stop_before: Expression | None = None  # the time of an item; the listing ends if all times of a page are too old


@dataclass(frozen=True, slots=True)
class OneRunRequest:
    """The table `one_run`: how to request one run, and how to detect that it is gone at the source."""

    request: RequestTemplate
    item: Expression = WHOLE_DOCUMENT  # the run in the response
    detects_gone: bool = True  # whether a 404 with JSON, or `gone_text`, shows that the run is gone
    gone_text: str = ""  # part of the partner's error message


@dataclass(frozen=True, slots=True)
class ErrorTextRequest:
    """The table `error_text`: how to request the error text of a failed run if the list of runs has none."""

    request: RequestTemplate
    lines: Expression  # a text, or a list of texts that become one line each
    log: Expression | None = None  # a log; its end is stored


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """The description of a partner's API: the checked table `source`, with compiled expressions."""

    request: RequestTemplate = field(default_factory=RequestTemplate)
    items: Expression = WHOLE_DOCUMENT
    fields: Mapping[str, Expression] = field(default_factory=dict)
    status_expressions: tuple[Expression, ...] = ()
    statuses: Mapping[str, str] = field(default_factory=dict)
    paging: Paging = Paging()
    since: SinceRequest | None = None
    one_pipeline: RequestTemplate | None = None
    open_runs: RequestTemplate | None = None
    one_run: OneRunRequest | None = None
    error_text: ErrorTextRequest | None = None
    links: LinkTemplates = field(default_factory=LinkTemplates)
    time_format: str = "iso"
    duration_format: str = "seconds"
    version: str = "none"  # with VERSION_IS_REQUEST_TIME, a run without an update time gets the time of the request
    reopens: bool = True  # whether an ended run can become running again
    drop: tuple[str, ...] = ()  # paths of fields that are not stored

    @property
    def has_listing_per_pipeline(self) -> bool:
        """Return whether each pipeline has a listing of its own."""
        return "external_id" in self.request.placeholders()


def read_preset(name: str) -> dict[str, Any]:
    """Return the table `source` of the preset."""
    return tomllib.loads(PRESETS[name].read_text(encoding="utf-8"))


def read_source(
    reader: ConfigReader, table_name: str, table: Mapping[str, Any], preset: Mapping[str, Any]
) -> SourceDescription:
    """Return the description in `table`, merged into `preset` (the table of a preset, or empty).

    Values and lists in `table` replace those of the preset. The reader collects the mistakes.
    """
    return _SourceReader(reader, table_name).source(_merge(preset, table))


def _merge(preset: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(preset)
    for key, value in table.items():
        preset_value = merged.get(key)
        if isinstance(preset_value, dict) and isinstance(value, dict):
            merged[key] = _merge(preset_value, value)
        else:
            merged[key] = value
    return merged


class _SourceReader:
    """Reads the tables of one description. `reader` collects mistakes; their messages begin with `table_name`."""

    def __init__(self, reader: ConfigReader, table_name: str) -> None:
        self.reader = reader
        self.table_name = table_name

    def source(self, table: Mapping[str, Any]) -> SourceDescription:
        reader, table_name = self.reader, self.table_name
        request = self._request(table, "request", {"now", "external_id"}, allows_method=True)
        status_expressions, statuses = self._status(reader.table(table, "status", table_name, required=True))
        fields = self._fields(reader.table(table, "fields", table_name, required=True))
        source = SourceDescription(
            request=request,
            items=self._expression(table, table_name, "items", required=True) or WHOLE_DOCUMENT,
            fields=fields,
            status_expressions=status_expressions,
            statuses=statuses,
            paging=self._paging(reader.table(table, "paging", table_name)),
            since=self._since(table) if "since" in table else None,
            one_pipeline=self._optional_request(table, "one_pipeline", {"now", "external_id"}),
            open_runs=self._optional_request(table, "open_runs", {"now"}),
            one_run=self._one_run(table) if "one_run" in table else None,
            error_text=self._error_text(table) if "error_text" in table else None,
            links=self._links(reader.table(table, "links", table_name)),
            time_format=reader.choice(table, table_name, "time_format", TIME_FORMATS, default="iso"),
            duration_format=reader.choice(table, table_name, "duration_format", DURATION_FORMATS, default="seconds"),
            version=reader.choice(table, table_name, "version", (VERSION_IS_REQUEST_TIME, "none"), default="none"),
            reopens=reader.boolean(table, table_name, "reopens", default=True),
            drop=reader.texts(table, table_name, "drop"),
        )
        if not request.path:
            reader.mistakes.append(f"{table_name}.request.path: is missing")
        if source.open_runs is not None and "external_id" in request.with_part(source.open_runs).placeholders():
            reader.mistakes.append(
                f"{table_name}.open_runs: one request lists the open runs of all pipelines, so give it a path, query "
                f"or body without {{external_id}}, which replaces the one in {table_name}.request"
            )
        if not source.has_listing_per_pipeline and "pipeline" not in fields:
            reader.mistakes.append(
                f"{table_name}.fields.pipeline: is missing; it is required if the request does not contain "
                "{external_id}"
            )
        reader.refuse_unknown_keys(
            table,
            table_name,
            {"request", "items", "fields", "status", "paging", "since", "one_pipeline", "open_runs", "one_run",
             "error_text", "links", "time_format", "duration_format", "version", "reopens", "drop"},
        )  # fmt: skip
        return source

    def _request(
        self,
        table: Mapping[str, Any],
        key: str,
        allowed: Set[str],
        *,
        allows_method: bool = False,
        other_keys: Set[str] = frozenset(),
    ) -> RequestTemplate:
        """Return the request in the table `key`. It may contain the placeholders in `allowed`.

        With `allows_method`, the table is required and may contain `method`. The caller itself reads the keys
        `other_keys`.
        """
        reader, table_name = self.reader, f"{self.table_name}.{key}"
        part = reader.table(table, key, self.table_name, required=allows_method)
        query = reader.table(part, "query", table_name)
        if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in query.values()):
            reader.mistakes.append(f"{table_name}.query: values must be texts or whole numbers")
            query = {}
        request = RequestTemplate(
            method=reader.choice(part, table_name, "method", ("GET", "POST"), default="GET")
            if allows_method
            else "GET",
            path=reader.text(part, table_name, "path"),
            query={name: str(value) for name, value in query.items()},
            body=reader.table(part, "body", table_name) if "body" in part else None,
        )
        if request.path and not request.path.startswith("/"):
            reader.mistakes.append(f"{table_name}.path: must begin with / (it follows base_url)")
        if allows_method and request.body is not None and request.method == "GET":
            reader.mistakes.append(f'{table_name}.body: requires method = "POST"')
        for name in sorted(unknown_placeholders(request, allowed)):
            placeholders = ", ".join(f"{{{placeholder}}}" for placeholder in sorted(allowed))
            reader.mistakes.append(f"{table_name}: {{{name}}} is not a placeholder here (only {placeholders})")
        reader.refuse_unknown_keys(
            part, table_name, {"path", "query", "body", *other_keys} | ({"method"} if allows_method else set())
        )
        return request

    def _optional_request(self, table: Mapping[str, Any], key: str, allowed: set[str]) -> RequestTemplate | None:
        return self._request(table, key, allowed) if key in table else None

    def _since(self, table: Mapping[str, Any]) -> SinceRequest:
        reader, table_name = self.reader, f"{self.table_name}.since"
        keys = {"time_format", "lookback_seconds", "first_days", "stop_before"}
        request = self._request(table, "since", {"now", "since", "external_id"}, other_keys=keys)
        part = reader.table(table, "since", self.table_name)
        formats = (*TIME_FORMATS, "date")
        return SinceRequest(
            request=request,
            time_format=reader.choice(
                part, table_name, "time_format", formats, default=str(table.get("time_format", "iso"))
            ),
            lookback_seconds=int(reader.number(part, table_name, "lookback_seconds", 0, 0, 90 * 86_400)),
            first_days=int(reader.number(part, table_name, "first_days", 0, 0, 3_660)),
            stop_before=self._expression(part, table_name, "stop_before"),
        )

    def _one_run(self, table: Mapping[str, Any]) -> OneRunRequest:
        reader, table_name = self.reader, f"{self.table_name}.one_run"
        request = self._request(
            table, "one_run", {"external_id", "external_run_id"}, other_keys={"item", "gone", "gone_text"}
        )
        part = reader.table(table, "one_run", self.table_name)
        if not request.path:
            reader.mistakes.append(f"{table_name}.path: is missing")
        return OneRunRequest(
            request=request,
            item=self._expression(part, table_name, "item") or WHOLE_DOCUMENT,
            detects_gone=reader.boolean(part, table_name, "gone", default=True),
            gone_text=reader.text(part, table_name, "gone_text"),
        )

    def _error_text(self, table: Mapping[str, Any]) -> ErrorTextRequest:
        table_name = f"{self.table_name}.error_text"
        allowed = {"external_id", "external_run_id", "since", "now"}
        request = self._request(table, "error_text", allowed, allows_method=True, other_keys={"lines", "log"})
        part = self.reader.table(table, "error_text", self.table_name)
        if not request.path:
            self.reader.mistakes.append(f"{table_name}.path: is missing")
        return ErrorTextRequest(
            request=request,
            lines=self._expression(part, table_name, "lines", required=True) or WHOLE_DOCUMENT,
            log=self._expression(part, table_name, "log"),
        )

    def _links(self, table: Mapping[str, Any]) -> LinkTemplates:
        """Return the URL templates. They begin with {ui} or a fixed URL."""
        reader, table_name = self.reader, f"{self.table_name}.links"
        links = LinkTemplates(
            pipeline_page=reader.text(table, table_name, "pipeline") or None,
            run_page=reader.text(table, table_name, "runs") or None,
        )
        for key, template in (("pipeline", links.pipeline_page), ("runs", links.run_page)):
            # With the scheme javascript:, a click on the link in the console would execute code.
            if template and not template.startswith(("{ui}", "https://", "http://")):
                reader.mistakes.append(f"{table_name}.{key}: must begin with {{ui}}, https:// or http://")
            allowed = {"{ui}", "{base_path}", EXTERNAL_ID, *({RUN_ID} if key == "runs" else ())}
            for placeholder in PLACEHOLDER_PATTERN.finditer(template or ""):
                if placeholder[0] not in allowed:
                    names = ", ".join(sorted(allowed))
                    reader.mistakes.append(
                        f"{table_name}.{key}: {placeholder[0]} is not a placeholder here (only {names})"
                    )
        reader.refuse_unknown_keys(table, table_name, {"pipeline", "runs"})
        return links

    def _paging(self, table: Mapping[str, Any]) -> Paging:
        reader, table_name = self.reader, f"{self.table_name}.paging"
        paging = Paging(
            is_described=bool(table),
            kind=reader.choice(table, table_name, "kind", PAGING_KINDS, default="none"),
            parameter=reader.text(table, table_name, "param"),
            next_page=self._expression(table, table_name, "next"),
            has_more=self._expression(table, table_name, "more"),
            total=self._expression(table, table_name, "total"),
            first_number=int(reader.number(table, table_name, "first", 1, 0, 1)),
        )
        for key in REQUIRED_PAGING_KEYS.get(paging.kind, ()):
            if not table.get(key):
                reader.mistakes.append(f"{table_name}.{key}: is missing ({paging.kind} requires it)")
        reader.refuse_unknown_keys(table, table_name, {"kind", "param", "next", "more", "total", "first"})
        return paging

    def _fields(self, table: Mapping[str, Any]) -> dict[str, Expression]:
        table_name = f"{self.table_name}.fields"
        if table and "external_run_id" not in table:
            self.reader.mistakes.append(f"{table_name}.external_run_id: is missing")
        self.reader.refuse_unknown_keys(table, table_name, set(FIELDS))
        expressions = ((name, self._expression(table, table_name, name)) for name in FIELDS if name in table)
        return {name: expression for name, expression in expressions if expression is not None}

    def _status(self, table: Mapping[str, Any]) -> tuple[tuple[Expression, ...], dict[str, str]]:
        reader, table_name = self.reader, f"{self.table_name}.status"
        reader.refuse_unknown_keys(table, table_name, {"words", *Status.values, IGNORED})
        expression_texts = reader.texts(table, table_name, "words")
        if table and not expression_texts and "words" not in table:
            reader.mistakes.append(
                f'{table_name}.words: is missing; list expressions for the status, such as ["status"]'
            )
        statuses: dict[str, str] = {}
        for status, word in self._words_by_status(table, table_name):
            if statuses.setdefault(word, status) != status:
                reader.mistakes.append(f"{table_name}.{status}: {word!r} is also under {statuses[word]}")
        if table and not statuses:
            reader.mistakes.append(f"{table_name}: list the source's statuses under {', '.join(Status.values)}")
        compiled = (self._compile(f"{table_name}.words", text) for text in expression_texts)
        return tuple(expression for expression in compiled if expression is not None), statuses

    def _words_by_status(self, table: Mapping[str, Any], table_name: str) -> Iterator[tuple[str, str]]:
        for status in (*Status.values, IGNORED):
            for word in self.reader.texts(table, table_name, status):
                yield status, word.strip().lower()

    def _expression(
        self, table: Mapping[str, Any], table_name: str, key: str, *, required: bool = False
    ) -> Expression | None:
        text = self.reader.text(table, table_name, key, required=required)
        return self._compile(f"{table_name}.{key}", text) if text else None

    def _compile(self, table_name: str, text: str) -> Expression | None:
        try:
            return Expression(text)
        except JMESPathError as error:
            message = str(error).splitlines()[0]
            self.reader.mistakes.append(f"{table_name}: {text!r} is not a JMESPath expression: {message}")
            return None
