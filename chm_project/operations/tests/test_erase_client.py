"""Test that erase_client deletes a client with everything that belongs to it, and writes to the admin log."""

import io
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.db.models import Model

from alerting.models import AlertRule
from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token
from chm_project.operations import erasure
from chm_project.operations.erasure import OwnedRowCounts, count_owned_rows, erase_client
from chm_project.tests.api import api_with_scope
from inventory.models import Client, Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.events import RunEvent
from runs.models import Run
from runs.rollup.maintenance import differences
from runs.services import record_runs
from runs.tests.factories import RunFactory

OWNED_ROWS = OwnedRowCounts(pipelines=2, runs=6, alert_rules=2, tokens=2)
NO_ROWS = OwnedRowCounts(pipelines=0, runs=0, alert_rules=0, tokens=0)
MODELS: tuple[type[Model], ...] = (Client, Pipeline, Run, AlertRule, ApiToken)


def create_client_with_rows(name: str) -> Client:
    client = ClientFactory.create(name=name)
    pipelines = [PipelineFactory.create(client=client) for _ in range(2)]
    for pipeline in pipelines:
        RunFactory.create_batch(3, pipeline=pipeline)
    AlertRule.objects.create(client=client, rule_type="on_failure", channel="slack", destination=f"#{client.pk}")
    AlertRule.objects.create(pipeline=pipelines[0], rule_type="on_failure", channel="slack", destination="#one")
    create_token(name="of the client", scope=Scope.READ, client_id=client.pk)
    create_token(name="ping key", scope=Scope.INGEST, pipeline_id=pipelines[0].pk)
    return client


@pytest.fixture
def clients(db: None) -> tuple[Client, Client]:
    return create_client_with_rows("Northwind"), create_client_with_rows("Contoso")


def test_the_counts_are_in_the_singular_or_the_plural() -> None:
    counts = OwnedRowCounts(pipelines=1, runs=5, alert_rules=1, tokens=0)
    assert str(counts) == "1 pipeline, 5 runs, 1 alert rule, 0 tokens"


def test_erasing_a_client_deletes_all_its_rows_and_no_row_of_another_client(clients: tuple[Client, Client]) -> None:
    northwind, contoso = clients

    call_command("erase_client", "Northwind", "--yes", "Northwind")

    assert list(Client.objects.all()) == [contoso]
    assert count_owned_rows(contoso) == OWNED_ROWS
    assert [model.objects.count() for model in MODELS] == [1, 2, 6, 2, 2]  # type: ignore[attr-defined]
    assert differences() == []
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.object_id, entry.action_flag) == ("Northwind", str(northwind.pk), DELETION)
    assert f"with {OWNED_ROWS}." in entry.get_change_message()
    assert (entry.user.get_username(), entry.user.is_active) == ("command-line", False)


def test_an_account_without_a_name_can_erase_a_client(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)  # no account has this number
    ClientFactory.create(name="Northwind")

    call_command("erase_client", "Northwind", "--yes", "Northwind")

    assert "user 54321" in LogEntry.objects.get().get_change_message()


def test_a_rule_on_another_clients_pipeline_is_kept_without_the_erased_client(clients: tuple[Client, Client]) -> None:
    northwind, contoso = clients
    rule = AlertRule.objects.create(
        client=northwind, pipeline=contoso.pipelines.all()[0], rule_type="on_failure", channel="slack", destination="#x"
    )

    assert erase_client(northwind, erased_by="test") == OWNED_ROWS

    rule.refresh_from_db()
    assert rule.client_id is None


def test_a_client_without_pipelines_can_be_erased(db: None) -> None:
    assert erase_client(ClientFactory.create(), erased_by="test") == NO_ROWS
    assert not Client.objects.exists()


def test_changes_made_with_the_clients_tokens_stay_in_the_admin_log(clients: tuple[Client, Client]) -> None:
    northwind, _ = clients
    api = api_with_scope("write", client_id=northwind.pk)
    pipeline = northwind.pipelines.all()[0]
    assert api.patch(f"/api/v1/pipelines/{pipeline.pk}", {"description": "changed"}).status_code == 200

    erase_client(northwind, erased_by="test")

    assert LogEntry.objects.filter(object_id=str(pipeline.pk)).count() == 1
    assert api.get("/api/v1/clients").status_code == 401


@pytest.mark.parametrize("typed_name", ["northwind", "Contoso", ""])
def test_nothing_is_erased_if_the_repeated_name_is_different(
    clients: tuple[Client, Client], typed_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{typed_name}\n"))
    for arguments in (["Northwind"], ["Northwind", "--yes", typed_name]):
        with pytest.raises(CommandError, match="Nothing was removed") as error_info:
            call_command("erase_client", *arguments)
        assert error_info.value.returncode == 2

    assert count_owned_rows(clients[0]) == OWNED_ROWS
    assert Client.objects.get(name="Northwind").is_active
    assert f"the active client Northwind permanently, with {OWNED_ROWS}" in capsys.readouterr().err


def test_typing_the_name_confirms_the_erasure(
    clients: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Northwind\n"))

    call_command("erase_client", "Northwind")

    assert capsys.readouterr().out == f"Removed Northwind with {OWNED_ROWS}.\n"
    with pytest.raises(CommandError, match="no client named 'Northwind'"):
        call_command("erase_client", "Northwind", "--yes", "Northwind")


def test_an_interrupted_erasure_continues_where_it_stopped(
    clients: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    northwind, _ = clients
    monkeypatch.setattr(erasure, "BATCH_SIZE", 2)

    def interrupt(deleted: int) -> None:
        if deleted == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase_client(northwind, erased_by="test", on_batch=interrupt)

    assert count_owned_rows(northwind) == OwnedRowCounts(pipelines=2, runs=2, alert_rules=0, tokens=0)
    assert not Client.objects.get(name="Northwind").is_active
    assert erase_client(northwind, erased_by="test") == OwnedRowCounts(pipelines=2, runs=2, alert_rules=0, tokens=0)
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_no_row_is_left_if_a_source_sends_runs_during_the_erasure(monkeypatch: pytest.MonkeyPatch) -> None:
    northwind, contoso = create_client_with_rows("Northwind"), create_client_with_rows("Contoso")
    monkeypatch.setattr(erasure, "BATCH_SIZE", 2)
    is_erased = threading.Event()
    first_start = datetime(2026, 3, 1, tzinfo=UTC)
    pipelines = list(Pipeline.objects.values_list("pk", flat=True))

    def send_runs() -> int:
        """Store pages of runs of both clients until the erasure ends, and return the number of pages.

        The last page can fail, because the pipelines of one client no longer exist.
        """
        number = 0
        try:
            while not is_erased.is_set():
                number += 1
                times: dict[str, Any] = {"started_at": first_start + timedelta(minutes=number)} if number % 2 else {}
                page = [
                    RunEvent(pipeline_id=pipeline, external_run_id=f"sent-{number}", status="success", **times)
                    for pipeline in pipelines
                ]
                record_runs(page)
        except IntegrityError:
            pass
        finally:
            connection.close()
        return number

    with ThreadPoolExecutor(1) as pool:
        pages = pool.submit(send_runs)
        try:
            erase_client(northwind, erased_by="test")
        finally:
            is_erased.set()
        assert pages.result() > 0

    assert list(Client.objects.all()) == [contoso]
    assert set(Run.objects.values_list("pipeline__client", flat=True)) == {contoso.pk}
    assert differences() == []
