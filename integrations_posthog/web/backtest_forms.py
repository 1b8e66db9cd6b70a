"""What a backtest takes in."""

from __future__ import annotations

from typing import Any

from django import forms

from ..pql.rules import LONGEST_EVENT_NAME
from ..services.signals.backtest import LONGEST_HORIZON_DAYS

USUAL_HORIZON_DAYS = 30


def _day(label: str) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(
        label=label, required=False, input_formats=["%Y-%m-%d"], localize=False, widget=widget
    )


class BacktestForm(forms.Form):
    """A goal, within how many days of a signal it has to be reached, and the days to replay."""

    use_required_attribute = False

    goal_event = forms.CharField(
        max_length=LONGEST_EVENT_NAME,
        label="Goal event",
        widget=forms.TextInput(attrs={"list": "posthog-events", "autocomplete": "off"}),
    )
    horizon_days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_HORIZON_DAYS,
        label="Reached within days",
        initial=USUAL_HORIZON_DAYS,
    )
    first = _day("From")
    last = _day("To")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", "Is before the first day.")
        return cleaned
