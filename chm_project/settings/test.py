"""The test suite: embedded servers unless CHM_DATABASE_URL and CHM_BROKER_URL name others."""

from chm_project.settings.development import *  # noqa: F403

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests count connections and open them in threads: without the pool each is the test's own.
DATABASES["default"]["OPTIONS"].pop("pool")  # type: ignore[attr-defined]  # noqa: F405
CHM_CONNECTIONS_FILE = ""
CHM_MAINTENANCE_FILE = ""
CHM_PARTNER_API_BASE_URL = ""
CHM_PARTNER_API_TOKEN = ""
CHM_HTTP_BACKOFF_SECONDS = 0.01
# Static files are looked up when asked for: no warning of a folder that only a release collects, no scan per client.
WHITENOISE_AUTOREFRESH = True
# All tests come from one address, and each has a cache of its own making.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CHM_THROTTLE_ADDRESS = CHM_THROTTLE_REFUSED = CHM_THROTTLE_LOGIN = CHM_THROTTLE_LOGINS = "1000000/minute"
