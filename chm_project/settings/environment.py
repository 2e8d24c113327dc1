"""Read settings of given types from environment variables. NAME_FILE can name a file with the value of NAME.

`EnvironmentReader` collects all errors, and `raise_faults` raises them as one exception. Messages contain no values.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

from chm_project.db.postgresql.connection import LimitedConnection, PoolerConnection, ReplicaConnection
from chm_project.local.embedded import redis_url

T = TypeVar("T")

MAX_DAYS = 36_500
ADDRESS_KIND = "a URL"

_FLAG_WORDS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off"), False)
_SECONDS_BY_PERIOD = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the settings have read. `check-config` prints it, and docs/settings.md is generated from it."""

    value_kind: str
    default: object
    value: object
    origin: str  # "default", "environment", or "file" with its path
    is_secret: bool = False

    @property
    def display_value(self) -> str:
        """Return the value as text without secrets; "" if it is empty."""
        text = as_text(self.value)
        if not text:
            return ""
        # An address without :// is not valid, and may be a password that was set in the wrong place.
        if self.is_secret or (self.value_kind == ADDRESS_KIND and "://" not in text and self.origin != "default"):
            return f"(set, {len(text)} characters)"
        return _without_password(text)


def as_text(value: object) -> str:
    """Return the text that a user would write for this value in a variable; "" for None and for an empty list."""
    match value:
        case None:
            return ""
        case bool() as flag:
            return str(flag).lower()
        case list() as texts:
            return ",".join(map(str, texts))
        case timedelta() as age:
            return f"{age.days}d"
        case other:
            return str(other)


def _without_password(text: str) -> str:
    """Return the URL with *** for each password: the password before the @, and those in query parameters."""
    text = re.sub(r"(?<=://)([^/@:]*):.*@", r"\1:***@", text)
    return re.sub(r"([?&]\w*password\w*=)[^&]*", r"\1***", text, flags=re.IGNORECASE)


class EnvironmentReader:
    """Read settings from environment variables, and store each of them in `variables`.

    An empty variable counts as not set. A `$` in a value has no special meaning, because secrets can contain it.
    """

    def __init__(self) -> None:
        self.variables: dict[str, Variable] = {}
        self._values = FileAwareMapping()
        self._faults: dict[str, str] = {}

    def text(self, name: str, default: str = "") -> str:
        return self._read(name, default, str, "text")

    def secret(self, name: str, default: str = "") -> str:
        """Return a text that check-config and error messages do not show."""
        return self._read(name, default, str, "text", is_secret=True)

    def address(self, name: str) -> str:
        """Return the URL of a server; check-config hides its password."""
        url = self._read(name, "", str, ADDRESS_KIND)
        try:
            urlsplit(url)
        except ValueError:
            self.record_fault(name, "is not a URL: in a password, write [ as %5B and ] as %5D.")
            return ""
        return url

    def raw(self, name: str) -> str:
        """Return the text of a variable or of its file; "" if it is not set.

        Raise OSError if the file cannot be read.
        """
        # Most files with a secret have a line break at the end. strip() removes it.
        return str(self._values.get(name, "")).strip()

    def text_list(self, name: str, default: list[str]) -> list[str]:
        """Return the texts that the variable lists, separated by commas."""
        return self._read(name, default, _split_at_commas, "texts separated by commas")

    def flag(self, name: str, default: bool) -> bool:
        return self._read(name, default, _parse_flag, "true or false")

    def integer(self, name: str, default: int, *, minimum: int, maximum: int | None = None) -> int:
        def parse(text: str) -> int:
            if maximum is not None and int(text) > maximum:
                raise ValueError
            return _at_least(minimum, int(text))

        bounds = f"from {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        return self._read(name, default, parse, f"a whole number {bounds}")

    def decimal(self, name: str, default: float, *, minimum: float) -> float:
        return self._read(name, default, lambda text: _at_least(minimum, float(text)), f"a number from {minimum:g}")

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        def parse(text: str) -> str:
            if text.upper() not in choices:
                raise ValueError
            return text.upper()

        return self._read(name, default, parse, f"one of {', '.join(choices)}")

    def levels(self, name: str, levels: tuple[str, ...]) -> list[str]:
        """Return the levels of loggers as texts such as "chm.page=DEBUG"."""

        def parse(text: str) -> list[str]:
            pairs = [word.partition("=") for word in _split_at_commas(text)]
            if not all(logger.strip() and level.strip().upper() in levels for logger, _, level in pairs):
                raise ValueError
            return [f"{logger.strip()}={level.strip().upper()}" for logger, _, level in pairs]

        return self._read(name, [], parse, "loggers with their levels, such as chm.page=DEBUG,chm.request=WARNING")

    def rate(self, name: str, default: str) -> str:
        return self._read(name, default, _parse_rate_text, "a rate such as 6000/minute (second, minute, hour or day)")

    def networks(self, name: str) -> list[str]:
        """Return a list of IP addresses or networks."""

        def parse(text: str) -> list[str]:
            return [str(ip_network(word)) for word in _split_at_commas(text)]

        return self._read(name, [], parse, "addresses or networks, such as 127.0.0.1,10.0.3.0/24")

    def age(self, name: str) -> timedelta | None:
        """Return the duration of a number of days such as 400d; None if it is not set."""
        return self._read(name, None, parse_age, "a number of days such as 400d")

    def record_fault(self, name: str, problem: str) -> None:
        """Record an error of a variable. Keep only its first error, because later errors usually follow from it."""
        self._faults.setdefault(name, problem)

    @property
    def faults(self) -> dict[str, str]:
        """Return the errors by variable; they contain no values."""
        return dict(self._faults)

    def raise_faults(self) -> None:
        """Raise ImproperlyConfigured with a list of all errors, if there are any."""
        if self._faults:
            lines = (f"- {name} {problem}" for name, problem in self._faults.items())
            raise ImproperlyConfigured("\n".join(("CHM does not start:", *lines)))

    def _read(self, name: str, default: T, parse: Callable[[str], T], expected: str, *, is_secret: bool = False) -> T:
        value, origin = default, "default"
        try:
            text = self.raw(name)
            if text:
                path = os.environ.get(f"{name}_FILE")
                value, origin = parse(text), f"file {path}" if path else "environment"
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            self.record_fault(name, f"cannot be read from the file that {name}_FILE names: {reason}.")
        except ValueError:
            self.record_fault(name, f"must be {expected}.")
        self.variables[name] = Variable(expected, default, value, origin, is_secret)
        return value


