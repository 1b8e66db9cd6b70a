"""Settings of the host project. ``.env.example`` lists the environment variables they read."""

import os
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env_file = Path(env.str("DJANGO_ENV_FILE", default=str(BASE_DIR / ".env")))
if env_file.is_file():
    env.read_env(env_file)
# An empty variable counts as unset: that is how compose files pass what nobody has set.
env.ENVIRON = {name: value for name, value in os.environ.items() if value.strip()}


def _list(name: str, default: str = "") -> list[str]:
    """A comma-separated variable; white space around its parts does not count."""
    parts = (part.strip() for part in env.str(name, default=default).split(","))
    return [part for part in parts if part]


DEBUG = env.bool("DJANGO_DEBUG", default=False)
SECRET_KEY = env.str("DJANGO_SECRET_KEY", default="")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "DJANGO_SECRET_KEY is not set. Set it in the environment, or let "
        "`python -m beton.env_file` write a .env file with fresh secrets."
    )
ALLOWED_HOSTS = _list("DJANGO_ALLOWED_HOSTS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "beton",  # Before the app, whose page frame it overrides.
    "integrations_posthog",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "beton.middleware.limit_body",
    "beton.middleware.refuse_nul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "beton.urls"
WSGI_APPLICATION = "beton.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEST_RUNNER = "tests.runner.PytestRunner"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# Storage

SQLITE: dict[str, Any] = {
    "OPTIONS": {
        "timeout": 20,  # seconds
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
    },
}
POSTGRESQL: dict[str, Any] = {
    "CONN_MAX_AGE": 60,  # seconds
    "CONN_HEALTH_CHECKS": True,
    # A transaction pooler, such as Supabase's, hands the next query to another connection.
    "DISABLE_SERVER_SIDE_CURSORS": True,
    # A server that has vanished is noticed within this many seconds and milliseconds.
    "OPTIONS": {"connect_timeout": 3, "tcp_user_timeout": 5000},
}
REDIS: dict[str, Any] = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    # In seconds. redis-py tries again only where it makes the pool itself; here Django does.
    "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
}


def _database() -> dict[str, Any]:
    default = f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
    database: dict[str, Any] = env.db_url("DATABASE_URL", default=default)
    ours = SQLITE if database["ENGINE"].endswith("sqlite3") else POSTGRESQL
    return ours | database | {"OPTIONS": ours["OPTIONS"] | database.get("OPTIONS", {})}


def _cache() -> dict[str, Any]:
    url = env.str("CACHE_URL", default="locmemcache://")
    if url.startswith(("redis://", "rediss://")):
        return REDIS | {"LOCATION": url}
    cache: dict[str, Any] = env.cache_url_config(url)
    return cache


DATABASES = {"default": _database()}
CACHES = {"default": _cache()}

# HTTP

DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024  # bytes
CSRF_TRUSTED_ORIGINS = _list("DJANGO_CSRF_TRUSTED_ORIGINS")
SESSION_ENGINE = "beton.sessions"
SESSION_COOKIE_NAME = "beton_session"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # Load balancers ask by plain HTTP.
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 60 * 60
# These two bind the whole domain, which is not ours to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if env.bool("DJANGO_BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "beton.storage.StaticFilesStorage"},
}
# Before collectstatic has run, the files are served from where the apps keep them.
_COLLECTED = (STATIC_ROOT / "staticfiles.json").is_file()
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG or not _COLLECTED

# API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "beton.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Beton Inspector",
    "DESCRIPTION": "Connect a workspace to PostHog.",
    "VERSION": "1.0.0",
    # Several rows have a state, each with words of its own.
    "ENUM_NAME_OVERRIDES": {
        "WebhookStateEnum": "integrations_posthog.models.Webhook.State",
        "DeliveryStateEnum": "integrations_posthog.models.WebhookDelivery.State",
        "DefinitionStateEnum": "integrations_posthog.models.SignalDefinition.State",
        "SignalStateEnum": "integrations_posthog.models.Signal.State",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Error reports, the debug page among them, leave PostHog keys out.
DEFAULT_EXCEPTION_REPORTER = "integrations_posthog.redaction.RedactingReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "integrations_posthog.redaction.RedactingReporterFilter"

# PostHog

INTEGRATIONS_POSTHOG_WORKSPACE_MODEL = "beton.Workspace"
INTEGRATIONS_POSTHOG_WORKSPACE_ACCESS = "beton.workspaces.access_for"
INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = _list("BETON_ENCRYPTION_KEY")
INTEGRATIONS_POSTHOG_HOST = env.str("POSTHOG_HOST", default="https://app.posthog.com")
INTEGRATIONS_POSTHOG_CLOUD_REGIONS = _list(
    "POSTHOG_CLOUD_REGIONS", default="https://us.posthog.com,https://eu.posthog.com"
)
INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = _list("POSTHOG_TRUSTED_ORIGINS")
INTEGRATIONS_POSTHOG_CA_BUNDLE = env.str("POSTHOG_CA_BUNDLE", default="")
INTEGRATIONS_POSTHOG_SETTLE_SECONDS = env.int("POSTHOG_SETTLE_SECONDS", default=300)
INTEGRATIONS_POSTHOG_SYNC_FIRST_DAYS = env.int("POSTHOG_SYNC_FIRST_DAYS", default=90)
INTEGRATIONS_POSTHOG_SYNC_HISTORY_DAYS = env.int("POSTHOG_SYNC_HISTORY_DAYS", default=365)
INTEGRATIONS_POSTHOG_SYNC_EVERY_SECONDS = env.int("POSTHOG_SYNC_EVERY_SECONDS", default=3600)
INTEGRATIONS_POSTHOG_SYNC_LEASE_SECONDS = env.int("POSTHOG_SYNC_LEASE_SECONDS", default=120)

# Celery does the syncs where there is a broker; all state is in the database.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "max_retries": 0,  # Whoever asks for a sync does not wait for a broker that is down.
}
CELERY_TASK_DEFAULT_QUEUE = env.str("CELERY_QUEUE", default="beton")
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "posthog.tick", "schedule": 60.0, "options": {"expires": 55}}
}
if CELERY_BROKER_URL:
    INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = "integrations_posthog.tasks.launch"

# Logs

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": env.str("DJANGO_LOG_LEVEL", default="INFO"),
    },
    "loggers": {
        "django": {"handlers": [], "level": "NOTSET", "propagate": True},
        "django.db.backends": {"level": "INFO"},  # Below that it writes the values of queries.
    },
}
