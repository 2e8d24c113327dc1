"""Production: everything that matters comes from the environment, and nothing has a convenient default.

Refuses to start, naming every fault at once, on what would be unsafe.
"""

from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured

from chm_project.settings.base import *  # noqa: F403
from chm_project.settings.environment import database, env

LOCAL = {"localhost", "127.0.0.1", "::1", ""}
ENCRYPTED = {"require", "verify-ca", "verify-full"}


def faults() -> list[str]:
    """What is wrong with the environment, a sentence each; never a value that could be secret."""
    found = []
    key = env.str("CHM_SECRET_KEY", default="")
    if not key:
        found.append("CHM_SECRET_KEY is not set: give at least 50 random characters, or CHM_SECRET_KEY_FILE.")
    elif len(key) < 50 or len(set(key)) < 12 or "development" in key or "insecure" in key:
        found.append("CHM_SECRET_KEY is weak: give at least 50 random characters.")
    if env.bool("CHM_DEBUG", default=False):
        found.append("CHM_DEBUG is on: leave it out.")
    hosts = env.list("CHM_ALLOWED_HOSTS", default=[])
    if not hosts:
        found.append("CHM_ALLOWED_HOSTS is not set: name the hosts that CHM is reached by, separated by commas.")
    elif any("*" in host for host in hosts):
        found.append("CHM_ALLOWED_HOSTS has a wildcard: name the hosts.")
    found += _database_faults(env.str("CHM_DATABASE_URL", default=""))
    if not env.str("CHM_BROKER_URL", default=""):
        found.append("CHM_BROKER_URL is not set: give the address of a Redis or Valkey.")
    return found


def _database_faults(url: str) -> list[str]:
    if not url:
        return ["CHM_DATABASE_URL is not set: give a postgresql:// address, or CHM_DATABASE_URL_FILE."]
    address = urlsplit(url)
    options = parse_qs(address.query)
    host = options.get("host", [address.hostname or ""])[0]
    if ".chm" in url or "/var/lib/chm" in url:
        return ["CHM_DATABASE_URL is the embedded database of development: give a PostgreSQL server's."]
    is_local = host in LOCAL or host.startswith("/")
    if not is_local and options.get("sslmode", [""])[0] not in ENCRYPTED:
        return ["CHM_DATABASE_URL is remote and not encrypted: add ?sslmode=verify-full (or require)."]
    return []


if _found := faults():
    raise ImproperlyConfigured("CHM does not start in production:\n" + "\n".join(f"- {fault}" for fault in _found))

DEBUG = False
SECRET_KEY = env.str("CHM_SECRET_KEY")
ALLOWED_HOSTS = env.list("CHM_ALLOWED_HOSTS")
DATABASES = {"default": database(env.str("CHM_DATABASE_URL"))}

SECURE_SSL_REDIRECT = env.bool("CHM_SSL_REDIRECT", default=True)
# Probes come from inside, past the proxy that speaks TLS.
SECURE_REDIRECT_EXEMPT = [r"^(health|ready|metrics)/?$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
