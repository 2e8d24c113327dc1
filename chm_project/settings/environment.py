"""Typed readers of the process environment; every value can also come from the file that NAME_FILE names.

What cannot be read is collected, never shown, and said all at once: see `Environment.refuse`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

from chm_project.db.postgresql.connection import Connection
from chm_project.local.embedded import redis_url

T = TypeVar("T")

MAX_DAYS = 36_500

_FLAGS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off"), False)
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Variable:
    """What a reader said of a variable: for the reference of settings, which is generated."""

    kind: str
    default: object

    @property
    def shown(self) -> str:
        match self.default:
            case None | "" | []:
                return ""
            case bool() as flag:
                return f"`{str(flag).lower()}`"
            case list() as words:
                return f"`{','.join(map(str, words))}`"
            case str() as text if text.startswith("/"):
                return ""  # where it lies differs from machine to machine
            case value:
                return f"`{value}`"


class Environment:
    """Set to nothing is the same as not set. A dollar has no meaning: secrets begin with it, too."""

    def __init__(self) -> None:
        self.known: dict[str, Variable] = {}
        self._values = FileAwareMapping()
        self._faults: dict[str, str] = {}

    def text(self, name: str, default: str = "") -> str:
        return self._read(name, default, str, "text")

    def words(self, name: str, default: list[str]) -> list[str]:
        """Separated by commas."""
        return self._read(name, default, _words, "words")

    def flag(self, name: str, default: bool) -> bool:
        return self._read(name, default, _flag, "true or false")

    def whole(self, name: str, default: int, *, least: int) -> int:
        return self._read(name, default, lambda text: _at_least(least, int(text)), f"a whole number from {least}")

    def decimal(self, name: str, default: float, *, least: float) -> float:
        return self._read(name, default, lambda text: _at_least(least, float(text)), f"a number from {least:g}")

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        def parse(text: str) -> str:
            if text.upper() not in choices:
                raise ValueError
            return text.upper()

        return self._read(name, default, parse, f"one of {', '.join(choices)}")

    def rate(self, name: str, default: str) -> str:
        return self._read(name, default, _rate, "a rate such as 6000/minute (second, minute, hour or day)")

    def networks(self, name: str) -> list[str]:
        """Addresses or networks, separated by commas."""

        def parse(text: str) -> list[str]:
            return [str(ip_network(word)) for word in _words(text)]

        return self._read(name, [], parse, "addresses or networks, such as 127.0.0.1,10.0.3.0/24")

    def age(self, name: str) -> timedelta | None:
        """A number of days such as 400d; None if not set."""
        return self._read(name, None, parse_age, "a number of days such as 400d")

    def fault(self, name: str, what: str) -> None:
        """The first one of a variable is told; what else is wrong with it mostly follows from that."""
        self._faults.setdefault(name, what)

    def refuse(self) -> None:
        """Ends the start-up when anything was wrong."""
        if self._faults:
            lines = (f"- {name} {what}" for name, what in self._faults.items())
            raise ImproperlyConfigured("\n".join(("CHM does not start:", *lines)))

    def _read(self, name: str, default: T, parse: Callable[[str], T], expected: str) -> T:
        self.known[name] = Variable(expected, default)
        try:
            text = str(self._values.get(name, "")).strip()
            return parse(text) if text else default
        except OSError as error:
            self.fault(name, f"cannot be read from the file that {name}_FILE names: {error.strerror}.")
        except ValueError:
            self.fault(name, f"must be {expected}.")
        return default


env = Environment()


def parse_rate(rate: str) -> tuple[int, int]:
    """Requests and seconds of "number/second|minute|hour|day"; ValueError for anything else."""
    number, _, period = rate.partition("/")
    if not number.isdecimal() or int(number) < 1 or period not in _SECONDS:
        raise ValueError(f"{rate!r} is not a rate such as 6000/minute")
    return int(number), _SECONDS[period]


def parse_age(text: str) -> timedelta:
    """Return the time of "400d"; ValueError for anything else, and for less than a day."""
    number, unit = text[:-1], text[-1:]
    if unit != "d" or not number.isdecimal() or not 1 <= int(number) <= MAX_DAYS:
        raise ValueError(f"{text!r} is not a number of days such as 400d")
    return timedelta(days=int(number))


def database(url: str) -> dict[str, object]:
    """Django's DATABASES entry for a PostgreSQL URL, with a connection pool; nothing, and a fault, for another URL."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"postgresql", "postgres"} and parts.port != 0  # asking for a port checks it
    except ValueError:
        known = False
    if not known:
        env.fault("CHM_DATABASE_URL", "must be a postgresql:// address; CHM runs on PostgreSQL only.")
        return {}
    settings: dict[str, object] = environ.Env.db_url_config(url)
    options = dict(settings.get("OPTIONS") or {})  # type: ignore[call-overload]
    if host := options.pop("host", None):  # a socket's folder; as HOST, dbshell finds it too
        settings["HOST"] = host
    size = env.whole("CHM_DATABASE_POOL_SIZE", 8, least=1)
    options.setdefault("connect_timeout", 2)
    options["pool"] = {
        "min_size": 0,
        "max_size": size,
        "timeout": 1,
        "reconnect_timeout": 0.5,
        "connection_class": Connection,
    }
    return settings | {"ENGINE": "chm_project.db.postgresql", "OPTIONS": options}


def cache(broker_url: str) -> dict[str, object]:
    """Django's CACHES entry: the broker's server, shared by all processes; without one, this process's own memory."""
    if not broker_url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if urlsplit(broker_url).scheme not in {"redis", "rediss", "redis+socket"}:
        env.fault("CHM_BROKER_URL", "must be a redis://, rediss:// or redis+socket:// address.")
    return {
        "BACKEND": "chm_project.db.redis_cache.RedisCache",
        "LOCATION": redis_url(broker_url),
        "KEY_PREFIX": "chm",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }


def data_dir(default: Path) -> Path:
    return Path(env.text("CHM_DATA_DIR", str(default))).expanduser().absolute()


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError
    return _FLAGS[text.lower()]


def _at_least(least: float, number: T) -> T:
    if not least <= number < float("inf"):  # type: ignore[operator]  # also false for not-a-number
        raise ValueError
    return number


def _rate(text: str) -> str:
    parse_rate(text)
    return text
