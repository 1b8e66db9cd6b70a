"""The use cases of a connection, by what is stored and what stands in the history."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection, transaction
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog import errors
from integrations_posthog.encryption import SealedText
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services import check as check_module
from integrations_posthog.services.recheck import recheck_connections
from integrations_posthog.services.store import Actor
from integrations_posthog.services.validator import PostHogValidatorService
from integrations_posthog.wiring import operator_network

UNKNOWN_KEY = "phx_" + "0" * 47


def stored() -> dict[str, Any]:
    """The connection as it is stored, the key opened."""
    config = PosthogWorkspaceConfig.objects.get()
    facts = {
        field.attname: getattr(config, field.attname)
        for field in config._meta.concrete_fields
        if field.attname not in ("posthog_api_key", "updated_at")
    }
    return facts | {"key": config.posthog_api_key.open()}


def history() -> list[tuple[str, str, str]]:
    events = PosthogConnectionEvent.objects.order_by("id")
    return [(event.action, event.outcome, event.error_type) for event in events]


class TestValidate:
    def test_testing_alone_stores_nothing(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        assert service.validate_credentials(api_key=KEYS.full.value).events_count == 15420
        assert not PosthogWorkspaceConfig.objects.exists()
        assert history() == []

    def test_success_stores_all_that_was_found(
        self, service: PostHogValidatorService, posthog: Sandbox, now: list[datetime]
    ) -> None:
        service.validate_and_store_config(api_key=KEYS.several.value, project_id="202")
        facts = stored()
        assert facts["key"] == KEYS.several.value
        assert facts["posthog_project_id"] == "202"
        assert facts["posthog_host"] == posthog.us.url
        assert facts["validated_at"] == now[0]
        assert facts["api_key_hint"] == "phx_…Seve"
        assert [project["id"] for project in facts["projects"]] == ["201", "202", "203"]

    @pytest.mark.parametrize(
        "arguments",
        [
            {"api_key": UNKNOWN_KEY},
            {"api_key": "malformed"},
            {"api_key": KEYS.no_query.value},
            {"api_key": KEYS.phc.value, "host": "https://10.0.0.1"},
            {"api_key": KEYS.phc.value, "project_id": "999"},
        ],
    )
    def test_a_failed_attempt_leaves_a_working_connection_as_it_was(
        self, service: PostHogValidatorService, posthog: Sandbox, arguments: dict[str, Any]
    ) -> None:
        service.validate_and_store_config(api_key=KEYS.full.value)
        before = stored()
        with pytest.raises(errors.PostHogIntegrationError) as failure:
            service.validate_and_store_config(**arguments)
        assert stored() == before
        assert history()[1:] == [("connect", "failed", failure.value.error_type)]

    def test_another_key_takes_the_place_of_the_first(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        service.validate_and_store_config(api_key=KEYS.full.value)
        service.validate_and_store_config(api_key=KEYS.eu.value)
        facts = stored()
        assert facts["key"] == KEYS.eu.value
        assert facts["posthog_host"] == posthog.eu.url
        assert history() == [("connect", "ok", ""), ("connect", "ok", "")]

    def test_a_failure_before_the_first_connection_is_in_the_history(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        with pytest.raises(errors.Unauthorized):
            service.validate_and_store_config(api_key=UNKNOWN_KEY)
        assert history() == [("connect", "failed", "unauthorized")]
        assert not PosthogWorkspaceConfig.objects.exists()

    def test_a_pasted_page_is_kept_as_its_origin_only(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        pasted = f"{posthog.us.url}/project/1?token={UNKNOWN_KEY}"
        with pytest.raises(errors.Unauthorized):
            service.validate_and_store_config(api_key=UNKNOWN_KEY, host=pasted)
        assert PosthogConnectionEvent.objects.get().posthog_host == posthog.us.url


class TestTheStoredKey:
    @pytest.fixture(autouse=True)
    def _connected(self, service: PostHogValidatorService, posthog: Sandbox) -> None:
        service.validate_and_store_config(api_key=KEYS.several.value, project_id="202")

    @pytest.mark.parametrize("again", ["recheck", "validate"])
    def test_refused_by_posthog_it_is_no_longer_validated(
        self, service: PostHogValidatorService, posthog: Sandbox, again: str
    ) -> None:
        posthog.us.revoke(KEYS.several)
        with pytest.raises(errors.Unauthorized):
            self._test_again(service, again)
        facts = stored()
        assert facts["is_validated"] is False
        assert facts["validation_error"] == "Invalid or unauthorized API key"
        assert facts["is_active"] is True
        assert history()[-1] == ("recheck", "failed", "unauthorized")

    @pytest.mark.parametrize("again", ["recheck", "validate"])
    def test_its_project_gone_it_is_no_longer_validated(
        self, service: PostHogValidatorService, posthog: Sandbox, again: str
    ) -> None:
        posthog.us.delete_project(202)
        with pytest.raises(errors.NotFound):
            self._test_again(service, again)
        assert stored()["is_validated"] is False

    @pytest.mark.parametrize("again", ["recheck", "validate"])
    @pytest.mark.parametrize("fault", ["drop", "500", "429", "html"])
    def test_trouble_on_the_way_is_only_noted(
        self, service: PostHogValidatorService, posthog: Sandbox, again: str, fault: str
    ) -> None:
        before = stored()
        posthog.us.fail(fault)
        with pytest.raises(errors.PostHogIntegrationError) as failure:
            self._test_again(service, again)
        assert stored() == before | {"last_error_type": failure.value.error_type}
        assert history()[-1] == ("recheck", "failed", failure.value.error_type)

    @pytest.mark.parametrize("again", ["recheck", "validate"])
    def test_accepted_again_all_is_well(
        self,
        service: PostHogValidatorService,
        posthog: Sandbox,
        now: list[datetime],
        again: str,
    ) -> None:
        posthog.us.fail("401")
        with pytest.raises(errors.Unauthorized):
            self._test_again(service, again)
        posthog.us.heal()
        now[0] += timedelta(hours=1)
        self._test_again(service, again)
        facts = stored()
        assert facts["is_validated"] is True
        assert facts["validation_error"] is None
        assert facts["last_error_type"] == ""
        assert facts["validated_at"] == now[0]
        assert history()[-1] == ("recheck", "ok", "")

    @pytest.mark.parametrize("again", ["recheck", "validate"])
    def test_it_stays_with_its_project(
        self, service: PostHogValidatorService, posthog: Sandbox, again: str
    ) -> None:
        self._test_again(service, again)
        assert stored()["posthog_project_id"] == "202"

    def test_asked_for_another_project_it_moves_there(
        self, service: PostHogValidatorService
    ) -> None:
        service.choose_project(project_id="203")
        assert stored()["posthog_project_id"] == "203"
        assert history()[-1] == ("connect", "ok", "")

    def test_of_a_row_without_a_host_the_default_one_is_asked_for_another_project(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        PosthogWorkspaceConfig.objects.update(posthog_host="")
        assert service.choose_project(project_id="203").host == posthog.us.url

    def test_asked_for_a_project_out_of_reach_nothing_changes(
        self, service: PostHogValidatorService
    ) -> None:
        before = stored()
        with pytest.raises(errors.NotFound):
            service.choose_project(project_id="999")
        assert stored() == before

    def test_it_goes_back_to_where_it_came_from(
        self,
        acme: Workspace,
        service_of: Callable[[Workspace], PostHogValidatorService],
        posthog: Sandbox,
    ) -> None:
        """A key of one's own instance is not shown to PostHog Cloud by a test without a host."""
        with Sandbox() as own:
            self._trust(own.us.url)
            service = service_of(acme)
            service.validate_and_store_config(api_key=KEYS.full.value, host=own.us.url)
            posthog.us.reset()
            service.validate_and_store_config(api_key=KEYS.full.value)
            assert own.us.requests
        assert not posthog.us.requests

    def test_of_another_host_it_is_another_key(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        before = stored()
        with pytest.raises(errors.Unauthorized):
            service.validate_and_store_config(api_key=KEYS.several.value, host=posthog.eu.url)
        assert stored() == before

    def test_a_recheck_does_not_reconnect(self, service: PostHogValidatorService) -> None:
        service.disconnect()
        service.recheck()
        assert stored()["is_active"] is False
        assert history()[-1] == ("recheck", "ok", "")

    def test_a_validation_does(self, service: PostHogValidatorService) -> None:
        service.disconnect()
        self._test_again(service, "validate")
        assert stored()["is_active"] is True
        assert history()[-1] == ("connect", "ok", "")

    def test_a_recheck_that_is_overtaken_by_another_project_leaves_it(
        self, service: PostHogValidatorService
    ) -> None:
        check = service.prepare_recheck()
        outcome = check.outcome()
        service.choose_project(project_id="203")
        service.conclude(check, outcome, reactivate=False)
        assert stored()["posthog_project_id"] == "203"

    def test_a_switch_that_another_organization_forbids_harms_nothing(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        before = stored()
        posthog.us.fail("403_keys_disabled", path="/query/")
        with pytest.raises(errors.Unauthorized):
            service.choose_project(project_id="203")
        assert stored() == before

    def test_a_scope_that_was_taken_away_counts_for_every_project(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        posthog.us.remove_scope(KEYS.several, "query:read")
        with pytest.raises(errors.Unauthorized):
            service.choose_project(project_id="203")
        assert stored()["is_validated"] is False

    def test_once_its_project_is_gone_the_key_may_take_another(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        posthog.us.delete_project(202)
        with pytest.raises(errors.NotFound):
            service.validate_and_store_config(api_key=KEYS.several.value)
        service.validate_and_store_config(api_key=KEYS.several.value)
        assert stored()["posthog_project_id"] == "201"

    def test_a_failed_recheck_does_not_write_the_key(
        self,
        service: PostHogValidatorService,
        posthog: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It may have been encrypted anew since it was read."""
        posthog.us.fail("401")
        sealed_anew = SealedText.seal(KEYS.several.value)
        real = PosthogWorkspaceConfig.save

        def rotated_before(self: PosthogWorkspaceConfig, **kwargs: Any) -> None:
            PosthogWorkspaceConfig.objects.update(posthog_api_key=sealed_anew)
            real(self, **kwargs)

        monkeypatch.setattr(PosthogWorkspaceConfig, "save", rotated_before)
        with pytest.raises(errors.Unauthorized):
            service.recheck()
        token = PosthogWorkspaceConfig.objects.get().posthog_api_key.token
        assert token == sealed_anew.token

    def test_stored_by_hand_without_a_host_it_is_checked_at_the_default_one(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        PosthogWorkspaceConfig.objects.update(posthog_host="", is_validated=False)
        service.recheck()
        assert stored()["posthog_host"] == posthog.us.url
        assert stored()["is_validated"] is True

    def test_a_recheck_that_is_overtaken_by_another_key_changes_nothing(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        check = service.prepare_recheck()
        outcome = check.outcome()
        service.validate_and_store_config(api_key=KEYS.full.value)
        before = stored()
        service.conclude(check, outcome, reactivate=False)
        assert stored() == before
        assert history()[-1] == ("recheck", "ok", "")

    def test_it_cannot_be_tested_without_its_encryption_key(
        self, service: PostHogValidatorService, settings: Settings
    ) -> None:
        settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        with pytest.raises(errors.KeyUnreadable):
            service.recheck()
        assert history()[-1] == ("recheck", "failed", "internal_error")
        status = service.get_config_status()
        assert status.is_validated is False
        assert status.validation_error is not None
        assert "cannot be decrypted" in status.validation_error

    def test_a_fresh_key_helps_when_the_old_one_cannot_be_read(
        self, service: PostHogValidatorService, settings: Settings
    ) -> None:
        settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        service.validate_and_store_config(api_key=KEYS.full.value)
        assert service.get_config_status().is_validated

    @pytest.fixture(autouse=True)
    def _settings(self, settings: Settings) -> None:
        self.settings = settings

    def _trust(self, origin: str) -> None:
        trusted = self.settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS
        self.settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = [*trusted, origin]

    @staticmethod
    def _test_again(service: PostHogValidatorService, way: str) -> None:
        if way == "recheck":
            service.recheck()
        else:
            service.validate_and_store_config(api_key=KEYS.several.value)


class TestDisconnect:
    def test_it_is_in_the_history_once(
        self, service: PostHogValidatorService, posthog: Sandbox
    ) -> None:
        service.validate_and_store_config(api_key=KEYS.full.value)
        service.disconnect()
        service.disconnect()
        assert history() == [("connect", "ok", ""), ("disconnect", "ok", "")]

    @pytest.mark.parametrize("act", ["disconnect", "recheck"])
    def test_there_must_be_something(self, service: PostHogValidatorService, act: str) -> None:
        with pytest.raises(errors.NotConfigured):
            getattr(service, act)()
        assert history() == []


class TestWhoMay:
    def test_rights_that_were_lost_meanwhile_count(
        self, acme: Workspace, posthog: Sandbox, now: list[datetime]
    ) -> None:
        def refuse() -> None:
            raise errors.PermissionDenied

        service = PostHogValidatorService(
            workspace=acme,
            actor=Actor(name="bob", confirm=refuse),
            clock=lambda: now[0],
            network=operator_network(),
        )
        for act in (
            lambda: service.validate_and_store_config(api_key=KEYS.full.value),
            lambda: service.validate_and_store_config(api_key="malformed"),
            service.disconnect,
        ):
            with pytest.raises(errors.PermissionDenied):
                act()
        assert not PosthogWorkspaceConfig.objects.exists()
        assert history() == []

    def test_a_workspace_that_was_deleted_meanwhile_is_not_found(
        self, service: PostHogValidatorService, acme: Workspace, posthog: Sandbox
    ) -> None:
        Workspace.objects.all().delete()
        with pytest.raises(errors.NotFound):
            service.validate_and_store_config(api_key=KEYS.full.value)
        assert not PosthogWorkspaceConfig.objects.exists()

    def test_the_actor_stands_in_the_history(
        self, service: PostHogValidatorService, posthog: Sandbox, now: list[datetime]
    ) -> None:
        service.validate_and_store_config(api_key=KEYS.full.value)
        event = PosthogConnectionEvent.objects.get()
        assert event.actor_name == "alice"
        assert event.occurred_at == now[0]
        assert event.api_key_hint == "phx_…Full"
        assert [step["state"] for step in event.report] == ["passed"] * 5


def test_several_connections_are_rechecked_beside_each_other(
    acme: Workspace,
    globex: Workspace,
    service_of: Callable[[Workspace], PostHogValidatorService],
    posthog: Sandbox,
) -> None:
    services = [service_of(acme), service_of(globex)]
    services[0].validate_and_store_config(api_key=KEYS.full.value)
    posthog.us.revoke(KEYS.full)
    outcomes = recheck_connections(services)
    assert [type(outcome) for outcome in outcomes] == [errors.Unauthorized, errors.NotConfigured]
    assert stored()["is_validated"] is False


@pytest.mark.django_db(transaction=True)
class TestTransactions:
    def test_none_is_open_while_posthog_is_asked(
        self,
        service: PostHogValidatorService,
        posthog: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        seen: list[bool] = []
        real = check_module.ConnectionCheck.run

        def run(self: check_module.ConnectionCheck) -> object:
            seen.append(transaction.get_autocommit() and not connection.in_atomic_block)
            return real(self)

        monkeypatch.setattr(check_module.ConnectionCheck, "run", run)
        service.validate_and_store_config(api_key=KEYS.full.value)
        service.recheck()
        assert seen == [True, True]

    def test_two_validations_at_once_leave_one_row(
        self,
        acme: Workspace,
        service_of: Callable[[Workspace], PostHogValidatorService],
        posthog: Sandbox,
    ) -> None:
        posthog.us.fail("slow", seconds=0.2, path="personal")
        keys = [KEYS.full.value, KEYS.phc.value] * 3
        answers: list[object] = []

        def validate(key: str) -> None:
            try:
                service = service_of(acme)
                answers.append(service.validate_and_store_config(api_key=key).project_id)
            except Exception as exc:  # noqa: BLE001  (whatever it is, it is no answer)
                answers.append(exc)
            finally:
                connection.close()

        threads = [threading.Thread(target=validate, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == ["12345"] * len(keys)
        assert stored()["key"] in keys
        assert len(history()) == len(keys)

    def test_the_history_is_written_with_the_act_or_not_at_all(
        self,
        service: PostHogValidatorService,
        posthog: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("disk on fire")

        monkeypatch.setattr(PosthogWorkspaceConfig, "save", broken)
        with pytest.raises(RuntimeError):
            service.validate_and_store_config(api_key=KEYS.full.value)
        assert history() == []
