"""The HogQL texts that are sent to PostHog (posthog.com/docs/hogql)."""

from __future__ import annotations

EVENTS_OF_30_DAYS = (
    "SELECT count() FROM events "
    "WHERE timestamp >= now() - INTERVAL 30 DAY AND timestamp <= now() LIMIT 1"
)
