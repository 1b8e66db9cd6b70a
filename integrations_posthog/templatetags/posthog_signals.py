"""How the pages write scores, rules and receipts, and draw what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from django import template
from django.forms import BoundField
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ..pql import rules, scores, sentences
from ..pql.facts import Judgement
from .posthog_usage import day_text

register = template.Library()

_WIDTH, _HEIGHT = 240, 48
_NAMED_DAYS = 31
_TONES = 4


class Interval(Protocol):
    """A figure with the ends of its interval."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


@register.filter
def grade(score: float) -> str:
    """The grade of a score: ``M75``."""
    return scores.grade_of(score)


@register.filter
def amount(number: float) -> str:
    """A number as short as it is exact to a tenth: ``12``, ``12.5``, ``1,200``."""
    rounded = round(float(number), 1)
    return f"{rounded:,.0f}" if rounded.is_integer() else f"{rounded:,.1f}"


@register.filter
def signed(number: float) -> str:
    """Points with their sign: ``+38.2``, ``−12``."""
    return f"{'−' if number < 0 else '+'}{amount(abs(number))}"


@register.filter
def iso_day(text: str) -> str:
    """A day out of JSON: ``22 Nov 2026``."""
    return day_text(date.fromisoformat(text))


@register.filter
def rule_text(rule: Mapping[str, Any]) -> str:
    """What a rule's JSON asks for."""
    return sentences.rule_text(rules.parse_rule(rule))


@register.filter
def asked_text(judgement: Judgement) -> str:
    """What a condition asks for."""
    return sentences.asked_text(judgement.condition)


@register.filter
def judged_text(judgement: Judgement) -> str:
    """What a condition came to; where it is not met, what it would take."""
    return sentences.found_text(judgement) if judgement.met else sentences.needed_text(judgement)


@register.filter
def gap_text(judgement: Judgement) -> str:
    """By how much a condition is missed: ``7 more``, ``3 fewer``; empty where no number tells."""
    return sentences.gap_text(judgement)


@register.filter
def receipt_text(condition: Mapping[str, Any]) -> str:
    """A condition of a receipt: ``events of invite_sent in 14 days: 5, threshold 3``."""
    events = f" of {', '.join(condition['events'])}" if condition["events"] else ""
    days = f"{condition['days']} day{'' if condition['days'] == 1 else 's'}"
    text = f"{condition['measure'].replace('_', ' ')}{events} in {days}"
    before = f", {amount(condition['before'])} before" if condition["before"] is not None else ""
    return f"{text}: {amount(condition['value'])}{before}, threshold {amount(condition['needed'])}"


@register.filter
def control(field: BoundField) -> SafeString:
    """A field's control, which says what belongs to it: its help, and what is wrong with it."""
    told = [("help", field.help_text), ("error", field.errors)]
    ids = [f"{field.id_for_label}-{name}" for name, is_there in told if is_there]
    attributes: dict[str, str | bool] = {"class": "ph-input"}
    if ids:
        attributes["aria-describedby"] = " ".join(ids)
    return field.as_widget(attrs=attributes)


@register.filter
def criterion_text(criterion: Mapping[str, Any]) -> str:
    """A criterion of fit: ``employees at least 50``."""
    [bound] = criterion.keys() - {"property"}
    value = criterion[bound]
    shown = " or ".join(value) if bound == "one_of" else amount(value)
    return f"{criterion['property']} {bound.replace('_', ' ')} {shown}"


@register.filter
def lift_verdict(lift: Interval | None) -> str:
    """What a lift and its interval come to."""
    if lift is None:
        return "Too few goals to tell it from chance"
    return {
        "off": "It cannot be told from chance",
        "ok": "It foretells the goal",
        "danger": "It points away from the goal",
    }[lift_tone(lift)]


@register.filter
def lift_tone(lift: Interval | None) -> str:
    """The tone of the same: ``ok`` above chance, ``danger`` below, ``off`` where it may be both."""
    if lift is None or lift.low <= 1 <= lift.high:
        return "off"
    return "ok" if lift.low > 1 else "danger"


