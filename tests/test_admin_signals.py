"""What support staff sees of signals and their definitions in Django's admin."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from beton.models import Workspace
from integrations_posthog.models import Signal, SignalDefinition, UsageSource

from .evaluations import (
    LAST,
    at_least,
    day,
    define,
    definitions_of,
    evaluate_as_of,
    store_history,
    use,
)
from .support import APP, rows, support, text_of

pytestmark = pytest.mark.django_db

DEFINITIONS, SIGNALS = f"{APP}/signaldefinition/", f"{APP}/signal/"
LISTS = (DEFINITIONS, SIGNALS)
VIEW = ("view_signaldefinition", "view_signal", "view_account")


def usage_of(workspace: Workspace, *names: str) -> UsageSource:
    """Usage by which a definition fires once for each name, on the last day."""
    source = store_history(workspace)
    for name in names:
        use(source, name, {LAST: 7})
    return source


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's, with a signal each of Initech and Hooli."""
    source = usage_of(acme, "Initech", "Hooli")
    define(acme, at_least(5), name="Busy", weight=30, cooldown_days=7)
    evaluate_as_of(source, LAST)
    return source


class TestLists:
    def test_a_definition_says_whose_it_is_and_how_it_stands(self, source: UsageSource) -> None:
        [row] = rows(support(*VIEW).get(DEFINITIONS))
        assert row == ["Busy", "Acme", "Active", "1", "30", "7"]

    def test_a_signal_says_why_it_fired_and_by_what(self, source: UsageSource) -> None:
        shown = rows(support(*VIEW).get(SIGNALS))
        assert {row[1] for row in shown} == {"Initech", "Hooli"}
        assert shown[0][0] == "7 events in 1 day"
        assert shown[0][2:4] == ["Acme", "Busy, version 1"]

    @pytest.mark.parametrize("term", ["HOOL", "hooli.example"])
    def test_signals_are_found_by_their_account(self, source: UsageSource, term: str) -> None:
        [row] = rows(support(*VIEW).get(SIGNALS, {"q": term}))
        assert row[1] == "Hooli"

    def test_both_are_found_by_their_workspace(
        self, source: UsageSource, globex: Workspace
    ) -> None:
        other = usage_of(globex, "Nordwind")
        define(globex, at_least(5), name="Theirs")
        evaluate_as_of(other, LAST)
        sue = support(*VIEW)
        assert [row[0] for row in rows(sue.get(DEFINITIONS, {"q": "Globex"}))] == ["Theirs"]
        assert [row[1] for row in rows(sue.get(SIGNALS, {"q": "globex"}))] == ["Nordwind"]
        assert [row[0] for row in rows(sue.get(DEFINITIONS, {"q": "bus"}))] == ["Busy"]

    def test_signals_can_be_narrowed_to_a_state_and_to_the_late(self, source: UsageSource) -> None:
        Signal.objects.filter(account__name="Hooli").update(state="dismissed", late=True)
        sue = support(*VIEW)
        for query in ("state__exact=dismissed", "late__exact=1"):
            assert f'href="?{query}"' in sue.get(SIGNALS).content.decode()
            assert [row[1] for row in rows(sue.get(f"{SIGNALS}?{query}"))] == ["Hooli"]

    def test_definitions_can_be_narrowed_to_a_state(
        self, source: UsageSource, acme: Workspace
    ) -> None:
        define(acme, at_least(1), name="Sketch", state="draft")
        sue = support(*VIEW)
        assert [row[0] for row in rows(sue.get(f"{DEFINITIONS}?state__exact=draft"))] == ["Sketch"]

    @pytest.mark.parametrize("address", LISTS)
    def test_more_rows_take_no_more_queries(
        self, source: UsageSource, acme: Workspace, address: str
    ) -> None:
        sue = support(*VIEW)
        sue.get(address)
        with CaptureQueriesContext(connection) as for_few:
            few = rows(sue.get(address))
        for number in range(4):
            workspace = Workspace.objects.create(name=f"W{number}")
            more = usage_of(workspace, "One", "Two")
            define(workspace, at_least(5))
            evaluate_as_of(more, LAST)
        with CaptureQueriesContext(connection) as for_many:
            many = rows(sue.get(address))
        assert len(many) > len(few)
        assert len(for_many) == len(for_few)


class TestPages:
    def test_a_definition_comes_with_all_its_versions(
        self, source: UsageSource, acme: Workspace
    ) -> None:
        definition = SignalDefinition.objects.get()
        definitions_of(acme).update(str(definition.pk), name="Busier", rule=at_least(9))
        shown = support(*VIEW).get(f"{DEFINITIONS}{definition.pk}/change/")
        text = text_of(shown)
        for words in ("Busier", "Busy", '"at_least": 9', '"at_least": 5', "alice", "Acme"):
            assert words in text

    def test_a_signal_comes_with_its_receipt(self, source: UsageSource) -> None:
        signal = Signal.objects.filter(account__name="Initech").get()
        text = text_of(support(*VIEW).get(f"{SIGNALS}{signal.pk}/change/"))
        for words in ("7 events in 1 day", '"threshold": 5', "Busy, version 1", "Acme", "Initech"):
            assert words in text

    @pytest.mark.parametrize("address", LISTS)
    def test_nothing_can_be_edited(self, source: UsageSource, address: str) -> None:
        row = (SignalDefinition if address == DEFINITIONS else Signal).objects.first()
        assert row is not None
        page = f"{address}{row.pk}/change/"
        sue = support(*VIEW)
        main = sue.get(page).content.decode().partition('id="content"')[2]
        assert not re.search(r'<(input|textarea|select)(?![^>]*type="hidden")', main)
        assert sue.post(page, {"state": "paused"}).status_code == 403
        assert sue.get(f"{address}add/").status_code == 403
        assert sue.get(f"{address}{row.pk}/delete/").status_code == 403

    @pytest.mark.parametrize("address", LISTS)
    def test_what_one_may_not_view_is_not_shown(self, source: UsageSource, address: str) -> None:
        assert support("view_account").get(address).status_code == 403

    @pytest.mark.parametrize("address", LISTS)
    @pytest.mark.parametrize(
        "lookup",
        [
            "account__source__connection__posthog_api_key__startswith",
            "workspace__posthog_connection__posthog_api_key__startswith",
            "version__definition__workspace__name__startswith",
            "sentence__startswith",
        ],
    )
    def test_no_address_compares_columns_at_will(
        self, source: UsageSource, address: str, lookup: str
    ) -> None:
        assert support(*VIEW).get(address, {lookup: "x"}).status_code == 400


def test_old_days_are_listed_too(acme: Workspace) -> None:
    source = usage_of(acme)
    use(source, "Initech", {day(40): 9})
    define(acme, at_least(5))
    evaluate_as_of(source, LAST)
    [row] = rows(support(*VIEW).get(f"{SIGNALS}?late__exact=1"))
    assert row[1] == "Initech"
