"""The WSGI application, for gunicorn. It does not start with settings it cannot work with."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "beton.settings")

application = get_wsgi_application()

from integrations_posthog.checks import require_usable_settings  # noqa: E402

require_usable_settings()
