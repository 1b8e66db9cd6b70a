"""What the demo shows of signals: the ranked list of accounts, and one definition held against
what really happened."""

from __future__ import annotations

from collections.abc import Iterator

from beton.models import Workspace
from integrations_posthog.management.leads import lead_lines, printable
from integrations_posthog.management.workspaces import (
    definition_service_for,
    signal_service_for,
    usage_service_for,
)
from integrations_posthog.pql.templates import USUAL_COOLDOWN_DAYS
from integrations_posthog.services.signals.backtest import BacktestResult, Interval

MOST_SHOWN = 10
TRIED = "More people at work"
GOAL = "plan_upgraded"
HORIZON_DAYS = 30


def define_signals(workspace: Workspace) -> int:
    """Activate every template that fits the project, where nothing is defined yet.

    Returns:
        How many definitions there are.
    """
    service = definition_service_for(workspace)
    if not service.definitions().exists():
        for proposal in service.templates():
            if proposal.rule is not None:
                template = proposal.template
                definition = service.create(
                    name=template.name,
                    weight=template.weight,
                    cooldown_days=USUAL_COOLDOWN_DAYS,
                    rule=proposal.rule,
                )
                service.activate(str(definition.pk))
    return service.definitions().count()


def best_leads(workspace: Workspace) -> Iterator[str]:
    """The accounts with the highest scores, each with its sentences."""
    accounts = usage_service_for(workspace).accounts().filter(score__gt=0)
    signals = signal_service_for(workspace).signals()
    for line in lead_lines(accounts, signals=signals, most=MOST_SHOWN):
        yield printable(line)


def backtest_lines(workspace: Workspace) -> Iterator[str]:
    """How well the definition of people would have told who upgrades."""
    service = definition_service_for(workspace)
    definition = service.definitions().filter(version__name=TRIED).first()
    if definition is None or GOAL not in service.event_names():
        return
    result = service.backtest(str(definition.pk), goal_event=GOAL, horizon_days=HORIZON_DAYS)
    yield f'"{TRIED}", judged as of each day of the history, and what {result.accounts:,} accounts'
    yield f"did within {HORIZON_DAYS} days: {GOAL}. In brackets: 95 % intervals."
    yield from _figures(result)


def _figures(result: BacktestResult) -> Iterator[str]:
    if result.precision is None or result.recall is None or result.lift is None:
        yield "There are too few signals or upgrades to tell whether the one foretells the other."
        return
    after = "after a signal"
    if result.median_lead_days is not None:
        after += f", half of them by {result.median_lead_days:g} days or more"
    lift = result.lift
    times = f"{lift.value:.1f} [{lift.low:.1f} to {lift.high:.1f}]"
    share, recall = _share(result.precision), _share(result.recall)
    yield f"Precision  {share:<18}of {result.exposed:,} accounts with the signal upgraded"
    yield f"Recall     {recall:<18}of {result.goals:,} upgrades came {after}"
    yield f"Lift       {times:<18}times as often as accounts without it, on the same days"


def _share(interval: Interval) -> str:
    return f"{interval.value:.0%} [{interval.low:.0%} to {interval.high:.0%}]"
