"""The control path: faults, changes and the log, over HTTP."""

from __future__ import annotations

import pytest

from .conftest import Caller


def test_faults_are_ordered_listed_and_healed(us: Caller) -> None:
    order = {"fault": "429", "path": "/projects/", "times": 1, "retry_after": 5}
    added = us.send("POST", "/_sandbox/faults", key=None, json=order).json()["active"]
    assert [(fault["name"], fault["times"]) for fault in added] == [("429", 1)]
    listed = us.get("/_sandbox/faults", key=None).json()
    assert listed["active"] == added
    assert "trickle_head" in listed["there_are"]
    assert us.get("/api/projects/").headers["Retry-After"] == "5"
    us.send("POST", "/_sandbox/faults", key=None, json={"fault": "500"})
    assert us.send("DELETE", "/_sandbox/faults", key=None).json() == {"active": []}
    assert us.get("/api/projects/").status_code == 200


@pytest.mark.parametrize(
    "order",
    [
        {},
        [],
        {"fault": "earthquake"},
        {"fault": "500", "often": 1},
        {"fault": "500", "path": "("},
    ],
)
def test_an_order_that_makes_no_sense_is_400(us: Caller, order: object) -> None:
    response = us.send("POST", "/_sandbox/faults", key=None, json=order)
    assert response.status_code == 400
    assert response.json()["error"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"revoke": "full"}, 401),
        ({"remove_scope": ["full", "project:read"]}, 403),
        ({"delete_project": 12345}, 404),
    ],
)
def test_changes_last_until_healed(us: Caller, change: dict[str, object], status: int) -> None:
    us.send("POST", "/_sandbox/changes", key=None, json=change)
    assert us.get("/api/projects/12345/").status_code == status
    us.send("DELETE", "/_sandbox/faults", key=None)
    assert us.get("/api/projects/12345/").status_code == 200


@pytest.mark.parametrize("change", [{}, {"revoke": "nobody"}, {"delete_project": "x"}])
def test_a_change_that_makes_no_sense_is_400(us: Caller, change: object) -> None:
    response = us.send("POST", "/_sandbox/changes", key=None, json=change)
    assert response.status_code == 400


def test_the_log_can_be_read_and_a_reset_empties_it(us: Caller) -> None:
    us.get("/api/projects/")
    (seen,) = us.get("/_sandbox/requests", key=None).json()
    assert (seen["path"], seen["key_label"]) == ("/api/projects/", "full")
    us.send("POST", "/_sandbox/reset", key=None)
    assert us.get("/_sandbox/requests", key=None).json() == []


def test_an_unknown_control_says_which_there_are(us: Caller) -> None:
    response = us.get("/_sandbox/earthquakes", key=None)
    assert response.status_code == 404
    assert "POST /_sandbox/faults" in response.json()["there_are"]
