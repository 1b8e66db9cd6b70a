"""The shapes of PostHog 1.30, the last release on PostgreSQL (November 2021).

As a running instance of that release answered; self-hosted ones of that age exist.
"""

from __future__ import annotations

from .answers import iso
from .payloads import Payload, Payloads
from .tenants import CREATED_AT, Organization, Project, User, identifier

OWNER = 15


class PayloadsOf130(Payloads):
    """Fewer fields than today, and the level of the owner in every project."""

    def project_basic(self, project: Project) -> Payload:
        return {
            "id": project.id,
            "uuid": project.uuid,
            "organization": project.organization.id,
            "api_token": project.api_token,
            "name": project.name,
            "completed_snippet_onboarding": False,
            "ingested_event": project.world.has_events,
            "is_demo": False,
            "timezone": project.timezone,
            "access_control": False,
            "effective_membership_level": OWNER,
        }

    def project(self, project: Project) -> Payload:
        return self.project_basic(project) | {
            "app_urls": [],
            "slack_incoming_webhook": None,
            "created_at": iso(CREATED_AT),
            "updated_at": iso(CREATED_AT),
            "anonymize_ips": False,
            "test_account_filters": [
                {"key": "$host", "value": ["localhost:8000"], "operator": "is_not"}
            ],
            "path_cleaning_filters": [],
            "data_attributes": ["data-attr"],
            "correlation_config": {},
            "session_recording_opt_in": False,
            "session_recording_retention_period_days": None,
        }

    def organization(self, organization: Organization, *, projects: list[Project]) -> Payload:
        return {
            "id": organization.id,
            "name": organization.name,
            "slug": organization.slug,
            "created_at": iso(CREATED_AT),
            "updated_at": iso(CREATED_AT),
            "membership_level": OWNER,
            "personalization": {},
            "setup": {"is_active": False, "current_section": None},
            "plugins_access_level": 9,
            "teams": [self.project_basic(project) for project in projects],
            "available_features": [],
            "domain_whitelist": [],
            "is_member_join_email_enabled": True,
        }

    def user(self, user: User, *, projects: list[Project]) -> Payload:
        current = user.organizations[0]
        here = [project for project in projects if project.organization == current]
        return {
            "date_joined": iso(CREATED_AT),
            "uuid": identifier("user", user.id),
            "distinct_id": identifier("distinct", user.id),
            "first_name": user.name,
            "email": user.email,
            "email_opt_in": False,
            "anonymize_data": False,
            "toolbar_mode": "toolbar",
            "has_password": True,
            "is_staff": False,
            "is_impersonated": False,
            "team": self.project_basic(here[-1]) if here else None,
            "organization": self.organization(current, projects=here),
            "organizations": [self.membership(each) for each in user.organizations],
            "events_column_config": {"active": "DEFAULT"},
        }

    def membership(self, organization: Organization) -> Payload:
        return {
            "id": organization.id,
            "name": organization.name,
            "slug": organization.slug,
            "membership_level": OWNER,
        }
