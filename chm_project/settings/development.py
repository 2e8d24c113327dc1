"""Settings of `make demo`, `make serve` and `manage.py`. They are not safe on a server that others can reach."""

from django.db.backends.base.base import BaseDatabaseWrapper

from chm_project.settings.base import *  # noqa: F403
from chm_project.settings.environment import database, env, replica

# This app has the commands that generate boards and their pictures. The commands need packages for developers.
INSTALLED_APPS = [*INSTALLED_APPS, "chm_project.dashboards"]  # noqa: F405

DEBUG = env.flag("CHM_DEBUG", default=True)
# With DEBUG, Django stores the texts of the last 9,000 queries. One text can contain 1,000 runs, so store fewer.
BaseDatabaseWrapper.queries_limit = 200
SECRET_KEY = env.secret("CHM_SECRET_KEY", "development-only-key-that-production-refuses")
ALLOWED_HOSTS = env.text_list("CHM_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
INTERNAL_IPS = ["127.0.0.1"]

if database_url := env.address("CHM_DATABASE_URL"):
    DATABASES = {
        "default": database(
            database_url,
            pool_size=CHM_DATABASE_POOL_SIZE,  # noqa: F405
            keeps_sessions=CHM_DATABASE_PREPARE,  # noqa: F405
        )
    } | replica(CHM_REPLICA_URL, pool_size=CHM_DATABASE_POOL_SIZE)  # noqa: F405
else:
    env.record_fault(
        "CHM_DATABASE_URL",
        "is not set: start through `make demo`, `make serve` or `python manage.py ...`, which start a "
        "PostgreSQL, or set the variable.",
    )
env.raise_faults()
# The storage of base.py needs a manifest, which only collectstatic creates.
STORAGES = STORAGES | {  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = None  # type: ignore[assignment]  # collectstatic is not used in development
