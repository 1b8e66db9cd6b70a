"""The form of a definition: a few fields, and the conditions of its rule.

It works without JavaScript: every condition is a form of its own, and adding or removing one sends
the whole along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from ..models import SignalDefinitionVersion
from ..pql.rules import MOST_CONDITIONS, RuleError, parse_rule
from ..pql.templates import USUAL_COOLDOWN_DAYS, USUAL_WEIGHT, Proposal
from .condition_forms import ConditionForm

_IN_CONDITION = re.compile(r"\w+\[(\d+)\]\.?(.*)")


class FactsForm(forms.Form):
    """What a definition has besides its conditions."""

    use_required_attribute = False

    name = forms.CharField(max_length=100, label="Name")
    weight = forms.IntegerField(
        min_value=-100,
        max_value=100,
        label="Weight",
        help_text="Points of a new signal, from −100 to 100; below 0 it speaks against an account.",
    )
    cooldown_days = forms.IntegerField(
        min_value=0,
        max_value=365,
        label="Cool-down, in days",
        help_text="After a signal an account fires no other for so long.",
    )
    joined = forms.ChoiceField(
        label="An account is found if",
        choices=[
            ("all", "all of the conditions are met"),
            ("any", "any of the conditions is met"),
            ("sequence", "the conditions are met one after another"),
        ],
    )
    within_days = forms.IntegerField(
        min_value=1, max_value=365, required=False, label="Within how many days"
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        is_sequence = cleaned.get("joined") == "sequence"
        if is_sequence and not cleaned.get("within_days") and "within_days" not in self.errors:
            self.add_error("within_days", "Say within how many days they follow one another.")
        return cleaned


class DefinitionForm:
    """A definition as a person edits it.

    Args:
        facts: the fields of the whole.
        conditions: from one to as many as a rule may have.
    """

    def __init__(self, facts: FactsForm, conditions: Sequence[ConditionForm]) -> None:
        self.facts = facts
        self.conditions = list(conditions)

    @classmethod
    def of_post(cls, posted: QueryDict, *, events: Iterable[str]) -> DefinitionForm:
        """What was posted."""
        count = posted.get("conditions", "")
        number = int(count) if re.fullmatch(r"[1-9]", count) else 1
        known = list(events)
        conditions = [
            ConditionForm(posted, prefix=_prefix(at), known_events=known)
            for at in range(min(number, MOST_CONDITIONS))
        ]
        return cls(FactsForm(posted), conditions)

    @classmethod
    def of_version(
        cls, version: SignalDefinitionVersion, *, events: Iterable[str]
    ) -> DefinitionForm:
        """What a definition says."""
        facts = {name: getattr(version, name) for name in ("name", "weight", "cooldown_days")}
        return cls._of(facts, version.rule, events=events)

    @classmethod
    def of_template(cls, proposal: Proposal | None, *, events: Iterable[str]) -> DefinitionForm:
        """What a template proposes; None for one that starts from nothing."""
        facts: dict[str, Any] = {"weight": USUAL_WEIGHT, "cooldown_days": USUAL_COOLDOWN_DAYS}
        if proposal is None:
            return cls._of(facts, {"all": [{}]}, events=events)
        template = proposal.template
        facts |= {"name": template.name, "weight": template.weight}
        rule = proposal.rule or {"all": [{"events": [], **template.condition}]}
        return cls._of(facts, rule, events=events)

    @classmethod
    def _of(
        cls, facts: Mapping[str, Any], rule: Mapping[str, Any], *, events: Iterable[str]
    ) -> DefinitionForm:
        joined = next(name for name in ("all", "any", "sequence") if name in rule)
        initial = {**facts, "joined": joined, "within_days": rule.get("within_days", 14)}
        known = list(events)
        conditions = [
            ConditionForm.of_condition(condition, prefix=_prefix(at), known_events=known)
            for at, condition in enumerate(rule[joined])
        ]
        return cls(FactsForm(initial=initial), conditions)

    @property
    def can_grow(self) -> bool:
        return len(self.conditions) < MOST_CONDITIONS

    def with_another(self) -> DefinitionForm:
        """The same with one more condition, unless it has as many as a rule may have."""
        if not self.can_grow:
            return self._anew(self.conditions)
        another = ConditionForm.of_condition({}, prefix="", known_events=())
        return self._anew([*self.conditions, another])

    def without(self, number: str) -> DefinitionForm:
        """The same without the condition of this number, unless it is the only one."""
        kept = [one for at, one in enumerate(self.conditions) if str(at) != number]
        return self._anew(kept or self.conditions)

    def _anew(self, conditions: Sequence[ConditionForm]) -> DefinitionForm:
        known = self.conditions[0].known_events
        facts = {field.name: field.value() for field in self.facts}
        return DefinitionForm(
            FactsForm(initial=facts),
            [
                one.again(prefix=_prefix(at), known_events=known)
                for at, one in enumerate(conditions)
            ],
        )

    def is_valid(self) -> bool:
        """Whether there is nothing wrong with it; what is wrong stands at its field."""
        forms_are = [form.is_valid() for form in (self.facts, *self.conditions)]
        if not all(forms_are):
            return False
        try:
            parse_rule(self.rule())
        except RuleError as exc:
            self._place(exc)
            return False
        return True

    def rule(self) -> dict[str, Any]:
        """The rule's JSON, once all fields are valid."""
        facts = self.facts.cleaned_data
        rule: dict[str, Any] = {facts["joined"]: [one.condition() for one in self.conditions]}
        if facts["joined"] == "sequence":
            rule["within_days"] = facts["within_days"]
        return rule

    def says(self) -> dict[str, Any]:
        """What the definition says, once it is valid."""
        facts = self.facts.cleaned_data
        kept = {name: facts[name] for name in ("name", "weight", "cooldown_days")}
        return {**kept, "rule": self.rule()}

    def _place(self, error: RuleError) -> None:
        found = _IN_CONDITION.fullmatch(error.path)
        if found:
            self.conditions[int(found[1])].refuse(found[2], error.reason)
        else:
            field = "within_days" if error.path == "within_days" else "joined"
            self.facts.add_error(field, f"{error.reason[:1].upper()}{error.reason[1:]}.")


def _prefix(number: int) -> str:
    return f"conditions-{number}"
