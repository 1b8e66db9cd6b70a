"""One region of the stand-in, apart from the network: its API, its faults and its log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .answers import Answer, Request
from .api import Api
from .faults import Fault, FaultBook, Struck
from .keys import Key, RegionName
from .log import RecordedRequest, RequestLog
from .refusals import ANSWERS
from .versions import LegacyName
from .wire import TROUBLE, Wire
from .world import new_region


class RegionStandIn:
    """Answers the requests to one region, and fails as it is told to."""

    def __init__(self, *, name: RegionName, legacy: LegacyName | None = None) -> None:
        self._region = new_region(name)
        self._api = Api(region=self._region, legacy=legacy)
        self._faults = FaultBook()
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

    def heal(self) -> None:
        """End all faults; give back revoked keys, removed scopes and deleted projects."""
        self._faults.clear()
        self._region.undo_changes()

    def reset(self) -> None:
        """Heal, and forget the requests and the cached answers."""
        self.heal()
        self._api.queries.forget()
        self._log.clear()

    def revoke(self, key: Key) -> None:
        self._region.revoked.add(key.value)

    def remove_scope(self, key: Key, scope: str) -> None:
        self._region.removed_scopes.setdefault(key.value, set()).add(scope)

    def delete_project(self, project_id: int) -> None:
        self._region.deleted_projects.add(project_id)

    def serve(self, *, request: Request, target: str, wire: Wire) -> None:
        """Answer a request on the wire, or do what a fault says; ``target`` is for the log.

        Raises:
            HangUpError: the connection is to be closed.
        """
        number = self._log.add(request=request, target=target)
        logged = replace(wire, started=partial(self._log.set_status, number))
        fault = self._faults.strike(request.path)
        if fault is None:
            logged.send(self._answer(request))
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
        return self._api.answer(request=request, now=datetime.now(UTC))
