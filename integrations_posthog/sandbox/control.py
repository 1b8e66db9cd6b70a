"""The control path of a region: faults, changes and the log, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from .answers import Answer, Request
from .data import Event, ProjectData
from .faults import FAULTS, Fault
from .keys import BY_LABEL, Key
from .region import RegionStandIn

PREFIX = "/_sandbox/"
ACME_PROJECT = 12345


def control(*, standin: RegionStandIn, request: Request) -> Answer:
    """The answer to a request below ``/_sandbox/``.

    ``faults``: GET lists those in force and those there are, POST adds one, DELETE heals.
    ``changes``: POST takes ``{"revoke": label}``, ``{"remove_scope": [label, scope]}`` or
    ``{"delete_project": id}``. Both take ``"after_queries"`` too: so many queries later.
    ``limits``: POST takes the fields of ``Limits``. ``data``: POST takes a change of the data, by
    default of the project 12345, with the names of ``DATA_CHANGES``. ``requests``: GET is the
    log. ``reset``: POST starts anew.
    """
    action = ACTIONS.get((request.method, request.path.removeprefix(PREFIX).strip("/")))
    if action is None:
        there_are = [f"{method} {PREFIX}{name}" for method, name in ACTIONS]
        return Answer(status=404, body={"error": "no such control", "there_are": there_are})
    try:
        return Answer(status=200, body=action(standin, json.loads(request.body or b"{}")))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Answer(status=400, body={"error": str(error)})


def _list_faults(standin: RegionStandIn, body: Any) -> Any:
    return {"active": [asdict(fault) for fault in standin.faults], "there_are": FAULTS}


def _add_fault(standin: RegionStandIn, body: Any) -> Any:
    options = dict(body)
    after = options.pop("after_queries", 0)
    fault = Fault(name=options.pop("fault", ""), **options)
    _in_time(standin, after, lambda: standin.fail(**asdict(fault)))
    return {"active": [asdict(fault) for fault in standin.faults]}


def _in_time(standin: RegionStandIn, after: int, action: Callable[[], object]) -> None:
    if after:
        standin.after_queries(after, action)
    else:
        action()


def _heal(standin: RegionStandIn, body: Any) -> Any:
    standin.heal()
    return {"active": []}


def _change(standin: RegionStandIn, body: Any) -> Any:
    changes: dict[str, Callable[[Any], Callable[[], None]]] = {
        "revoke": lambda label: partial(standin.revoke, _key(label)),
        "remove_scope": lambda told: partial(standin.remove_scope, _key(told[0]), told[1]),
        "delete_project": lambda number: partial(standin.delete_project, int(number)),
    }
    name = next((name for name in changes if name in body), None)
    if name is None:
        raise ValueError(f"one of {', '.join(changes)} is needed")
    _in_time(standin, body.get("after_queries", 0), changes[name](body[name]))
    return {"changed": body}


def _limit(standin: RegionStandIn, body: Any) -> Any:
    standin.limit_queries(**body)
    return {"limits": body}


def _change_data(standin: RegionStandIn, body: Any) -> Any:
    told = dict(body)
    data = standin.data(int(told.pop("project", ACME_PROJECT)))
    (name, value), *more = told.items() or [("", None)]
    if name not in DATA_CHANGES or more:
        raise ValueError(f"one of {', '.join(DATA_CHANGES)} is needed")
    return {"version": DATA_CHANGES[name](data, value)}


def _event(told: dict[str, Any]) -> Event:
    options = dict(told)
    for name in ("timestamp", "created_at"):
        if name in options:
            options[name] = _aware(options[name])
    for name in ("person_id", "uuid"):
        if name in options:
            options[name] = UUID(options[name])
    groups = {int(index): key for index, key in options.pop("groups", {}).items()}
    return Event(**options, groups=groups)


def _aware(text: str) -> datetime:
    """A time from ISO 8601; without an offset it is in UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


DATA_CHANGES: dict[str, Callable[[ProjectData, Any], int]] = {
    "add_events": lambda data, events: data.add_events([_event(each) for each in events]),
    "resend": lambda data, uuids: data.resend(map(UUID, uuids)),
    "merge_duplicates": lambda data, _: data.merge_duplicates(),
    "delete_events": lambda data, uuids: data.delete_events(map(UUID, uuids)),
    "merge_persons": lambda data, ids: data.merge_persons(UUID(ids[0]), into=UUID(ids[1])),
    "set_person": lambda data, told: data.set_person(UUID(told[0]), told[1]),
    "set_group": lambda data, told: data.set_group(*told),
    "set_timezone": lambda data, zone: data.set_timezone(zone),
}


def _key(label: str) -> Key:
    if label not in BY_LABEL:
        raise ValueError(f"no key {label!r}; there are: {', '.join(BY_LABEL)}")
    return BY_LABEL[label]


def _list_requests(standin: RegionStandIn, body: Any) -> Any:
    return [asdict(entry) for entry in standin.requests]


def _reset(standin: RegionStandIn, body: Any) -> Any:
    standin.reset()
    return {"active": []}


ACTIONS: dict[tuple[str, str], Callable[[RegionStandIn, Any], Any]] = {
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _heal,
    ("POST", "changes"): _change,
    ("POST", "limits"): _limit,
    ("POST", "data"): _change_data,
    ("GET", "requests"): _list_requests,
    ("POST", "reset"): _reset,
}
