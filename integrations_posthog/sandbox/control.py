"""The control path of a region: faults, changes and the log, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .answers import Answer, Request
from .faults import FAULTS
from .keys import BY_LABEL, Key
from .region import RegionStandIn

PREFIX = "/_sandbox/"


def control(*, standin: RegionStandIn, request: Request) -> Answer:
    """The answer to a request below ``/_sandbox/``.

    ``faults``: GET lists those in force and those there are, POST adds one, DELETE heals.
    ``changes``: POST takes ``{"revoke": label}``, ``{"remove_scope": [label, scope]}`` or
    ``{"delete_project": id}``. ``requests``: GET is the log. ``reset``: POST starts anew.
    """
    action = ACTIONS.get((request.method, request.path.removeprefix(PREFIX).strip("/")))
    if action is None:
        there_are = [f"{method} {PREFIX}{name}" for method, name in ACTIONS]
        return Answer(status=404, body={"error": "no such control", "there_are": there_are})
    try:
        return Answer(status=200, body=action(standin, json.loads(request.body or b"{}")))
    except (TypeError, ValueError) as error:
        return Answer(status=400, body={"error": str(error)})


def _list_faults(standin: RegionStandIn, body: Any) -> Any:
    return {"active": [asdict(fault) for fault in standin.faults], "there_are": FAULTS}


def _add_fault(standin: RegionStandIn, body: Any) -> Any:
    options = dict(body)
    standin.fail(options.pop("fault", ""), **options)
    return {"active": [asdict(fault) for fault in standin.faults]}


def _heal(standin: RegionStandIn, body: Any) -> Any:
    standin.heal()
    return {"active": []}


def _change(standin: RegionStandIn, body: Any) -> Any:
    if "revoke" in body:
        standin.revoke(_key(body["revoke"]))
    elif "remove_scope" in body:
        label, scope = body["remove_scope"]
        standin.remove_scope(_key(label), scope)
    elif "delete_project" in body:
        standin.delete_project(int(body["delete_project"]))
    else:
        raise ValueError("one of revoke, remove_scope and delete_project is needed")
    return {"changed": body}


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
    ("GET", "requests"): _list_requests,
    ("POST", "reset"): _reset,
}
