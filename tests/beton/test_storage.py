"""The names under which static files are served."""

from __future__ import annotations

from pathlib import Path

from django.core.management import call_command
from django.templatetags.static import static
from pytest_django import Settings

OTHERS = ["admin*", "rest_framework*", "drf_spectacular*", "django_htmx*", "integrations_posthog*"]


def test_names_carry_hashes_once_collectstatic_has_run(settings: Settings, tmp_path: Path) -> None:
    storages = settings.STORAGES | {"staticfiles": {"BACKEND": "beton.storage.StaticFilesStorage"}}
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = storages
    before = static("beton/beton.css")
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=OTHERS)
    settings.STORAGES = dict(storages)
    after = static("beton/beton.css")

    assert before == "/static/beton/beton.css"
    assert after != before
    assert (tmp_path / after.removeprefix("/static/")).is_file()
