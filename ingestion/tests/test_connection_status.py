"""What `manage.py connections` shows, and the adoption of pipelines that only the source has."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from ingestion.adoption import adopt_from_source
from ingestion.connection_status import ConnectionStatus, read_status
from ingestion.connections import ConfigurationError, configured_connections
from ingestion.schedule import Phased
from ingestion.synthetic.airflow_replay import AirflowReplay
from ingestion.synthetic.airflow_with_many_dags import AirflowWithManyDags
from ingestion.tests.support import PASSWORD_ENV, create_pipelines, ingest
from inventory.models import Client, Pipeline

pytestmark = pytest.mark.django_db

WriteConnections = Callable[..., None]


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def write_connections(tmp_path: Path, settings: Settings) -> WriteConnections:
    """Return a function that writes a connections file. Without options, the file has one connection, "live"."""

    def write(partner: Any, **options: str) -> None:
        file = tmp_path / "connections.toml"
        file.write_text(
            "".join(
                f'''[connections.{name}]
connector = "airflow"
base_url = "{partner.base_url}"
reconcile_days = 0
auth = {{ kind = "airflow_token", username = "admin", secret_env = "{PASSWORD_ENV}" }}
{option}
'''
                for name, option in (options or {"live": ""}).items()
            )
        )
        settings.CHM_CONNECTIONS_FILE = str(file)

    return write


def status_after_walk(name: str = "live") -> ConnectionStatus:
    """Ingest the connection, and return its status."""
    ingest(configured_connections()[name])
    return status(name)


def status(name: str = "live") -> ConnectionStatus:
    connections = configured_connections()
    return read_status(connections[name], connections, timezone.now())


def connections_output(*arguments: str) -> str:
    out = StringIO()
    call_command("connections", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_shows_how_source_and_inventory_differ(
    airflow: AirflowReplay, write_connections: WriteConnections
) -> None:
    write_connections(airflow)
    create_pipelines("Northwind", "sales_daily_load", "manual_refund", "deleted_dag")
    Pipeline.objects.update(ingested_through=timezone.now() - timedelta(minutes=5))
    airflow.dag_list[0] |= {"has_import_errors": True}
    for row in airflow.dag_list:
        row["is_paused"] = row["dag_id"] == "manual_refund"
    ingest(configured_connections()["live"])

    [document] = json.loads(connections_output("--json"))

    assert [pipeline["external_id"] for pipeline in document["missing"]] == ["deleted_dag"]
    assert [pipeline["external_id"] for pipeline in document["paused"]] == ["manual_refund"]
    assert document["import_errors"] == ["archive_backfill"]
    assert {pipeline["external_id"] for pipeline in document["unmatched"]} == {
        row["dag_id"] for row in airflow.dag_list
    } - {"sales_daily_load", "manual_refund"}  # fmt: skip
    assert (document["pipelines"], document["errors"], document["list_error"]) == (3, [], "")
    assert document["base_url"] == airflow.base_url
    assert (
        datetime.fromisoformat(document["last_walk_at"])
        <= timezone.now()
        < datetime.fromisoformat(document["next_walk_at"])
    )
    table = connections_output("live")
    assert "live" in table
    assert [part.strip() for part in table.splitlines()[3].split("│")[6:12]] == ["3", "6", "1", "1", "1", "0"]


def test_the_command_names_errors_and_unknown_connections(
    airflow: AirflowReplay, write_connections: WriteConnections, capsys: pytest.CaptureFixture[str]
) -> None:
    write_connections(airflow)
    create_pipelines("Northwind", "sales_daily_load", "manual_refund")
    Pipeline.objects.update(last_ingest_error="GET /dagRuns answered 503")

    connections_output()

    assert "live: GET /dagRuns answered 503 (2 pipelines)" in capsys.readouterr().err
    with pytest.raises(CommandError, match="there is no connection 'other'; there are: live"):
        connections_output("other")


def test_the_command_counts_all_pipelines_with_an_error_although_it_shows_five_errors(
    airflow: AirflowReplay, write_connections: WriteConnections
) -> None:
    write_connections(airflow)
    for number, pipeline in enumerate(create_pipelines("Northwind", *"abcdef").values()):
        pipeline.last_ingest_error = f"GET /dagRuns answered 50{number}"
        pipeline.save()

    row = connections_output("live").splitlines()[3]

    assert [part.strip() for part in row.split("│")][11] == "6"


def test_the_time_of_the_next_walk_is_the_time_at_which_beat_enqueues_it() -> None:
    phased, now = Phased(300, "live"), datetime(2026, 11, 21, 12, tzinfo=UTC)

    next_at = phased.next_at(now)

    assert timedelta(0) < next_at - now <= timedelta(seconds=300)
    periods = (next_at.timestamp() - phased.phase) / 300
    assert periods == pytest.approx(round(periods), abs=1e-6)


def test_pipelines_of_other_connections_to_the_same_source_are_not_listed_as_unmatched(
    airflow: AirflowReplay, write_connections: WriteConnections
) -> None:
    write_connections(
        airflow, north='pipelines = { clients = ["Northwind"] }', south='pipelines = { clients = ["Contoso"] }'
    )
    Client.objects.create(name="Northwind")
    create_pipelines("Contoso", "sales_daily_load")
    disabled = create_pipelines("Contoso", "manual_refund")["manual_refund"]
    Pipeline.objects.filter(pk=disabled.pk).update(is_active=False)

    unmatched_ids = {each.external_id for each in status_after_walk("north").unmatched}

    assert len(unmatched_ids) == 6
    assert not unmatched_ids & {"sales_daily_load", "manual_refund"}


def test_only_pipelines_that_the_connection_selects_are_listed_as_unmatched(
    airflow: AirflowReplay, write_connections: WriteConnections
) -> None:
    write_connections(airflow, live='pipelines = { external_id_prefix = "sales" }')

    assert {each.external_id for each in status_after_walk().unmatched} == {"sales_daily_load", "sales-mart.refresh"}


def test_two_hundred_pipelines_are_adopted_at_once_and_the_next_walk_reads_their_runs(
    write_connections: WriteConnections, monkeypatch: pytest.MonkeyPatch, admin_user: User
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "secret")
    Client.objects.create(name="Northwind")
    with AirflowWithManyDags() as airflow:
        airflow.dag_ids = [f"dag-{number:03}" for number in range(250)]
        write_connections(airflow, live='adopt_clients = { "dag-*" = "Northwind" }')
        status_before = status_after_walk()
        external_ids = [each.external_id for each in status_before.unmatched]

        too_many = adopt_from_source(
            status_before, external_ids, client="", pipeline_type="ingestion", user_id=admin_user.pk
        )
        adopted = adopt_from_source(
            status_before, external_ids[:200], client="", pipeline_type="ingestion", user_id=admin_user.pk
        )

        assert [fault.message for fault in too_many.faults] == ["At most 200 pipelines can be adopted at once."]
        assert (adopted.faults, len(adopted.additions)) == ([], 200)
        assert len(status().unmatched) == 50, "adopted pipelines are not listed any more"
        assert ingest(configured_connections()["live"]).pipelines_processed == 200
    pipeline = Pipeline.objects.order_by("name")[0]
    assert (pipeline.client.name, pipeline.platform, pipeline.environment) == ("Northwind", "airflow", "prod")
    assert admin_user.logentry_set.count() == 200


def test_a_client_that_the_user_chooses_has_precedence_over_the_rule(
    airflow: AirflowReplay, write_connections: WriteConnections, admin_user: User
) -> None:
    write_connections(airflow, live='adopt_clients = { "sales*" = "Northwind" }')
    for name in ("Northwind", "Contoso"):
        Client.objects.create(name=name)
    status_before = status_after_walk()

    by_rule = adopt_from_source(
        status_before, ["sales_daily_load"], client="", pipeline_type="export", user_id=admin_user.pk
    )
    by_hand = adopt_from_source(
        status_before, ["sales-mart.refresh"], client="Contoso", pipeline_type="export", user_id=admin_user.pk
    )
    neither = adopt_from_source(
        status_before, ["manual_refund"], client="", pipeline_type="export", user_id=admin_user.pk
    )

    assert (by_rule.faults, by_hand.faults) == ([], [])
    owners = dict(Pipeline.objects.values_list("external_id", "client__name"))
    assert owners == {"sales_daily_load": "Northwind", "sales-mart.refresh": "Contoso"}
    assert [fault.message for fault in neither.faults] == ["No rule assigns a client; choose one."]


def test_pipelines_are_adopted_only_for_the_clients_that_the_connection_selects(
    airflow: AirflowReplay, write_connections: WriteConnections, admin_user: User
) -> None:
    write_connections(airflow, live='pipelines = { clients = ["Northwind"], environment = "staging" }')
    for name in ("Northwind", "Contoso"):
        Client.objects.create(name=name)
    status_before = status_after_walk()

    result_for_another_client = adopt_from_source(
        status_before, ["manual_refund"], client="Contoso", pipeline_type="export", user_id=admin_user.pk
    )
    result_for_the_selected_client = adopt_from_source(
        status_before, ["manual_refund"], client="", pipeline_type="export", user_id=admin_user.pk
    )

    assert [fault.message for fault in result_for_another_client.faults] == [
        "The connection does not select the client Contoso."
    ]
    assert result_for_the_selected_client.faults == []
    assert (Pipeline.objects.get().client.name, Pipeline.objects.get().environment) == ("Northwind", "staging")


def test_adopting_does_not_change_a_pipeline_with_the_same_name(
    airflow: AirflowReplay, write_connections: WriteConnections, admin_user: User
) -> None:
    write_connections(airflow)
    other = create_pipelines("Northwind", "manual_refund_of_old")["manual_refund_of_old"]
    Pipeline.objects.filter(pk=other.pk).update(name="manual_refund")
    status_before = status_after_walk()

    result = adopt_from_source(
        status_before,
        ["manual_refund", "branch_and_map"],
        client="Northwind",
        pipeline_type="export",
        user_id=admin_user.pk,
    )

    assert [fault.message for fault in result.faults] == [
        "manual_refund already exists. Change its external id instead."
    ]
    assert Pipeline.objects.get().external_id == "manual_refund_of_old"
    assert admin_user.logentry_set.count() == 0


def test_a_pipeline_that_is_no_longer_unmatched_is_not_adopted(
    airflow: AirflowReplay, write_connections: WriteConnections, admin_user: User
) -> None:
    write_connections(airflow)
    Client.objects.create(name="Northwind")

    result = adopt_from_source(
        status_after_walk(), ["made_up"], client="Northwind", pipeline_type="export", user_id=admin_user.pk
    )

    assert [fault.message for fault in result.faults] == ["Some pipelines are no longer in the list. Reload the page."]
    assert not Pipeline.objects.exists()


def test_a_rule_without_a_client_is_a_mistake(airflow: AirflowReplay, write_connections: WriteConnections) -> None:
    write_connections(airflow, live='adopt_clients = { "dag-*" = "" }')

    with pytest.raises(ConfigurationError, match=r"adopt_clients.dag-\*: must be a text that is not empty"):
        configured_connections()
