"""The pages' addresses."""

from __future__ import annotations

from django.urls import path

from . import (
    account_views,
    backtest_views,
    definition_views,
    editor_views,
    fit_views,
    lead_views,
    usage_views,
    views,
    webhook_views,
)

app_name = "posthog"

urlpatterns = [
    path("", views.connection, name="connection"),
    path("connect", views.connect, name="connect"),
    path("recheck", views.recheck, name="recheck"),
    path("project", views.choose_project, name="choose_project"),
    path("disconnect", views.disconnect, name="disconnect"),
    path("usage/", usage_views.usage, name="usage"),
    path("usage/progress", usage_views.progress, name="usage_progress"),
    path("usage/days", usage_views.days, name="usage_days"),
    path("usage/sync", usage_views.sync, name="sync"),
    path("usage/mapping", usage_views.change_mapping, name="change_mapping"),
    path("usage/purge", usage_views.purge, name="purge"),
    path("accounts/", account_views.accounts, name="accounts"),
    path("accounts/<str:account_id>/", account_views.account, name="account"),
    path("leads/", lead_views.leads, name="leads"),
    path("signals/<str:signal_id>/acknowledge", lead_views.acknowledge, name="acknowledge"),
    path("signals/<str:signal_id>/dismiss", lead_views.dismiss, name="dismiss"),
    path("definitions/", definition_views.definitions, name="definitions"),
    path("definitions/new", editor_views.new_definition, name="new_definition"),
    path("definitions/preview", editor_views.preview, name="preview"),
    path("definitions/fit", fit_views.fit, name="fit"),
    path("definitions/<str:definition_id>/", editor_views.definition, name="definition"),
    path("definitions/<str:definition_id>/activate", definition_views.activate, name="activate"),
    path("definitions/<str:definition_id>/pause", definition_views.pause, name="pause"),
    path("definitions/<str:definition_id>/backtest", backtest_views.backtest, name="backtest"),
    path("webhooks/", webhook_views.webhooks, name="webhooks"),
    path("webhooks/add", webhook_views.add, name="webhook_add"),
    path("webhooks/<str:webhook_id>/", webhook_views.webhook, name="webhook"),
    path("webhooks/<str:webhook_id>/test", webhook_views.send_test, name="webhook_test"),
    path("webhooks/<str:webhook_id>/change", webhook_views.change, name="webhook_change"),
    path("webhooks/<str:webhook_id>/secret", webhook_views.new_secret, name="webhook_secret"),
    path("webhooks/<str:webhook_id>/delete", webhook_views.delete, name="webhook_delete"),
]
