"""Which workspace ``--workspace`` names, whatever ids the host's workspaces have."""

from __future__ import annotations

import pytest
from django.core.management import CommandError
from django.db import models
from django.test.utils import isolate_apps
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.management import workspaces


def test_a_slug_is_found_where_ids_are_uuids(
    acme: Workspace, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.INTEGRATIONS_POSTHOG_WORKSPACE_MODEL = "beton.Team"
    with isolate_apps("beton") as registry:

        class Team(models.Model):
            id = models.UUIDField(primary_key=True)
            slug = models.SlugField()

            class Meta:
                app_label = "beton"
                db_table = Workspace._meta.db_table
                managed = False

        monkeypatch.setattr(workspaces, "apps", registry)
        assert str(workspaces.find_workspace(acme.slug).pk) == acme.pk
        with pytest.raises(CommandError, match="no workspace with the id or slug 'initech'"):
            workspaces.find_workspace("initech")
