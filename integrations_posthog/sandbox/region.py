"""One region of the stand-in, apart from the network: its API, its faults and its log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from .answers import Answer, Request
from .api import Api
from .data import ProjectData
from .faults import Fault, FaultBook, Struck
from .keys import Key, RegionName
from .log import RecordedRequest, RequestLog
from .query import Limits
from .refusals import ANSWERS
from .schedule import Schedule
from .tenants import new_region, real_time
from .versions import LegacyName
from .wire import TROUBLE, Wire
from .worlds import World


class RegionStandIn:
    """Answers the requests to one region, and fails as it is told to."""

    def __init__(
        self,
        *,
        name: RegionName,
        legacy: LegacyName | None = None,
        world: World | None = None,
        clock: Callable[[], datetime] = real_time,
    ) -> None:
        self._clock = clock
        self._region = new_region(name, world=world, clock=clock)
        self._api = Api(region=self._region, legacy=legacy)
        self._faults = FaultBook()
        self._schedule = Schedule()
        self._log = RequestLog()

    @property
    def requests(self) -> list[RecordedRequest]:
        """What came in, oldest first; the last thousand."""
        return self._log.entries

    @property
    def faults(self) -> list[Fault]:
        """The faults in force."""
        return self._faults.active

    def fail(self, name: str, **options: Any) -> None:
        """From now on, fail as the ``Fault`` of that name and those options does."""
        self._faults.add(Fault(name=name, **options))

    def limit_queries(self, **limits: Any) -> None:
        """From now on, cut or refuse queries as the ``Limits`` of these do."""
        self._api.queries.limits = Limits(**limits)

    def after_queries(self, count: int, action: Callable[[], object]) -> None:
        """Do something once so many more queries have come in, before the next one."""
        self._schedule.after(count, action)

    def on_query(self, hook: Callable[[int], None]) -> None:
        """Call the hook before each query from now on, with the query's number from 1."""
        self._schedule.on_query = hook

    def heal(self) -> None:
        """End all faults and limits, and what is due or called between queries.

        Revoked keys, removed scopes and deleted projects are given back; data stay as they are.
        """
        self._faults.clear()
        self._schedule.clear()
        self._api.queries.limits = Limits()
        self._region.undo_changes()

    def reset(self) -> None:
        """Heal, and forget the requests, the cached answers and every change of the data."""
        self.heal()
        self._api.queries.forget()
        for data in self._region.data.values():
            if data.version:
                data.forget()
        self._log.clear()

    def revoke(self, key: Key) -> None:
        self._region.revoked.add(key.value)

    def remove_scope(self, key: Key, scope: str) -> None:
        self._region.removed_scopes.setdefault(key.value, set()).add(scope)

    def delete_project(self, project_id: int) -> None:
        self._region.deleted_projects.add(project_id)

    def data(self, project_id: int) -> ProjectData:
        """The data of a project: to change them, and to ask what they were.

        Raises:
            KeyError: the region has no such project.
        """
        return self._region.data[project_id]

    def interrupt(self) -> None:
        """End the queries that are running."""
        for data in self._region.data.values():
            data.interrupt()

    def serve(self, *, request: Request, target: str, wire: Wire) -> None:
        """Answer a request on the wire, or do what a fault says; ``target`` is for the log.

        Raises:
            HangUpError: the connection is to be closed.
        """
        number = self._log.add(request=request, target=target)
        if self._api.is_query(request):
            self._schedule.next_query()
        logged = replace(wire, started=partial(self._log.set_status, number))
        fault = self._faults.strike(request.path)
        if fault is None:
            answer = self._answer(request)
            self._log.set_version(number, answer.version)
            logged.send(answer)
            return
        struck = Struck(
            fault=fault,
            request=request,
            required_scope=self._api.required_scope(request.path),
            real_answer=lambda: self._answer(request),
        )
        if fault.name in ANSWERS:
            logged.send(self._api.of_its_time(ANSWERS[fault.name](struck)))
        else:
            TROUBLE[fault.name](logged, struck)

    def _answer(self, request: Request) -> Answer:
        return self._api.answer(request=request, now=self._clock())
