"""Remove secrets from the log records of all loggers, at all levels."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from chm_project.scrubbing.payloads import scrubbed
from chm_project.scrubbing.texts import scrub_text


class ScrubbedRecord(logging.LogRecord):
    """A log record without secrets in its message, traceback and stack."""

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
    """Format a record as one JSON object per line, without secrets in its extra fields."""

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        return super().jsonify_log_record(scrubbed(_json_value(log_data)))


def install() -> None:
    """Remove secrets from all log records that are created from now on."""
    # All loggers use this factory. A filter would apply only to the records of its own logger.
    logging.setLogRecordFactory(ScrubbedRecord)


def _json_value(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json_value(item) for item in value]
    return str(value)