@register.filter
def score_bar(parts: Sequence[Mapping[str, Any]]) -> SafeString:
    """What adds to a score, side by side on a scale to 100; the parts' own words say it too."""
    adding = [
        part["points"] for part in parts if part["points"] > 0 and part["definition"] is not None
    ]
    scale = max(sum(adding), scores.HIGHEST)
    at, bars = 0.0, []
    for number, points in enumerate(adding):
        bars.append((f"{at / scale * 100:.2f}", f"{points / scale * 100:.2f}", number % _TONES))
        at += points
    inner = format_html_join("", '<rect x="{}" width="{}" height="1" class="ph-tone-{}"/>', bars)
    return format_html(
        '<svg class="ph-score-bar" viewBox="0 0 100 1" preserveAspectRatio="none" '
        'aria-hidden="true">{}</svg>',
        inner,
    )


@register.filter
def series_chart(evidence: Mapping[str, Any]) -> SafeString:
    """The days behind a signal as bars; those of its window stand out."""
    series = evidence["series"]
    if not series:
        return SafeString("")
    top = max(1, *(one["value"] for one in series))
    step = _WIDTH / len(series)
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>',
        (
            (
                f"{at * step + step * 0.12:.2f}",
                f"{_HEIGHT - max(one['value'] / top * _HEIGHT, 1):.2f}",
                f"{step * 0.76:.2f}",
                f"{max(one['value'] / top * _HEIGHT, 1):.2f}",
                "ph-within" if one["day"] >= evidence["window"]["from"] else "ph-before",
            )
            for at, one in enumerate(series)
        ),
    )
    return format_html(
        '<svg class="ph-series" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-label="{}">{}</svg>',
        _WIDTH,
        _HEIGHT,
        _series_text(series),
        bars,
    )


def _series_text(series: Sequence[Mapping[str, Any]]) -> str:
    values = [one["value"] for one in series]
    span = f"{iso_day(series[0]['day'])} to {iso_day(series[-1]['day'])}"
    if len(values) <= _NAMED_DAYS:
        return f"Day by day, {span}: {', '.join(amount(value) for value in values)}"
    return f"Day by day, {span}: from {amount(min(values))} to {amount(max(values))}"


@register.simple_tag
def interval_text(interval: Interval, kind: str) -> str:
    """An interval's ends: ``24 % to 41 %`` of a share, ``2.1 to 3.9`` of a ratio."""
    return f"{_figure(interval.low, kind)} to {_figure(interval.high, kind)}"


@register.simple_tag
def figure_text(interval: Interval, kind: str) -> str:
    """Its figure: ``32 %`` of a share, ``2.9 ×`` of a ratio."""
    return _figure(interval.value, kind) + (" ×" if kind == "ratio" else "")


def _figure(number: float, kind: str) -> str:
    if kind == "ratio":
        return f"{number:.1f}"
    # Few accounts convert, so what is below a tenth is told to a tenth of a per cent.
    return f"{number * 100:.1f} %" if 0 < number < 0.0995 else f"{number * 100:.0f} %"


@register.simple_tag
def interval_chart(interval: Interval, kind: str) -> SafeString:
    """A figure and its 95 % interval on a scale: to all of a share; of a ratio with 1, which is
    chance, marked."""
    scale = 1.0 if kind == "share" else max(4.0, interval.high * 1.1)
    low, value, high = (
        min(max(number / scale, 0), 1) * _WIDTH
        for number in (interval.low, interval.value, interval.high)
    )
    chance = "" if kind == "share" else _chance(_WIDTH / scale)
    return format_html(
        '<svg class="ph-interval" viewBox="-6 0 {} 24" aria-hidden="true">'
        '<line class="ph-scale" x1="0" x2="{}" y1="12" y2="12"/>{}'
        '<line class="ph-span" x1="{}" x2="{}" y1="12" y2="12"/>'
        '<circle cx="{}" cy="12" r="5"/></svg>',
        _WIDTH + 12,
        _WIDTH,
        chance,
        f"{low:.1f}",
        f"{high:.1f}",
        f"{value:.1f}",
    )


def _chance(at: float) -> SafeString:
    return format_html('<line class="ph-chance" x1="{0}" x2="{0}" y1="2" y2="22"/>', f"{at:.1f}")


@register.filter
def share_bar(share: float) -> SafeString:
    """A share from 0 to 1 as a bar."""
    return format_html(
        '<svg class="ph-share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{}" height="1"/></svg>',
        f"{min(max(share, 0), 1) * 100:.1f}",
    )
