"""A run from its plan to its end. Killed anywhere, the next worker goes on from the ledger."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from ...client.hogql import WINDOW_DAYS
from ...client.usage import UsageRange
from ...client.usage_replies import ChoiceCount, DayCount
from ...errors import ApiError, TooMuchToAnswer
from ...models import SyncDay, SyncRun, UsageSource
from ...models.sync import SyncDayQuerySet
from ..mapping import Mapping, best_mapping, choices_to_measure, coverage_of
from . import figures, groups, ledger
from .batches import BatchReader, Tally
from .context import RunContext
from .ledger import Batch, Proof
from .rules import READ_AGAIN_DAYS

WANTED_REPLY_BYTES = 4_000_000
MOST_DAYS_PER_QUERY = 120
MOST_PARTS = 64
_TRIES = 2

_COVERAGE_DAYS = 30
_TOO_MUCH = (504, 512, 513)
"""PostHog's statuses for a query that is too slow or too large (posthog/errors.py)."""


class SyncWorker:
    """Does one run.

    Args:
        context: the run, the hold on it, and the project that is asked.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._run: SyncRun = context.run
        self._source: UsageSource = context.source
        self._parts = 1
        self._has_stored = False
        # Something did not add up. How often is known to this turn alone, so it gives way no more.
        self._in_doubt = False
        self._figures_took = timedelta(0)
        self._figures_at = context.clock()

    def perform(self) -> None:
        """Read what has to be read.

        Raises:
            LeaseLostError: the run was stopped or taken over.
            TimezoneChangedError: the project's days are other days now.
            PostHogIntegrationError: PostHog, or the way to it; what was read so far is stored.
        """
        is_new = not (self._source.project_timezone and self._source.strategy)
        if is_new or (self._run.kind == SyncRun.Kind.FULL and not self._run.is_planned):
            self._measure_coverage()
        self._plan()
        tries: Counter[int] = Counter()
        while self._pending().exists():
            tries.update(self._read_pending())
            # What did not add up is counted anew, read once more, and else given up.
            self._give_up([day for day, count in tries.items() if count >= _TRIES])
            if self._pending().exists():
                self._plan()
        if self._run.days_done and self._source.strategy == UsageSource.Strategy.GROUP:
            groups.refresh(self._context)
        self._refresh_figures()

    def _measure_coverage(self) -> None:
        """Measure what each mapping covers; take the best one where none is chosen yet."""
        choices = choices_to_measure(self._mapping() if self._source.strategy else None)
        coverage = coverage_of(self._count_choices(choices), choices=choices)
        if not self._source.strategy:
            best = best_mapping(coverage)
            self._source.strategy, self._source.value = best.strategy, best.value
        self._source.coverage = [one.as_plain_data() for one in coverage]
        with self._context.step():
            self._source.save(update_fields=["strategy", "value", "coverage"])

    def _count_choices(self, choices: dict[str, str]) -> list[ChoiceCount]:
        """Of the last 30 days; of fewer where these are too much at once; else nothing is known."""
        today, days = self._context.clock().date(), _COVERAGE_DAYS
        while days:
            first = today - timedelta(days=days - 1)
            try:
                return self._context.client.coverage(
                    choices=choices, first=first, last=today, horizon=self._context.horizon()
                )
            except ApiError as exc:
                if not _is_too_much(exc):
                    raise
                days //= 2
        return []

    def _mapping(self) -> Mapping:
        return Mapping(strategy=self._source.strategy, value=self._source.value)

    def _plan(self) -> None:
        """Compare what PostHog counts with the ledger, for one horizon from here on."""
        self._horizon = self._context.horizon()
        counts, first = self._counted()
        if self._today != self._context.today():  # The first answer told the project's time zone.
            counts, first = self._counted()
        read_again = self._run.kind == SyncRun.Kind.FULL and not self._run.is_planned
        again_from = self._today - timedelta(days=READ_AGAIN_DAYS - 1)
        with self._context.step() as columns:
            ledger.plan(
                self._source,
                counts=counts,
                first=first,
                last=self._today,
                horizon=self._horizon,
                read_again_from=again_from if read_again else None,
            )
            columns["is_planned"] = True
            columns["days_total"] = self._run.days_done + self._pending().count()

    def _counted(self) -> tuple[list[DayCount], date]:
        """What PostHog counts for each day, up to today, of this run and of what was left; and
        which day is the first."""
        self._today = self._context.today()
        first = self._today - timedelta(days=max(self._run.days_back, WINDOW_DAYS) - 1)
        unproven = self._source.days.exclude(state=SyncDay.State.GREEN).order_by("day").first()
        first = min(first, unproven.day) if unproven else first
        newest = self._source.days.newest_first().first()
        first = min(first, newest.day) if newest else first  # Or a long pause would leave a gap.
        return self._count_days(first, self._today), first

    def _count_days(self, first: date, last: date) -> list[DayCount]:
        """What PostHog counts for each day; in halves, where that is too much at once."""
        try:
            return self._context.client.day_counts(first=first, last=last, horizon=self._horizon)
        except ApiError as exc:
            if first == last or not _is_too_much(exc):
                raise
        middle = first + (last - first) // 2
        later = self._count_days(middle + timedelta(days=1), last)
        return [*self._count_days(first, middle), *later]

    def _pending(self) -> SyncDayQuerySet:
        return self._source.days.pending()

    def _read_pending(self) -> set[int]:
        """Read all pending days, newest first. Those that do not add up stay pending; their ids are
        told."""
        reader = BatchReader(
            run_id=self._run.pk,
            source=self._source,
            mapping=self._mapping(),
            client=self._context.client,
            lease=self._context.lease,
            on_page=self._give_way_in_mid_batch,
        )
        unproven: set[int] = set()
        while pending := list(self._pending().exclude(pk__in=unproven).newest_first()):
            if not self._in_doubt:
                self._context.give_way()
            # What this run has read comes last, or new events of today would keep it at today.
            fresh = [row for row in pending if not self._was_read(row)]
            batch = ledger.next_batch(
                fresh or pending,
                size=self._run.days_per_query,
                today=self._today,
                horizon=self._horizon,
            )
            tally = self._read_batch(reader, batch)
            if tally is not None:
                proof = ledger.prove(self._source, batch, tally)
                unproven |= {row.pk for row in proof.unproven}
                self._in_doubt = self._in_doubt or bool(proof.unproven)
                self._store(reader, batch, proof, tally)
        return unproven

    def _give_way_in_mid_batch(self) -> None:
        """What was read of a batch is lost with the turn. So a turn comes to the end of its first
        batch, however long that takes."""
        if self._has_stored and not self._in_doubt:
            self._context.give_way()

    def _was_read(self, row: SyncDay) -> bool:
        """Whether this run has read a day, in this turn or another."""
        began = self._run.started_at
        return row.verified_at is not None and began is not None and row.verified_at > began

    def _read_batch(self, reader: BatchReader, batch: Batch) -> Tally | None:
        """What the batch adds up to; None where it is too much, and a smaller one is next."""
        asked = UsageRange(
            days=tuple(row.day for row in batch.days),
            last_day=batch.last_day,
            horizon=batch.horizon,
        )
        read_before = self._run.bytes_read
        parts = self._parts if len(batch.days) == 1 else 1
        while True:
            try:
                tally = reader.read(asked, parts=parts)
            except ApiError as exc:
                if not _is_too_much(exc):
                    raise
                if len(batch.days) > 1:
                    self._run.days_per_query = len(batch.days) // 2
                    return None
                if parts >= MOST_PARTS:
                    return Tally(is_whole=False)
                parts *= 2
            else:
                self._parts = parts
                self._adapt(days=len(batch.days), read=self._run.bytes_read - read_before)
                return tally

    def _adapt(self, *, days: int, read: int) -> None:
        """Ask for more or fewer days the next time, by the bytes that came this time."""
        factor = min(max(WANTED_REPLY_BYTES / max(read, 1), 0.25), 4)
        self._run.days_per_query = min(max(int(days * factor), 1), MOST_DAYS_PER_QUERY)

    def _store(self, reader: BatchReader, batch: Batch, proof: Proof, tally: Tally) -> None:
        with self._context.step() as columns:
            ledger.store(
                self._source,
                reader=reader,
                batch=batch,
                proof=proof,
                tally=tally,
                now=self._context.clock(),
            )
            newest = self._source.days.held().newest_first().first()
            self._source.as_of = newest.day if newest else None
            self._source.metrics_are_stale = True
            self._source.save(update_fields=["as_of", "metrics_are_stale"])
            columns["days_done"] = self._run.days_done + len(proof.proven)
            columns["days_per_query"] = self._run.days_per_query
            columns["events"] = self._run.events + sum(day.events_posthog for day in proof.proven)
            if proof.proven:
                columns["failures"] = 0
        self._has_stored = True
        # The figures are worth a twentieth of the time, until the end.
        if self._context.clock() - self._figures_at >= 20 * self._figures_took:
            self._refresh_figures()

    def _give_up(self, days: list[int]) -> None:
        if days:
            with self._context.step():
                self._pending().filter(pk__in=days).update(state=SyncDay.State.RED)

    def _refresh_figures(self) -> None:
        if not self._source.metrics_are_stale or self._source.as_of is None:
            return
        start = self._context.clock()
        figures.refresh(self._source, as_of=self._source.as_of, step=self._context.step)
        with self._context.step():
            self._source.metrics_are_stale = False
            self._source.save(update_fields=["metrics_are_stale"])
        self._figures_at = self._context.clock()
        self._figures_took = self._figures_at - start


def _is_too_much(error: ApiError) -> bool:
    return isinstance(error, TooMuchToAnswer) or error.status in _TOO_MUCH