env = EnvironmentReader()


@lru_cache
def parse_rate(rate: str) -> tuple[int, int]:
    """Return the number of requests and the period in seconds: (6000, 60) for "6000/minute".

    Raise ValueError for a text in another form.
    """
    number, _, period = rate.partition("/")
    if not number.isdecimal() or int(number) < 1 or period not in _SECONDS_BY_PERIOD:
        raise ValueError(f"{rate!r} is not a rate such as 6000/minute")
    return int(number), _SECONDS_BY_PERIOD[period]


def parse_age(text: str) -> timedelta:
    """Return the duration of a text such as "400d". Raise ValueError for any other text, and for "0d"."""
    number, unit = text[:-1], text[-1:]
    if unit != "d" or not number.isdecimal() or not 1 <= int(number) <= MAX_DAYS:
        raise ValueError(f"{text!r} is not a number of days such as 400d")
    return timedelta(days=int(number))


def database(
    url: str, *, pool_size: int, keeps_sessions: bool = True, name: str = "CHM_DATABASE_URL"
) -> dict[str, object]:
    """Return the DATABASES entry for a PostgreSQL URL, with a connection pool.

    For any other URL, record a fault and return an empty dict. `keeps_sessions` is false if CHM connects through
    PgBouncer in transaction mode: then each transaction can run in another session of PostgreSQL.
    """
    try:
        parts = urlsplit(url)
        is_postgresql = parts.scheme in {"postgresql", "postgres"} and parts.port != 0  # reading the port validates it
    except ValueError:
        is_postgresql = False
    if not is_postgresql:
        env.record_fault(name, "must be a postgresql:// address; CHM runs on PostgreSQL only.")
        return {}
    settings: dict[str, object] = environ.Env.db_url_config(url)
    options = dict(settings.get("OPTIONS") or {})  # type: ignore[call-overload]
    # The parameter `host` is the folder of a unix socket. Django's dbshell reads it only from HOST.
    if host := options.pop("host", None):
        settings["HOST"] = host
    options.setdefault("connect_timeout", 2)
    # The timeouts (in seconds) are short. So requests get 503 immediately during an outage, and use the database as
    # soon as it answers again.
    options["pool"] = {
        "min_size": 0,
        "max_size": pool_size,
        "timeout": 1,
        "reconnect_timeout": 0.5,
        "connection_class": LimitedConnection if keeps_sessions else PoolerConnection,
    }
    return settings | {
        "ENGINE": "chm_project.db.postgresql", "OPTIONS": options, "DISABLE_SERVER_SIDE_CURSORS": not keeps_sessions,
    }  # fmt: skip


def replica(url: str, *, pool_size: int) -> dict[str, dict[str, object]]:
    """Return the entry "replica" for DATABASES, as a dict with one key. If the URL is empty, return an empty dict."""
    if not url:
        return {}
    entry = database(url, pool_size=pool_size, name="CHM_REPLICA_URL")
    if entry:
        entry["OPTIONS"]["pool"]["connection_class"] = ReplicaConnection  # type: ignore[index]
    return {"replica": entry | {"TEST": {"MIRROR": "default"}}}


def cache(broker_url: str) -> dict[str, object]:
    """Return the entry for CACHES. The cache is in the broker's Redis, or without a broker in each process's memory."""
    if not broker_url:
        return {"BACKEND": "chm_project.db.redis_cache.MemoryCache"}
    if urlsplit(broker_url).scheme not in {"redis", "rediss", "redis+socket"}:
        env.record_fault("CHM_BROKER_URL", "must be a redis://, rediss:// or redis+socket:// address.")
    return {
        "BACKEND": "chm_project.db.redis_cache.RedisCache",
        "LOCATION": redis_url(broker_url),
        "KEY_PREFIX": "chm",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }


def data_dir(default: Path) -> Path:
    """Return the absolute path of CHM_DATA_DIR."""
    return Path(env.text("CHM_DATA_DIR", str(default))).expanduser().absolute()


def _split_at_commas(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _parse_flag(text: str) -> bool:
    if text.lower() not in _FLAG_WORDS:
        raise ValueError
    return _FLAG_WORDS[text.lower()]


def _at_least(minimum: float, number: T) -> T:
    if not minimum <= number < float("inf"):  # type: ignore[operator]  # also false for not-a-number
        raise ValueError
    return number


def _parse_rate_text(text: str) -> str:
    parse_rate(text)
    return text
