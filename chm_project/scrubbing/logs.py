"""Remove secrets from the log records of all loggers and levels."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from chm_project.scrubbing.payloads import scrubbed
from chm_project.scrubbing.texts import scrub_text


class ScrubbedRecord(logging.LogRecord):
    """A log record whose message, traceback and stack are scrubbed, for every handler."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.exc_info, tuple) and self.exc_info[1] is not None:
            # Formatters use this text instead of formatting the exception.
            self.exc_text = scrub_text("".join(traceback.format_exception(*self.exc_info)).rstrip("\n"))
        if self.stack_info:
            self.stack_info = scrub_text(self.stack_info)

    def getMessage(self) -> str:  # noqa: N802 - the name of logging
        return scrub_text(super().getMessage())


class ScrubbedJsonFormatter(JsonFormatter):
    """One JSON object per line, with scrubbed extra fields."""

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        return super().jsonify_log_record(scrubbed(_plain(log_data)))


def install() -> None:
    """Scrub all further log records."""
    # A factory is used for all loggers; a filter would see only the records of its own logger.
    logging.setLogRecordFactory(ScrubbedRecord)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)
