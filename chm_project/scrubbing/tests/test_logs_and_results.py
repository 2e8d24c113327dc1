"""Log lines of all levels, and stored results of tasks, contain no secrets."""

import io
import json
import logging
from typing import Any

import pytest
from kombu.serialization import dumps, loads

from chm_project.scrubbing.logs import ScrubbedJsonFormatter

SECRET = "hunter2-of-the-log"


def log_line(formatter: logging.Formatter, level: int, message: Any, *args: Any, **options: Any) -> str:
    """Return the line that a logger writes for the message."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("a third-party library", logging.DEBUG)
    logger.addHandler(handler)
    logger.log(level, message, *args, **options)
    return stream.getvalue()


@pytest.mark.proves("SE-002")
@pytest.mark.parametrize("formatter", [logging.Formatter(), ScrubbedJsonFormatter()])
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL])
def test_a_log_message_contains_no_secret_at_any_level(formatter: logging.Formatter, level: int) -> None:
    for message, args in [
        (f"password={SECRET}", ()),
        ("login failed: password=%s", (SECRET,)),
        ("GET /x?token=%s HTTP/1.1", (SECRET,)),
        ("said %r", ({"db_password": SECRET},)),
    ]:
        line = log_line(formatter, level, message, *args)

        assert SECRET not in line
        assert "[filtered]" in line


@pytest.mark.parametrize("formatter", [logging.Formatter(), ScrubbedJsonFormatter("%(message)s")])
def test_a_logged_traceback_contains_no_secret(formatter: logging.Formatter) -> None:
    try:
        raise ValueError(f"password={SECRET}") from KeyError(f"token={SECRET}")
    except ValueError:
        line = log_line(formatter, logging.ERROR, "it broke", exc_info=True)

    assert "Traceback" in line
    assert SECRET not in line


def test_an_extra_field_of_a_log_record_contains_no_secret() -> None:
    line = log_line(ScrubbedJsonFormatter("%(message)s"), logging.INFO, "hello", extra={"config": {"password": SECRET}})

    assert json.loads(line)["config"] == {"password": "[filtered]"}


@pytest.mark.parametrize(
    "result",
    [
        {"errors": [{"connection": "a", "error": f"password={SECRET}"}]},
        {"exc_type": "ValueError", "exc_message": [f"token={SECRET}"], "exc_module": "builtins"},
        {"traceback": f"ValueError: login with password '{SECRET}' failed"},
    ],
)
def test_the_result_of_a_task_is_stored_without_secrets(result: dict[str, Any], settings: Any) -> None:
    content_type, encoding, text = dumps(result, serializer=settings.CELERY_RESULT_SERIALIZER)

    assert SECRET not in text
    assert "[filtered]" in text
    assert loads(text, content_type, encoding, accept=[content_type]).keys() == result.keys()
