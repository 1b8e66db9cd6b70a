from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/posthog/", include("integrations_posthog.api.urls")),
    path("settings/posthog/", include("integrations_posthog.web.urls")),
]
