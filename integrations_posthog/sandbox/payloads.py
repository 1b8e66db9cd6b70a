"""What the endpoints send: the JSON of keys, users, organizations and projects.

The field names are those of PostHog's serializers (posthog/api/personal_api_key.py, user.py,
organization.py, project.py, shared.py); of the project's some ninety settings only those are
here that an integration has a use for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from .answers import iso
from .keys import Key
from .tenants import CREATED_AT, Organization, Project, User, identifier

Payload = dict[str, Any]

ADMIN = 8


class Payloads:
    """The shapes of today's PostHog."""

    def key(self, key: Key, *, user: User, scopes: Sequence[str], now: datetime) -> Payload:
        return {
            "id": identifier("key", key.label),
            "label": key.label,
            "value": None,
            "mask_value": key.mask,
            "created_at": iso(CREATED_AT),
            # PostHog moves this at most once an hour.
            "last_used_at": iso(now.replace(minute=0, second=0, microsecond=0)),
            "last_rolled_at": None,
            "user_id": user.id,
            "scopes": list(scopes) or ["*"],
            "scoped_teams": list(key.scoped_teams),
            "scoped_organizations": list(key.scoped_organizations),
        }

    def project_basic(self, project: Project) -> Payload:
        return {
            "id": project.id,
            "uuid": project.uuid,
            "organization": project.organization.id,
            "project_id": project.id,
            "api_token": project.api_token,
            "name": project.name,
            "completed_snippet_onboarding": True,
            "has_completed_onboarding_for": {"product_analytics": True},
            "ingested_event": project.world.has_events,
            "is_demo": False,
            "timezone": project.timezone,
            "access_control": False,
        }

    def project(self, project: Project) -> Payload:
        """A project in full: it has the organization's id, never its name."""
        group_types = [
            {
                "group_type": name,
                "group_type_index": index,
                "name_singular": None,
                "name_plural": None,
            }
            for index, name in enumerate(project.world.group_types)
        ]
        return self.project_basic(project) | {
            "created_at": iso(CREATED_AT),
            "updated_at": iso(CREATED_AT),
            "secret_api_token": None,
            "has_group_types": bool(group_types),
            "group_types": group_types,
            "person_display_name_properties": None,
            "week_start_day": None,
            "event_retention_months": 12,
            "effective_membership_level": ADMIN,
            "user_access_level": "admin",
            "is_pending_deletion": False,
        }

    def organization(self, organization: Organization, *, projects: list[Project]) -> Payload:
        """An organization in full; ``projects`` are those in it that the user can see."""
        return {
            "id": organization.id,
            "name": organization.name,
            "slug": organization.slug,
            "logo_media_id": None,
            "created_at": iso(CREATED_AT),
            "updated_at": iso(CREATED_AT),
            "membership_level": ADMIN,
            "plugins_access_level": 9,
            "teams": [self.project_basic(project) for project in projects],
            "projects": [
                {"id": project.id, "organization_id": organization.id, "name": project.name}
                for project in projects
            ],
            "available_product_features": [],
            "is_member_join_email_enabled": True,
            "metadata": {"instance_tag": "none"},
            "customer_id": None,
            "enforce_2fa": None,
            "members_can_invite": True,
            "members_can_use_personal_api_keys": True,
            "member_count": 2,
            "is_ai_data_processing_approved": None,
        }

    def user(self, user: User, *, projects: list[Project]) -> Payload:
        """The user, with the current project and organization; ``projects`` are all of theirs."""
        current = user.organizations[0]
        here = [project for project in projects if project.organization == current]
        return {
            "id": user.id,
            "uuid": identifier("user", user.id),
            "distinct_id": identifier("distinct", user.id),
            "first_name": user.name,
            "last_name": "",
            "email": user.email,
            "is_email_verified": True,
            "is_staff": False,
            "date_joined": iso(CREATED_AT),
            "team": self.project_basic(here[-1]) if here else None,
            "organization": self.organization(current, projects=here),
            "organizations": [self.membership(each) for each in user.organizations],
        }

    def membership(self, organization: Organization) -> Payload:
        return {
            "id": organization.id,
            "name": organization.name,
            "slug": organization.slug,
            "logo_media_id": None,
            "membership_level": ADMIN,
            "members_can_use_personal_api_keys": True,
            "is_active": True,
            "is_not_active_reason": None,
            "is_pending_deletion": False,
        }
