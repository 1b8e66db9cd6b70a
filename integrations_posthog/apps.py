from django.apps import AppConfig


class IntegrationsPosthogConfig(AppConfig):
    name = "integrations_posthog"
    verbose_name = "PostHog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (registers the system checks)
