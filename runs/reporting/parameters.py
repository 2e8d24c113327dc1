"""The parameters of shapes with their types, defaults and limits."""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from chm_project.api.times import window_problems
from inventory.models import Environment, Platform
from runs.reporting.shapes import DEFAULT_WINDOW, default_window


class InvalidParameters(Exception):
    """A shape was called with invalid parameters. `problems` maps the names of the parameters to messages."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter. `read` converts a text or a Python value to a value for the query.

    `read` raises ValueError, with a message for the user, if the value is invalid.
    """

    sql_type: str
    description: str
    read: Callable[[Any], Any]
    default: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


def _read_time(value: Any) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            "Give a time in ISO 8601, such as 2026-01-31T08:00:00Z; without an offset it is UTC."
        ) from None


def _read_uuid(value: Any) -> uuid.UUID:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
    except (TypeError, ValueError, AttributeError):
        raise ValueError("Give a UUID.") from None


def _time_parameter(description: str, default: str) -> Parameter:
    return Parameter("timestamptz", description, _read_time, default)


def _choice_parameter(description: str, choices: tuple[str, ...], default: str = "") -> Parameter:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"Give one of: {', '.join(choices)}.")
        return str(value)

    return Parameter("text", description, read, default, choices)


def _number_parameter(description: str, minimum: int, maximum: int, default: int | None = None) -> Parameter:
    def read(value: Any) -> int:
        # Stricter than int(), which also accepts True and texts such as 1_000.
        try:
            number = (
                value
                if type(value) is int
                else int(value)
                if isinstance(value, str) and value.isdecimal()
                else minimum - 1
            )
        except ValueError:
            number = minimum - 1
        if not minimum <= number <= maximum:
            raise ValueError(f"Give a whole number from {minimum} to {maximum}.")
        return number

    return Parameter(
        "integer", description, read, "" if default is None else str(default), minimum=minimum, maximum=maximum
    )


# In the SQL, runs count in the state that they had at state_at: a run that ended later counts as running. Without
# as_of, state_at has this value, so all runs count in their stored state. The value is a text, because Python has no
# infinite datetime.
INFINITY = "infinity"

# The parameters that every shape has: the time and the scope.
COMMON_PARAMETERS = {
    "as_of": _time_parameter(
        "Compute the report for this past time, from the rows as they are stored now. Runs that started later do not "
        "count. Runs that ended later count as running.",
        "now",
    ),
    "client_id": Parameter("uuid", "Only this client's inventory.", _read_uuid),
    "platform": _choice_parameter("Only pipelines on this platform.", tuple(Platform.values)),
    "environment": _choice_parameter("Only pipelines of this environment.", tuple(Environment.values)),
}
# The parameters that a shape can have in addition.
SHAPE_PARAMETERS = {
    "since": _time_parameter("Start of the window, inclusive.", f"{DEFAULT_WINDOW} before until"),
    "until": _time_parameter("End of the window, exclusive.", "as_of"),
    "bucket": _choice_parameter("Width of a time bucket.", ("minute", "hour", "day", "week"), "hour"),
    "limit": _number_parameter("Maximum number of rows.", 1, 1000),
    "order": _choice_parameter("Order of the rows, applied before the limit.", ("failures", "flips"), "failures"),
    "max_duration_seconds": _number_parameter(
        "End of the last bucket, in seconds, exclusive. Runs that took this long or longer are in one more bucket.",
        1,
        2**31 - 1,
        3600,
    ),
    "bucket_count": _number_parameter("Number of buckets.", 1, 1000, 20),
    "weeks": _number_parameter("Number of ISO weeks, including the current week.", 1, 520, 12),
}


def default_text(default: str) -> str:
    """Return a default for openapi.yaml, with parameter names in backticks: "7 days before `until`"."""
    return re.sub(r"\b(as_of|until)\b", r"`\1`", default)


# Every report accepts this parameter. Only shapes that declare it in their header have a default limit.
LIMIT_PARAMETER = "limit"


def validated(
    shape_defaults: Mapping[str, str], requested: Mapping[str, Any], now: datetime | None = None
) -> dict[str, Any]:
    """Return the values of all parameters of a shape, and of state_at: as_of if the caller gives it, else infinity.

    `shape_defaults` maps the parameters of the shape to their defaults. Raise InvalidParameters with all problems.
    """
    parameters = (
        {name: SHAPE_PARAMETERS[name] for name in shape_defaults}
        | COMMON_PARAMETERS
        | {LIMIT_PARAMETER: SHAPE_PARAMETERS[LIMIT_PARAMETER]}
    )
    problems = {
        name: f"Unknown parameter. Known parameters: {', '.join(sorted(parameters))}."
        for name in requested
        if name not in parameters
    }
    values: dict[str, Any] = dict.fromkeys(parameters)
    for name, parameter in parameters.items():
        value = requested.get(name)
        try:
            if value is not None:
                values[name] = parameter.read(value)
            elif name in shape_defaults and parameter.sql_type != "timestamptz":
                values[name] = parameter.read(shape_defaults[name] or parameter.default)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise InvalidParameters(problems)
    values["state_at"] = values["as_of"] or INFINITY
    values["as_of"] = values["as_of"] or now or timezone.now()
    if "since" in shape_defaults:
        _complete_window(shape_defaults, values)
    return values


def _complete_window(shape_defaults: Mapping[str, str], values: dict[str, Any]) -> None:
    """Set the end and the start of the window if they are not given. Raise InvalidParameters if start >= end."""
    end_parameter = "until" if "until" in shape_defaults else "as_of"
    values[end_parameter] = values[end_parameter] or values["as_of"]
    number, unit = default_window(shape_defaults).split()
    try:
        values["since"] = values["since"] or values[end_parameter] - timedelta(**{unit: int(number)})
    except OverflowError:
        # The window would begin before the year 1.
        raise InvalidParameters({end_parameter: "Give a time after the year 1."}) from None
    if problems := window_problems(values["since"], values[end_parameter], end_parameter=end_parameter):
        raise InvalidParameters(problems)
