"""The form of one condition of a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from ..pql.rules import (
    LONGEST_EVENT_NAME,
    LONGEST_LOOKBACK,
    PEOPLE_WINDOWS,
    RuleError,
    parse_rule,
)

_PATH = "all[0]."
_FORMS = {
    "at_least": ("value", {"at_least": "at_least"}),
    "at_most": ("value", {"at_most": "at_most"}),
    "rise": ("own_past", {"ratio_at_least": "rise_ratio", "min_volume": "rise_volume"}),
    "fall": ("own_past", {"ratio_at_most": "fall_ratio", "min_volume": "fall_volume"}),
    "percentile": ("percentile", {"at_least": "percentile"}),
    "first_time": ("first_time", {"silent_days": "silent_days"}),
}
"""What each form of comparing is in JSON, and which field each of its keys comes from."""

_OPTIONAL = {"rise_volume", "fall_volume"}
_USUAL = {
    "measure": "events",
    "which": "all",
    "days": 14,
    "to": "at_least",
    "rise_ratio": 1.5,
    "fall_ratio": 0.5,
    "percentile": 95,
    "silent_days": 30,
}


class _EventsField(forms.MultipleChoiceField):
    """Names of events; any, since a rule may name one that has not happened yet."""

    def valid_value(self, value: Any) -> bool:
        return 1 <= len(value) <= LONGEST_EVENT_NAME and "\0" not in value


class ConditionForm(forms.Form):
    """A measure of some events over the last days, and what it is compared with.

    Args:
        known_events: events of the project, the most frequent first.
    """

    use_required_attribute = False

    measure = forms.ChoiceField(
        label="What is counted",
        choices=[
            ("events", "Events"),
            ("active_days", "Active days"),
            ("distinct_events", "Different events"),
            ("active_people", "Active people"),
        ],
    )
    which = forms.ChoiceField(
        label="Of which events", choices=[("all", "All events"), ("chosen", "These events")]
    )
    events = _EventsField(
        label="Events, the most frequent first",
        required=False,
        help_text="Hold Ctrl or ⌘ to choose several.",
    )
    more_events = forms.CharField(
        label="Others, with commas between them", required=False, max_length=2_000
    )
    days = forms.IntegerField(min_value=1, max_value=LONGEST_LOOKBACK, label="In how many days")
    to = forms.ChoiceField(
        label="Compared with",
        choices=[
            ("at_least", "a number, at least"),
            ("at_most", "a number, at most"),
            ("rise", "the account’s period before: a rise"),
            ("fall", "the account’s period before: a fall"),
            ("percentile", "all accounts: among the most"),
            ("first_time", "nothing: for the first time"),
        ],
    )
    at_least = forms.FloatField(required=False, label="At least")
    at_most = forms.FloatField(required=False, label="At most")
    rise_ratio = forms.FloatField(
        required=False, label="At least this ratio", help_text="1.5 is half as much again."
    )
    rise_volume = forms.FloatField(
        required=False,
        label="From this volume on",
        help_text="So that 1 → 3 is no rise.",
    )
    fall_ratio = forms.FloatField(
        required=False, label="At most this ratio", help_text="0.5 is half, 0 is nothing left."
    )
    fall_volume = forms.FloatField(
        required=False,
        label="From this volume on",
        help_text="So that 2 → 1 is no fall.",
    )
    percentile = forms.FloatField(
        required=False, label="From this percentile on", help_text="95 is the top 5 %."
    )
    silent_days = forms.FloatField(required=False, label="After so many days without")

    def __init__(self, *args: Any, known_events: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known_events = list(known_events)
        chosen = self["events"].value() or ()
        named = dict.fromkeys([*self.known_events, *chosen])
        events = self.fields["events"]
        assert isinstance(events, _EventsField)  # noqa: S101  (declared above)
        events.choices = [(name, name) for name in named]
        events.widget.attrs["size"] = min(max(len(named), 2), 6)

    @classmethod
    def of_condition(
        cls, condition: Mapping[str, Any], *, prefix: str, known_events: Iterable[str]
    ) -> ConditionForm:
        """The form of a condition's JSON; an empty one stands for a new condition."""
        initial: dict[str, Any] = dict(_USUAL)
        if condition:
            events = condition.get("events")
            initial |= {"measure": condition["measure"], "days": condition["days"]}
            initial |= {"which": "all" if events is None else "chosen", "events": events or []}
            initial |= _compare_fields(condition["compare"])
        return cls(initial=initial, prefix=prefix, known_events=known_events)

    def again(self, *, prefix: str, known_events: Iterable[str]) -> ConditionForm:
        """The same, not judged, in another place."""
        initial = {field.name: field.value() for field in self}
        others = _names(initial.pop("more_events") or "")
        initial["events"] = list(dict.fromkeys([*(initial["events"] or ()), *others]))
        return ConditionForm(initial=initial, prefix=prefix, known_events=known_events)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if self.errors:
            return cleaned
        if cleaned["measure"] == "active_people" and cleaned["days"] not in PEOPLE_WINDOWS:
            self.add_error("days", "Active people are those of 7 or 28 days.")
        elif self._events() == []:
            self.add_error("events", "Choose one or more, or take all events.")
        else:
            self._judge()
        return cleaned

    def _judge(self) -> None:
        try:
            parse_rule({"all": [self.condition()]})
        except RuleError as exc:
            self.refuse(exc.path.removeprefix(_PATH), exc.reason)

    def condition(self) -> dict[str, Any]:
        """The condition's JSON, once all fields are valid."""
        cleaned = self.cleaned_data
        to, keys = _FORMS[cleaned["to"]]
        compare = {"to": to} | {
            key: _plain(cleaned[name])
            for key, name in keys.items()
            if name not in _OPTIONAL or cleaned[name] is not None
        }
        return {
            "measure": cleaned["measure"],
            "events": self._events(),
            "days": cleaned["days"],
            "compare": compare,
        }

    def _events(self) -> list[str] | None:
        cleaned = self.cleaned_data
        if cleaned["which"] == "all" or cleaned["measure"] == "active_people":
            return None
        return list(dict.fromkeys([*cleaned["events"], *_names(cleaned["more_events"])]))

    def refuse(self, path: str, reason: str) -> None:
        """Say at its field what a rule's reader has against it.

        Args:
            path: within the condition, such as ``compare.at_least``.
        """
        name, _, key = path.partition(".")
        field = "days"
        if name == "compare":
            field = _FORMS[self.cleaned_data["to"]][1].get(key, "to")
        elif name.startswith("events"):
            field = "events"
        self.add_error(field, f"{reason[:1].upper()}{reason[1:]}.")


def _compare_fields(compare: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that an object of comparing fills, and which form it has."""
    form, keys = next(
        (form, keys)
        for form, (to, keys) in _FORMS.items()
        if to == compare["to"] and keys.keys() >= compare.keys() - {"to"}
    )
    return {"to": form} | {name: compare[key] for key, name in keys.items() if key in compare}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _plain(number: float | None) -> float | None:
    """A whole number as such, as a person would write it in JSON."""
    return int(number) if number is not None and number.is_integer() else number
