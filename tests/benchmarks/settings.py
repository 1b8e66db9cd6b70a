"""The host project as it is served, with its secrets from the benchmark and one more view."""

from beton.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.urls"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = False  # The benchmarks speak plain HTTP.
INTEGRATIONS_POSTHOG_VALIDATION_RATE = "1000000/m"
