"""The control path: faults, changes and the log, over HTTP."""

from __future__ import annotations

import pytest

from integrations_posthog.sandbox import KEYS

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


@pytest.mark.parametrize(
    ("path", "order", "status"),
    [("changes", {"revoke": "full"}, 401), ("faults", {"fault": "503"}, 503)],
)
def test_either_can_be_put_off_by_some_queries(
    us: Caller, path: str, order: dict[str, object], status: int
) -> None:
    us.send("POST", f"/_sandbox/{path}", key=None, json=order | {"after_queries": 2})
    assert [us.query().status_code for _ in range(3)] == [200, 200, status]


def test_answers_can_be_limited(us: Caller) -> None:
    us.send("POST", "/_sandbox/limits", key=None, json={"rows": 2})
    assert len(us.query("select event from events").json()["results"]) == 2
    response = us.send("POST", "/_sandbox/limits", key=None, json={"rows": 0})
    assert response.status_code == 400


EVENT = {
    "event": "late",
    "timestamp": "2026-10-01T12:00:00+02:00",
    "person_id": "00000000-0000-4000-8000-000000000001",
    "uuid": "00000000-0000-4000-8000-000000000002",
    "groups": {"0": "acme"},
    "properties": {"a": 1},
}


def test_each_change_of_the_data_is_a_version(us: Caller) -> None:
    changes = [
        {"add_events": [EVENT]},
        {"set_person": [EVENT["person_id"], {"email": "a@b.c"}]},
        {"set_group": [0, "acme", {"plan": "pro"}]},
        {"resend": [EVENT["uuid"]]},
        {"set_timezone": "Asia/Kolkata"},
    ]
    told = [us.send("POST", "/_sandbox/data", key=None, json=each).json() for each in changes]
    assert told == [{"version": number} for number in range(1, 6)]
    text = (
        "select timestamp, person.properties.email, group_0.properties.plan, properties.a "
        "from events where event = 'late'"
    )
    row = ["2026-10-01T15:30:00+05:30", "a@b.c", "pro", "1"]
    assert us.query(text).json()["results"] == [row, row]


def test_what_was_added_can_be_taken_away(us: Caller) -> None:
    other = "00000000-0000-4000-8000-000000000003"
    changes = [
        {"add_events": [EVENT]},
        {"resend": [EVENT["uuid"]]},
        {"merge_duplicates": True},
        {"merge_persons": [EVENT["person_id"], other]},
    ]
    for each in changes:
        us.send("POST", "/_sandbox/data", key=None, json=each)
    text = "select toString(person_id) from events where event = 'late'"
    assert us.query(text).json()["results"] == [[other]]
    us.send("POST", "/_sandbox/data", key=None, json={"delete_events": [EVENT["uuid"]]})
    assert us.query(text, refresh=True).json()["results"] == []


def test_another_project_can_be_named(us: Caller) -> None:
    change = {"set_timezone": "Asia/Kolkata", "project": 201}
    us.send("POST", "/_sandbox/data", key=None, json=change)
    assert us.get("/api/projects/201/", key=KEYS.several).json()["timezone"] == "Asia/Kolkata"
    assert us.get("/api/projects/12345/").json()["timezone"] == "UTC"


@pytest.mark.parametrize(
    "change",
    [
        {},
        [],
        {"earthquake": 1},
        {"set_timezone": "Mars/Base"},
        {"set_timezone": "UTC", "resend": []},
        {"add_events": [{"event": "x"}]},
        {"delete_events": ["no uuid"]},
        {"set_timezone": "UTC", "project": 999},
    ],
)
def test_a_change_of_data_that_makes_no_sense_is_400(us: Caller, change: object) -> None:
    response = us.send("POST", "/_sandbox/data", key=None, json=change)
    assert response.status_code == 400
    assert response.json()["error"]


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
