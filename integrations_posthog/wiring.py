"""The use cases as the entry points call them: with the settings and the clock."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from .client.hosts import Network, canonical_origin, is_cloud
from .conf import app_settings
from .services.store import Actor
from .services.validator import PostHogValidatorService


def connection_service(*, workspace: models.Model, actor: Actor) -> PostHogValidatorService:
    """The use cases of this workspace's connection, acted upon by this actor."""
    return PostHogValidatorService(
        workspace=workspace, actor=actor, clock=timezone.now, network=operator_network()
    )


def operator_network() -> Network:
    """What the operator allows, by the settings. A default host of one's own is trusted.

    Raises:
        InvalidHost: a setting holds something that is no origin; a system check says so.
    """
    trusted = {canonical_origin(origin) for origin in app_settings.TRUSTED_ORIGINS}
    default = canonical_origin(app_settings.HOST)
    return Network(
        default_origin=default,
        cloud_regions=tuple(canonical_origin(origin) for origin in app_settings.CLOUD_REGIONS),
        trusted_origins=frozenset(trusted if is_cloud(default) else trusted | {default}),
        ca_bundle=app_settings.CA_BUNDLE,
    )
