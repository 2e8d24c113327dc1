"""What a shape can be asked: each parameter's type, default and bounds, in one place."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from inventory.models import Environment, Platform


class InvalidParameters(Exception):
    """`problems` names each wrong parameter and what is wrong with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))


@dataclass(frozen=True, slots=True)
class Parameter:
    """`read` takes a text or a value of the right type, and raises ValueError with what to give instead."""

    sql_type: str
    description: str
    read: Callable[[Any], Any]
    default: str = ""
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


def _time(value: Any) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            "Give a time in ISO 8601, such as 2026-01-31T08:00:00Z; without an offset it is UTC."
        ) from None


def _id(value: Any) -> uuid.UUID:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
    except (TypeError, ValueError, AttributeError):
        raise ValueError("Give a UUID.") from None


def _time_parameter(description: str, default: str) -> Parameter:
    return Parameter("timestamptz", description, _time, default)


def _word(description: str, choices: tuple[str, ...], default: str = "") -> Parameter:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"Give one of: {', '.join(choices)}.")
        return str(value)

    return Parameter("text", description, read, default, choices)


def _number(description: str, least: int, most: int, default: int) -> Parameter:
    def read(value: Any) -> int:
        try:
            number = (
                value
                if type(value) is int
                else int(value)
                if isinstance(value, str) and value.isdecimal()
                else least - 1
            )
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise ValueError(f"Give a whole number from {least} to {most}.")
        return number

    return Parameter("integer", description, read, str(default), least=least, most=most)


# What the clock and the scope of every shape are.
COMMON = {
    "as_of": _time_parameter("In place of the clock; the past is judged from the rows as they stand.", "now"),
    "client_id": Parameter("uuid", "Only this client's inventory.", _id),
    "platform": _word("Only pipelines on this platform.", tuple(Platform.values)),
    "environment": _word("Only pipelines of this environment.", tuple(Environment.values)),
}
OWN = {
    "since": _time_parameter("Start of the window on event_at, inclusive.", "7 days before until"),
    "until": _time_parameter("End of the window on event_at, exclusive.", "as_of"),
    "bucket": _word("Width of a bucket.", ("minute", "hour", "day", "week"), "hour"),
    "limit": _number("Most rows to answer with.", 1, 1000, 20),
    "max_duration_seconds": _number("Where the last bucket ends; one more holds the longer runs.", 1, 2**31 - 1, 3600),
    "bucket_count": _number("Number of buckets.", 1, 1000, 20),
    "weeks": _number("Number of ISO weeks, the current one included.", 1, 520, 12),
}


def validated(own: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """All values of a shape's parameters; `own` maps the shape's own ones to their defaults, where they differ.

    Raises InvalidParameters, naming every problem at once.
    """
    known = {name: OWN[name] for name in own} | COMMON
    problems = {
        name: f"Unknown parameter. Known here: {', '.join(sorted(known))}." for name in given if name not in known
    }
    values: dict[str, Any] = dict.fromkeys(known)
    for name, parameter in known.items():
        value = given.get(name)
        try:
            if value is not None:
                values[name] = parameter.read(value)
            elif name in own and parameter.sql_type != "timestamptz":
                values[name] = parameter.read(own[name] or parameter.default)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise InvalidParameters(problems)
    values["as_of"] = values["as_of"] or timezone.now()
    if "since" in own:
        values["until"] = values["until"] or values["as_of"]
        try:
            values["since"] = values["since"] or values["until"] - timedelta(days=7)
        except OverflowError:
            raise InvalidParameters({"until": "Give a time after the year 1."}) from None
        if values["since"] >= values["until"]:
            raise InvalidParameters({"since": "This must be before until."})
    return values
