from django.apps import AppConfig


class BetonConfig(AppConfig):
    name = "beton"
    verbose_name = "Beton Inspector"
    default_auto_field = "django.db.models.BigAutoField"
