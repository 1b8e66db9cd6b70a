"""The settings page's addresses."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "posthog"

urlpatterns = [
    path("", views.connection, name="connection"),
    path("connect", views.connect, name="connect"),
    path("recheck", views.recheck, name="recheck"),
    path("project", views.choose_project, name="choose_project"),
    path("disconnect", views.disconnect, name="disconnect"),
]
