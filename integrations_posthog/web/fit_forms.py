"""The form of the criteria of fit: a row for each, and empty ones for more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from ..pql.fit import MOST_CRITERIA, CriterionError, parse_criteria

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_SPARE_ROWS = 2


class CriterionForm(forms.Form):
    """A condition on a property of a group; one without a property and a value is none."""

    use_required_attribute = False

    name = forms.CharField(
        required=False,
        max_length=100,
        label="Property",
        widget=forms.TextInput(attrs={"list": "posthog-properties", "autocomplete": "off"}),
    )
    bound = forms.ChoiceField(
        label="Is",
        choices=[("at_least", "at least"), ("at_most", "at most"), ("one_of", "one of")],
    )
    value = forms.CharField(required=False, max_length=1_000, label="Value")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if not self.errors and not self.is_blank:
            try:
                parse_criteria([self.criterion()])
            except CriterionError as exc:
                field = "name" if exc.path.endswith(".property") else "value"
                self.add_error(field, f"{exc.reason[:1].upper()}{exc.reason[1:]}.")
        return cleaned

    @property
    def is_blank(self) -> bool:
        return not self.cleaned_data.get("name") and not self.cleaned_data.get("value")

    def criterion(self) -> dict[str, Any]:
        """The criterion's JSON."""
        bound, text = self.cleaned_data["bound"], self.cleaned_data["value"]
        value: Any = text
        if bound == "one_of":
            value = [name.strip() for name in text.split(",") if name.strip()]
        elif _NUMBER.fullmatch(text):
            value = float(text) if "." in text else int(text)
        return {"property": self.cleaned_data["name"], bound: value}


def posted_criteria(posted: QueryDict) -> list[CriterionForm]:
    """The rows that were posted."""
    count = posted.get("criteria", "")
    number = int(count) if re.fullmatch(r"[0-9]{1,2}", count) else 0
    return [CriterionForm(posted, prefix=f"criteria-{at}") for at in range(min(number, 99))]


def stored_criteria(criteria: Sequence[Mapping[str, Any]]) -> list[CriterionForm]:
    """A row for each criterion, and some more as long as there may be more."""
    rows = [_initial(one) for one in criteria]
    rows += [{}] * min(_SPARE_ROWS, MOST_CRITERIA - len(rows))
    return [CriterionForm(initial=row, prefix=f"criteria-{at}") for at, row in enumerate(rows)]


def criteria_of(rows: Iterable[CriterionForm]) -> list[dict[str, Any]]:
    """The criteria's JSON, once all rows are valid."""
    return [row.criterion() for row in rows if not row.is_blank]


def _initial(criterion: Mapping[str, Any]) -> dict[str, Any]:
    [bound] = criterion.keys() - {"property"}
    value = criterion[bound]
    shown = ", ".join(value) if bound == "one_of" else f"{value}"
    return {"name": criterion["property"], "bound": bound, "value": shown}
