"""A project that is as unlike ``beton`` as a host of the app may be."""

import json
import os

SECRET_KEY = "known to everyone, for tests only"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "shop.urls"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
DATABASES = {"default": json.loads(os.environ["SHOP_DATABASE"]) | {"ATOMIC_REQUESTS": True}}
TIME_ZONE = "Asia/Tokyo"
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # A slow one slows tests.
LOGIN_URL = "/admin/login/"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_htmx",
    "integrations_posthog",
    "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
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
# Sessions first: DRF itself would answer 403 to callers who are not logged in.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication",
        "rest_framework.authentication.BasicAuthentication",
    ],
}

INTEGRATIONS_POSTHOG_WORKSPACE_MODEL = "shop.Team"
INTEGRATIONS_POSTHOG_WORKSPACE_ACCESS = "shop.teams.access_for"
INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = os.environ["SHOP_ENCRYPTION_KEYS"].split()
