"""How to serve: ``gunicorn -c python:beton.gunicorn beton.wsgi``.

The number of processes comes from gunicorn's own variable WEB_CONCURRENCY; with more than one,
CACHE_URL has to name a Redis, or each counts the rate limits for itself.
"""

bind = "0.0.0.0:8000"
worker_class = "gthread"
threads = 8
"""A validation holds its thread for up to 15 seconds, mostly waiting for PostHog."""

timeout = 30
graceful_timeout = 30
keepalive = 5
accesslog = "-"
