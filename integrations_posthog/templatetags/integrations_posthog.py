"""How the pages write times, numbers and hints, whatever the host's own formats are."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_ADDRESS = re.compile(r"(https?://[^\s<>\"']*[^\s<>\"'.,;:!?)])")
_NEW_TAB = '<a href="{0}" target="_blank" rel="noopener">{0}</a>'


@register.filter
def utc_time(moment: datetime) -> SafeString:
    """A time to the minute, in UTC: ``22 Nov 2026, 14:05 UTC``, in a ``time`` element."""
    utc = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{} {} UTC</time>',
        f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        utc.day,
        f"{utc:%b %Y, %H:%M}",
    )


@register.filter
def thousands(number: int) -> str:
    """A number with commas between its thousands: ``15,420``."""
    return f"{number:,}"


@register.filter
def linked(text: str) -> SafeString:
    """A text with its http and https addresses as links; all else is escaped."""
    parts = _ADDRESS.split(text)
    return format_html_join(
        "",
        "{}",
        ((format_html(_NEW_TAB, part) if _ADDRESS.fullmatch(part) else part,) for part in parts),
    )
