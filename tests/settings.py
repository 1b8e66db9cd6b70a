"""The host project's settings for the tests: fresh secrets, and nothing from ``.env``.

``DATABASE_URL`` and ``CACHE_URL`` are taken from the environment where they are set.
"""

import os
import secrets
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

os.environ |= {
    "DJANGO_ENV_FILE": os.devnull,
    "DJANGO_DEBUG": "false",
    "DJANGO_ALLOWED_HOSTS": "testserver,localhost,127.0.0.1,[::1]",
    "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
    "BETON_ENCRYPTION_KEY": Fernet.generate_key().decode(),
}

from beton.settings import *  # noqa: F403
from beton.settings import DATABASES, STORAGES

# A file, so that threads and processes each have a connection of their own, as in production.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    name = f"beton-tests-{os.getpid()}.sqlite3"
    DATABASES["default"]["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / name)}

# The live servers of the tests speak plain HTTP.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# As if collectstatic had never been run.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
