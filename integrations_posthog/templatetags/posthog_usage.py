"""How the pages write usage: days of the ledger, changes, durations, and small charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..models import SyncDay, UsageSource

register = template.Library()

_REASONS = {
    "no_account": "that name none",
    "public_email_provider": "with an address at a public mail provider",
    "too_long": "with an account key of more than 200 characters",
    "contains_nul": "with a NUL character in the account key",
    "not_text": "with an account key that is no valid text",
}
_STATES = {
    SyncDay.State.GREEN: "",
    SyncDay.State.RED: ", not verified",
    SyncDay.State.PENDING: ", still to be read",
}
_WIDTH, _HEIGHT, _MARGIN = 96, 24, 2


@register.filter
def day_text(day: date) -> str:
    """A day: ``22 Nov 2026``."""
    return f"{day.day} {day:%b %Y}"


@register.filter
def ledger_text(row: SyncDay) -> str:
    """What the ledger holds of a day, in a line: ``12 Nov 2026: 500 of 500 events, …``."""
    attributed = row.events_stored + row.events_unattributed
    parts = [f"{attributed:,} of {row.events_posthog:,} events"]
    if row.events_unattributed:
        parts.append(f"{row.events_unattributed:,} of no account")
    if row.verified_at is not None:
        verified = row.verified_at.astimezone(UTC)
        last = "" if row.state == SyncDay.State.GREEN else "last "
        parts.append(f"{last}verified at {day_text(verified)}, {verified:%H:%M} UTC")
    return f"{day_text(row.day)}{_STATES[SyncDay.State(row.state)]}: {', '.join(parts)}"


@register.filter
def reasons_text(counts: Mapping[str, int]) -> str:
    """Why events belong to no account: ``120 with an address at a public mail provider``."""
    ordered = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{count:,} {_REASONS.get(reason, reason)}" for reason, count in ordered)


@register.simple_tag
def mapping_text(strategy: str, value: str) -> str:
    """What makes an account: ``E-mail domain``, ``Group type 0``, ``Person property company``."""
    return f"{UsageSource.Strategy(strategy).label} {value or ''}".strip()


@register.filter
def percent(share: float) -> str:
    """A share from 0 to 1: ``93 %``; never rounded up to all, nor down to nothing."""
    rounded = round(share * 100)
    if rounded == 100 and share < 1:
        return "over 99 %"
    return "under 1 %" if rounded == 0 and share > 0 else f"{rounded} %"


@register.filter
def duration(seconds: float) -> str:
    """A time span, roughly: ``40 seconds``, ``3 minutes``, ``2 hours``."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length:
            return f"{round(seconds / length)} {unit}s"
    whole = max(round(seconds), 0)
    return f"{whole} second{'' if whole == 1 else 's'}"


@register.simple_tag
def change(now: int, before: int, period: str) -> SafeString:
    """How a figure differs from that of the period before, in per cent."""
    if not before:
        return SafeString('<span class="ph-change ph-change-up">new</span>' if now else "")
    difference = round((now - before) / before * 100)
    direction, sign = ("up", "+") if difference > 0 else ("down", "−")
    return format_html(
        '<span class="ph-change ph-change-{}">{}{} %<span class="ph-hidden"> on the {} before'
        "</span></span>",
        direction if difference else "none",
        sign if difference else "±",
        f"{abs(difference):,}",
        period,
    )


@register.filter
def sparkline(trend: Sequence[int]) -> SafeString:
    """Weekly counts, oldest first, as a small chart that says them too."""
    if len(trend) < 2:
        return SafeString("")
    top = max(*trend, 1)
    step = (_WIDTH - 2 * _MARGIN) / (len(trend) - 1)
    height = _HEIGHT - 2 * _MARGIN
    points = " ".join(
        f"{_MARGIN + number * step:.1f},{_HEIGHT - _MARGIN - count / top * height:.1f}"
        for number, count in enumerate(trend)
    )
    return format_html(
        '<svg class="ph-spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="Events of the last {weeks} weeks: {counts}">'
        '<polygon points="{left},{bottom} {points} {right},{bottom}"/>'
        '<polyline points="{points}"/></svg>',
        width=_WIDTH,
        height=_HEIGHT,
        left=_MARGIN,
        right=_WIDTH - _MARGIN,
        bottom=_HEIGHT - _MARGIN,
        points=points,
        weeks=len(trend),
        counts=", ".join(f"{count:,}" for count in trend),
    )
