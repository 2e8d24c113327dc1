"""Typed readers of the process environment; every secret can also come from the file that NAME_FILE names."""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from chm_project.embedded import redis_url

env = environ.FileAwareEnv()


def database(url: str) -> dict[str, object]:
    """Django's DATABASES entry for a PostgreSQL URL, with a connection pool."""
    settings: dict[str, object] = environ.Env.db_url_config(url)
    if settings["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("CHM_DATABASE_URL must be a postgresql:// address; CHM runs on PostgreSQL only.")
    options = dict(settings.get("OPTIONS") or {})  # type: ignore[call-overload]
    if host := options.pop("host", None):  # a socket's folder; as HOST, dbshell finds it too
        settings["HOST"] = host
    options["pool"] = {"min_size": 0, "max_size": env.int("CHM_DATABASE_POOL_SIZE", default=4), "timeout": 10}
    return settings | {"OPTIONS": options}


def cache(broker_url: str) -> dict[str, object]:
    """Django's CACHES entry: the broker's server, shared by all processes; without one, this process's own memory."""
    if not broker_url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url(broker_url),
        "KEY_PREFIX": "chm",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }


def data_dir(default: Path) -> Path:
    return Path(env.str("CHM_DATA_DIR", default=str(default))).expanduser().absolute()
