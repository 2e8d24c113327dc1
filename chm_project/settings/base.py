"""The settings that development, tests and production share. They contain no secrets and no unsafe defaults."""

from datetime import timedelta

from celery.schedules import crontab

from chm_project.scrubbing import logs
from chm_project.settings import paths
from chm_project.settings.environment import cache, data_dir, env

BASE_DIR = paths.ROOT
DATA_DIR = data_dir(paths.DATA_DIR)

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # this config defines no admin site, because ConsoleConfig defines CHM's
    "unfold.contrib.filters",
    "chm_project.admin_kit.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "chm_project.access",
    "inventory",
    "runs",
    "alerting",
    "ingestion",
    "chm_project",  # last, because the console extends the pages that the apps registered
]

MIDDLEWARE = [
    # ProxyMiddleware sets the address of the client, which logs and rate limits use. So it is before them.
    "chm_project.operations.proxies.ProxyMiddleware",
    # PathKeyMiddleware removes the secret key of a ping from the path. So it is before any middleware that logs paths.
    "chm_project.access.path_keys.PathKeyMiddleware",
    "chm_project.api.request_ids.RequestIdMiddleware",
    "chm_project.telemetry.requests.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "chm_project.content_policy.ContentPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "chm_project.api.trailing_slash.TrailingSlashMiddleware",
    "chm_project.operations.middleware.LimitsMiddleware",
    # Probes use an IP address as host, and have no session. So ProbeMiddleware answers them before the middleware that
    # checks hosts and loads sessions.
    "chm_project.operations.middleware.ProbeMiddleware",
    # A response passes this list from the end to the beginning. So RefreshMiddleware and ETagMiddleware, which compute
    # digests, read the response before CompressionMiddleware compresses it.
    "chm_project.api.compression.CompressionMiddleware",
    "chm_project.console.refresh.RefreshMiddleware",
    "chm_project.console.own_changes.OwnChangesMiddleware",
    "chm_project.api.conditional.ETagMiddleware",
    "chm_project.access.browser_middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "chm_project.access.browser_middleware.AuthenticationMiddleware",
    "chm_project.access.browser_middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "chm_project.urls"
WSGI_APPLICATION = "chm_project.wsgi.application"
# Routes of the API have no slash at the end. TrailingSlashMiddleware also accepts a slash, without a redirect.
APPEND_SLASH = False
LOGIN_REDIRECT_URL = "/admin/"
CSRF_FAILURE_VIEW = "chm_project.api.error_pages.csrf_failure"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [paths.TEMPLATES],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "chm_project.console.template_loader.UnfoldTemplateLoader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "chm_project.console.own_changes.replica_lag",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

AUTHENTICATION_BACKENDS = [
    # The first backend refuses a login above the rate limit. So CHM does not hash the password of this login.
    "chm_project.access.login_limits.LoginLimitBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# A request can contain a thousand runs with their payloads. Django's default is 2.5 MB.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["chm_project.formats"]

STATIC_URL = "static/"
STATIC_ROOT = paths.STATIC_ROOT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # The name of a static file contains a hash of its content. So browsers may cache the file forever.
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "chm_project.access.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["chm_project.access.permissions.ScopedPermission"],
    "DEFAULT_RENDERER_CLASSES": [
        "chm_project.api.json_answers.JsonRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "chm_project.api.negotiation.ContentNegotiation",
    "DEFAULT_THROTTLE_CLASSES": ["chm_project.api.throttling.TokenThrottle"],
    "DEFAULT_METADATA_CLASS": "chm_project.api.metadata.Metadata",
    "DEFAULT_PARSER_CLASSES": ["chm_project.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "chm_project.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["chm_project.api.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "chm_project.api.auto_schema.ApiAutoSchema",
    "EXCEPTION_HANDLER": "chm_project.api.errors.exception_handler",
    "DATETIME_INPUT_FORMATS": ["iso-8601"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    # Without an override, `?format=` is an unknown parameter, and CHM refuses it.
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "CHM, the Client Health Monitor",
    "DESCRIPTION": (
        "Latest status, failures and flakiness of every client's pipelines, across orchestrators.\n\n"
        "Times are ISO 8601 in UTC. Lists are paged: send `next_cursor` as `cursor`, or follow the `Link` header. "
        "Unknown filters, orders and fields are errors. All errors have one format; send "
        "`Accept: application/json, application/problem+json` for the format of RFC 9457."
    ),
    # Version of the contract. The major number is part of the URL; a breaking change needs a new major number.
    "VERSION": "1.1.0",
    "CONTACT": {"name": "The operators of this CHM"},
    "LICENSE": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0.html"},
    "SERVERS": [{"url": "/", "description": "The server that returned this document."}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PATH_CONVERTER_OVERRIDES": {"id": {"type": "string", "format": "uuid"}, "rest": {"type": "string"}},
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "AlertChannel": "alerting.models.Channel",
        "ColumnType": "runs.api.report_index.COLUMN_TYPES",
        "Environment": "inventory.models.Environment",
        "IngestionState": "ingestion.api.serializers.STATES",
        "PipelineType": "inventory.models.PipelineType",
        "Platform": "inventory.models.Platform",
        "RuleType": "alerting.models.RuleType",
        "RunStatus": "runs.models.Status",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "chm_project.api.schema.document_errors",
        "chm_project.api.schema_headers.document_headers",
        "chm_project.api.schema.declare_exact_fields",
        "chm_project.api.schema_descriptions.complete_document",
        "chm_project.api.examples.add_examples",
    ],
}

# The sources. Without a connections file, CHM has one connection, for all pipelines: it uses the generic connector with
# CHM_PARTNER_API_BASE_URL and CHM_PARTNER_API_TOKEN.
CHM_CONNECTIONS_FILE = env.text("CHM_CONNECTIONS_FILE")
# The path of a TOML file with planned maintenance, owners and runbooks.
CHM_MAINTENANCE_FILE = env.text("CHM_MAINTENANCE_FILE")
CHM_PARTNER_API_BASE_URL = env.text("CHM_PARTNER_API_BASE_URL")
CHM_PARTNER_API_TOKEN = env.secret("CHM_PARTNER_API_TOKEN")
CHM_HTTP_TIMEOUT_SECONDS = env.decimal("CHM_HTTP_TIMEOUT_SECONDS", 10, minimum=0.001)
CHM_HTTP_MAX_RETRIES = env.integer("CHM_HTTP_MAX_RETRIES", 3, minimum=0)
CHM_HTTP_BACKOFF_SECONDS = env.decimal("CHM_HTTP_BACKOFF_SECONDS", 1, minimum=0)
# Whether a partner's address may be link-local, such as 169.254.169.254. At this address, clouds give the credentials
# of a machine to any program on the machine.
CHM_PARTNER_LINK_LOCAL = env.flag("CHM_PARTNER_LINK_LOCAL", default=False)
CHM_INGEST_INTERVAL_SECONDS = env.integer("CHM_INGEST_INTERVAL_SECONDS", 60, minimum=1)

# Whether CHM prepares SQL statements. Set it to false if CHM connects through PgBouncer in transaction mode.
CHM_DATABASE_PREPARE = env.flag("CHM_DATABASE_PREPARE", default=True)
# The address of the database, if CHM_DATABASE_URL is the address of a pooler such as PgBouncer. CHM uses this address
# for migrations, and for locks that last longer than a transaction.
CHM_DATABASE_DIRECT_URL = env.address("CHM_DATABASE_DIRECT_URL")
# A read replica, for reports, the health board and the pages of clients. CHM reads the main database instead while the
# replica lags by more than CHM_REPLICA_MAX_LAG_SECONDS.
CHM_REPLICA_URL = env.address("CHM_REPLICA_URL")
CHM_REPLICA_MAX_LAG_SECONDS = env.integer("CHM_REPLICA_MAX_LAG_SECONDS", 60, minimum=0)

# Rate limits, in the form "number/second|minute|hour|day": requests per token or user, requests without
# credentials per address, and requests with wrong credentials per address.
CHM_THROTTLE_TOKEN = env.rate("CHM_THROTTLE_TOKEN", "6000/minute")
CHM_THROTTLE_ADDRESS = env.rate("CHM_THROTTLE_ADDRESS", "12000/minute")
CHM_THROTTLE_REFUSED = env.rate("CHM_THROTTLE_REFUSED", "60/minute")
# Rate limits for failed logins. CHM_THROTTLE_LOGIN: to one account from one address. CHM_THROTTLE_LOGINS: to all
# accounts from one address, and to one account from all addresses.
CHM_THROTTLE_LOGIN = env.rate("CHM_THROTTLE_LOGIN", "20/hour")
CHM_THROTTLE_LOGINS = env.rate("CHM_THROTTLE_LOGINS", "200/hour")
# OpenLineage events per token. This limit is higher than CHM_THROTTLE_TOKEN, because a client sends several events for
# each run, often in one request.
CHM_THROTTLE_LINEAGE = env.rate("CHM_THROTTLE_LINEAGE", "60000/minute")
# How many reports the API computes at the same time, in all processes together. Any other request for a report waits
# for up to a second, and then gets 503 with Retry-After.
CHM_REPORTS_AT_ONCE = env.integer("CHM_REPORTS_AT_ONCE", 2, minimum=1)

# How many seconds CHM reuses a health board that took long to compute. The page shows the age of the board. With 0, CHM
# never reuses a board.
CHM_BOARD_REUSE_SECONDS = env.integer("CHM_BOARD_REUSE_SECONDS", 60, minimum=0)

# Web pages of these origins may call the API from a browser; none by default.
CORS_ALLOWED_ORIGINS = env.text_list("CHM_CORS_ORIGINS", [])
CORS_URLS_REGEX = r"^/api/v1(/|$)"
CORS_ALLOW_HEADERS = (
    "accept", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "x-request-id",
)  # fmt: skip
CORS_EXPOSE_HEADERS = (
    "CHM-Next-Cursor", "CHM-Outcome", "Deprecation", "ETag", "Idempotent-Replayed", "Link", "Location", "RateLimit",
    "RateLimit-Policy", "Retry-After", "Sunset", "X-Request-ID",
)  # fmt: skip
if CORS_ALLOWED_ORIGINS:
    INSTALLED_APPS.append("corsheaders")
    # The CORS middleware is first, so that it adds its headers to the responses of all other middleware.
    MIDDLEWARE.insert(0, "corsheaders.middleware.CorsMiddleware")

# The web server: its port, the number of its processes, and the number of threads of each process.
CHM_PORT = env.integer("CHM_PORT", 8000, minimum=1, maximum=65_535)
CHM_WEB_WORKERS = env.integer("CHM_WEB_WORKERS", 2, minimum=1)
CHM_WEB_THREADS = env.integer("CHM_WEB_THREADS", 8, minimum=1)

CHM_DATABASE_POOL_SIZE = env.integer("CHM_DATABASE_POOL_SIZE", 8, minimum=1)

# The addresses or networks of CHM's proxies. CHM ignores headers such as X-Forwarded-For from any other sender.
CHM_PROXIES = env.networks("CHM_PROXIES")
# The path of a file with a token for /metrics. Unlike an API token, CHM can check it while the database is down.
CHM_METRICS_TOKEN_FILE = env.text("CHM_METRICS_TOKEN_FILE")
# The folder in which the web server and the workers of a machine store the values of their metrics.
CHM_METRICS_DIR = env.text("CHM_METRICS_DIR", str(DATA_DIR / "metrics"))

CELERY_BROKER_URL = env.address("CHM_BROKER_URL")
# ingestion.tasks.beat_schedule adds the entries for connections. A task expires if no worker has started it before beat
# enqueues the next task, because the next task does the same work.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "compact rollup": {"task": "runs.compact_rollup", "schedule": 300.0, "options": {"expires": 270}},
}
# Each night, CHM deletes runs that are older than this. By default it deletes none. runs/sql/prunable_runs.sql defines
# which old runs CHM keeps.
CHM_PRUNE_OLDER_THAN = env.age("CHM_PRUNE_OLDER_THAN")
CHM_PRUNE_KEEP_FAILURES = env.flag("CHM_PRUNE_KEEP_FAILURES", False)
if CHM_PRUNE_OLDER_THAN is not None:
    CELERY_BEAT_SCHEDULE["prune runs"] = {
        "task": "runs.prune", "schedule": crontab(hour="2", minute="30"), "options": {"expires": 12 * 3600},
    }  # fmt: skip
CELERY_BEAT_SCHEDULER = "chm_project.operations.beat:BeatingScheduler"
CACHES = {"default": cache(CELERY_BROKER_URL)}
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
# chm_project.celery defines this serializer. It removes secrets from results and tracebacks.
CELERY_RESULT_SERIALIZER = "scrubbed-json"
CELERY_RESULT_ACCEPT_CONTENT = ["scrubbed-json", "json"]
CELERY_RESULT_EXPIRES = timedelta(days=1)
# A worker acknowledges a task only when the task ends. So the broker delivers the task of a killed worker to another
# worker. It is safe to repeat a task.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# A worker process reserves only the task that it runs next, so that short tasks rarely wait behind a long ingestion.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# In seconds. Both limits are less than the visibility timeout of 600 s, so that a task ends before the broker delivers
# it again.
CELERY_TASK_SOFT_TIME_LIMIT = 480
CELERY_TASK_TIME_LIMIT = 540
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Celery must not replace the logging configuration of these settings in workers.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# The broker delivers a task again if it is not acknowledged within the visibility timeout (in seconds). So the timeout
# must be longer than the longest task. With the other two options, Celery looks for such tasks every 5 s, and not only
# every 100 s.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "unacked_restore_throttle": 1,
    "unacked_restore_interval": 5,
}

# Every process reads the settings before it logs its first line. So install the scrubbing of logs here.
logs.install()

UNFOLD = {
    "LOGIN": {"form": "chm_project.access.login_form.LoginForm"},
    "SITE_TITLE": "CHM",
    "SITE_HEADER": "Client Health Monitor",
    "SITE_SYMBOL": "monitor_heart",
    # CHM has no other site, so pages have no link to it.
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "chm_project.console.admin.navigation.icon"}],
    "DASHBOARD_CALLBACK": "chm_project.console.pages.views.dashboard",
    "STYLES": ["chm_project.console.admin.navigation.style"],
    "SCRIPTS": [
        "chm_project.console.admin.navigation.script",
        "chm_project.console.admin.navigation.chart_values",
        "chm_project.console.admin.navigation.copy_buttons",
    ],
    "SIDEBAR": {"navigation": "chm_project.console.admin.navigation.side_bar"},
}
