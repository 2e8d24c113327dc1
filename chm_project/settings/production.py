"""Production settings. Settings that matter for security have no default, or a safe one.

If one is missing or unsafe, CHM does not start, and lists all missing and unsafe settings at once.
"""

import logging
import os
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chm_project.settings.base import *  # noqa: F403
from chm_project.settings.environment import database, env, replica
from chm_project.telemetry import sentry

LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
YEAR_SECONDS = 31_536_000
NOT_ENCRYPTED = "is remote and not encrypted: add ?sslmode=verify-full (or require)."
ENCRYPTED_SSLMODES = {"require", "verify-ca", "verify-full"}
BROKER_UNENCRYPTED = env.flag("CHM_BROKER_UNENCRYPTED", default=False)


def unsafe_values(
    secret_key: str, hosts: list[str], database_url: str, broker_url: str, other_database_urls: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the name and the fault of each variable whose value is missing or unsafe. Faults contain no values.

    `other_database_urls` maps the names of optional variables to their URLs.
    """
    if not secret_key:
        yield "CHM_SECRET_KEY", "is not set: give at least 50 random characters, or CHM_SECRET_KEY_FILE."
    elif "only-for-this-check" in secret_key:
        yield "CHM_SECRET_KEY", "is a published example: give at least 50 random characters."
    # Django's check security.W009 requires 50 characters with 5 different ones. This rule requires 12 different ones.
    elif len(secret_key) < 50 or len(set(secret_key)) < 12 or "development" in secret_key or "insecure" in secret_key:
        yield "CHM_SECRET_KEY", "is weak: give at least 50 random characters."
    if env.flag("CHM_DEBUG", default=False):
        yield "CHM_DEBUG", "is on: remove it."
    if not hosts:
        yield "CHM_ALLOWED_HOSTS", "is not set: list the host names of this installation, separated by commas."
    elif any("*" in host or host.startswith(".") for host in hosts):
        yield "CHM_ALLOWED_HOSTS", "has a wildcard: list the host names."
    if not database_url:
        yield "CHM_DATABASE_URL", "is not set: give a postgresql:// address, or CHM_DATABASE_URL_FILE."
    elif is_embedded(database_url):
        yield "CHM_DATABASE_URL", "is the embedded database of development: give the address of a PostgreSQL server."
    elif conflict := database_conflict(database_url):
        yield "CHM_DATABASE_URL", f"{conflict}: give the server and sslmode once, in the address itself."
    elif is_exposed(database_url):
        yield "CHM_DATABASE_URL", NOT_ENCRYPTED
    for name, url in other_database_urls.items():
        if is_exposed(url):
            yield name, NOT_ENCRYPTED
    if not broker_url:
        yield "CHM_BROKER_URL", "is not set: give the address of a Redis or Valkey."
    elif is_embedded(broker_url):
        yield "CHM_BROKER_URL", "is the embedded broker of development: give the address of a Redis or Valkey."
    else:
        yield from unsafe_broker(broker_url)


def unsafe_broker(url: str) -> Iterator[tuple[str, str]]:
    parts, options = urlsplit(url), parse_qs(urlsplit(url).query)
    certificate_checks = [word.lower() for name in ("ssl_cert_reqs", "cert_reqs") for word in options.get(name, [])]
    if any(word not in {"required", "cert_required"} for word in certificate_checks):
        yield "CHM_BROKER_URL", "does not check the certificate of its server: remove ssl_cert_reqs."
    elif is_remote(parts.hostname) and not BROKER_UNENCRYPTED:
        if parts.scheme != "rediss":
            yield "CHM_BROKER_URL", "is remote and not encrypted: use rediss://, or set CHM_BROKER_UNENCRYPTED=true."
        elif not parts.password:
            yield "CHM_BROKER_URL", "is remote and has no password: set one, or set CHM_BROKER_UNENCRYPTED=true."


def database_conflict(url: str) -> str:
    """Return why libpq could use another server or weaker encryption than the URL names; "" if it cannot."""
    options = parse_qs(urlsplit(url).query)
    # A service file of libpq can set another host and another sslmode.
    if "service" in options or "servicefile" in options:
        return "names a service, whose file can override the address"
    if any(len(values) > 1 for values in options.values()):
        return "contains an option twice"
    # libpq reads the options that the URL lacks from these variables.
    overriding = [name for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGSSLMODE") if os.environ.get(name)]
    return f"conflicts with {', '.join(overriding)} in the environment" if overriding else ""


def is_remote(host: str | None) -> bool:
    return bool(host) and host not in LOCAL_HOSTS


def is_embedded(url: str) -> bool:
    folders = urlsplit(url).path + "".join(parse_qs(urlsplit(url).query).get("host", []))
    return "/.chm/" in folders or "/var/lib/chm/" in folders


def is_exposed(url: str) -> bool:
    """Return whether the URL has a remote host but does not require encryption.

    A URL can name several hosts. A URL without a host means a unix socket on this machine.
    """
    options = parse_qs(urlsplit(url).query)
    host_options = [urlsplit(url).hostname or "", *options.get("host", []), *options.get("hostaddr", [])]
    hosts = [host for name in host_options for host in name.split(",") if host]
    has_remote_host = any(host not in LOCAL_HOSTS and not host.startswith("/") for host in hosts)
    return has_remote_host and options.get("sslmode", [""])[0] not in ENCRYPTED_SSLMODES


DEBUG = False
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SECRET_KEY = env.secret("CHM_SECRET_KEY")
ALLOWED_HOSTS = env.text_list("CHM_ALLOWED_HOSTS", [])
_database_url = env.address("CHM_DATABASE_URL")
DATABASES: dict[str, dict[str, object]] = {"default": {}}
if _database_url:
    DATABASES["default"] = database(
        _database_url,
        pool_size=CHM_DATABASE_POOL_SIZE,  # noqa: F405
        keeps_sessions=CHM_DATABASE_PREPARE,  # noqa: F405
    )
DATABASES |= replica(CHM_REPLICA_URL, pool_size=CHM_DATABASE_POOL_SIZE)  # noqa: F405

# Log one JSON object per line to standard error, which Docker and systemd collect. These
# settings leave out Django's warnings about 4xx responses.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "chm_project.scrubbing.logs.ScrubbedJsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        }
    },
    "filters": {"context": {"()": "chm_project.telemetry.context.ContextFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["context"]}},
    "root": {"handlers": ["console"], "level": env.choice("CHM_LOG_LEVEL", "INFO", LOG_LEVELS)},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        # CHM writes its own log line for each task.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
for _logger, _, _level in (pair.partition("=") for pair in env.levels("CHM_LOG_LEVELS", LOG_LEVELS)):
    LOGGING["loggers"][_logger] = LOGGING["loggers"].get(_logger, {}) | {"level": _level}
# Python's warnings go to the log too.
logging.captureWarnings(True)

# Errors are sent to this Sentry address, if it is set.
if _sentry := env.secret("CHM_SENTRY_DSN"):
    try:
        sentry.start(_sentry, release=f"chm@{version('chm')}")
    except ImportError:
        env.record_fault("CHM_SENTRY_DSN", "needs the package sentry-sdk: install chm[sentry].")
    except ValueError:
        env.record_fault("CHM_SENTRY_DSN", "is not the address of a Sentry project.")

SECURE_SSL_REDIRECT = env.flag("CHM_SSL_REDIRECT", default=True)
# These paths are not redirected to HTTPS. Probes do not come through the TLS proxy. The views of pings and feeds refuse
# a request over plain HTTP: its key was sent without encryption, and curl would report a redirected ping as success.
SECURE_REDIRECT_EXEMPT = [r"^(health|ready|metrics)/?$", r"^(ping|feed)/"]
# ProxyMiddleware removes this header if the sender is not a proxy in CHM_PROXIES.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# A browser keeps these settings until they expire, even if the operator changes them: see docs/operations/install.md.
SECURE_HSTS_SECONDS = env.integer("CHM_HSTS_SECONDS", YEAR_SECONDS, minimum=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("CHM_HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("CHM_HSTS_PRELOAD", default=False)
if SECURE_HSTS_PRELOAD and not (SECURE_HSTS_INCLUDE_SUBDOMAINS and SECURE_HSTS_SECONDS >= YEAR_SECONDS):
    env.record_fault(
        "CHM_HSTS_PRELOAD",
        "needs CHM_HSTS_SUBDOMAINS=true and CHM_HSTS_SECONDS of at least a year, because browsers require both.",
    )
# These checks recommend HSTS for subdomains and HSTS preload. Each concerns a whole domain, so the operator decides.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

_other_database_urls = {
    "CHM_DATABASE_DIRECT_URL": CHM_DATABASE_DIRECT_URL,  # noqa: F405
    "CHM_REPLICA_URL": CHM_REPLICA_URL,  # noqa: F405
}
for _name, _problem in unsafe_values(
    SECRET_KEY,
    ALLOWED_HOSTS,
    _database_url,
    CELERY_BROKER_URL,  # noqa: F405
    _other_database_urls,
):
    env.record_fault(_name, _problem)
env.raise_faults()
