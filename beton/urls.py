"""The addresses of the host project."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerView

from . import views
from .documentation import SchemaView
from .tokens import RefreshView, TokenView

accounts = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]

urlpatterns = [
    path("", RedirectView.as_view(url="/settings/posthog/"), name="home"),
    path("", include(accounts)),
    path("", include((accounts, "rest_framework"))),  # The browsable API looks for them there.
    path("workspaces/switch", views.switch_workspace, name="switch_workspace"),
    path("settings/posthog/", include("integrations_posthog.web.urls")),
    path("api/posthog/", include("integrations_posthog.api.urls")),
    path("api/auth/token", TokenView.as_view(), name="token"),
    path("api/auth/token/refresh", RefreshView.as_view(), name="token_refresh"),
    path("api/schema", SchemaView.as_view(), name="schema"),
    # The view has no template for a refusal, so other methods are refused before it.
    path("api/docs", require_safe(SpectacularSwaggerView.as_view(url_name="schema")), name="docs"),
    path("admin/login/", views.admin_login),
    path("admin/", admin.site.urls),
    path("healthz", views.healthz, name="healthz"),
]
