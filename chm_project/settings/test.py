"""Settings of the tests. They use embedded servers if CHM_DATABASE_URL and CHM_BROKER_URL are not set."""

from chm_project.settings.development import *  # noqa: F403

DEBUG = False
# A fast hasher, because tests create many users.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The tests use no connection pool, because they count connections, and open connections in threads.
DATABASES["default"]["OPTIONS"].pop("pool")  # type: ignore[attr-defined]  # noqa: F405
CHM_CONNECTIONS_FILE = ""
CHM_MAINTENANCE_FILE = ""
CHM_PARTNER_API_BASE_URL = ""
CHM_PARTNER_API_TOKEN = ""
CHM_HTTP_BACKOFF_SECONDS = 0.01
# With this setting, WhiteNoise looks for a static file only when it is requested. Without it, each test client would
# scan all files, and warn about STATIC_ROOT.
WHITENOISE_AUTOREFRESH = True
CACHES = {"default": {"BACKEND": "chm_project.db.redis_cache.MemoryCache"}}
# All tests send requests from the same address, so the limits per address are high.
CHM_THROTTLE_ADDRESS = CHM_THROTTLE_REFUSED = CHM_THROTTLE_LOGIN = CHM_THROTTLE_LOGINS = "1000000/minute"
# Tests must never see a cached board, also on a slow machine. The tests of cached boards set another value.
CHM_BOARD_REUSE_SECONDS = 0
