"""Production: everything that matters comes from the environment, and nothing has a convenient default."""

from chm_project.settings.base import *  # noqa: F403
from chm_project.settings.environment import database, env

DEBUG = False
SECRET_KEY = env.str("CHM_SECRET_KEY")
ALLOWED_HOSTS = env.list("CHM_ALLOWED_HOSTS")
DATABASES = {"default": database(env.str("CHM_DATABASE_URL"))}

SECURE_SSL_REDIRECT = env.bool("CHM_SSL_REDIRECT", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
