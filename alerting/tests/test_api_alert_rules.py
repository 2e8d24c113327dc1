"""Alert rules in the API: definitions, previews and firing rules."""

from datetime import datetime, timedelta
from itertools import count
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.utils import timezone

from alerting.models import AlertRule
from chm_project.tests.api import ROOT, UNKNOWN_ID, api_as_role, api_with_scope, assert_error, field_errors, items
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

RULES_URL = f"{ROOT}/alert_rules"


def rule_body(**values: Any) -> dict[str, Any]:
    return {"rule_type": "on_failure", "channel": "slack", "destination": "#alerts"} | values


def hours_ago(hours: float) -> datetime:
    return timezone.now() - timedelta(hours=hours)


def create_failed_run(pipeline: Pipeline, hours: float) -> None:
    RunFactory.create(
        pipeline=pipeline, status="failed", started_at=hours_ago(hours + 0.1), finished_at=hours_ago(hours)
    )


@pytest.mark.proves("FR-008", "AC-001")
def test_a_rule_is_created_read_changed_and_deleted() -> None:
    api, client = api_with_scope(), ClientFactory.create()

    created = api.post(RULES_URL, rule_body(client_id=str(client.pk)))
    assert created.status_code == 201
    rule = created.json()
    assert rule["client_id"] == str(client.pk)
    assert (rule["pipeline_id"], rule["threshold"], rule["is_enabled"]) == (None, None, True)
    path = f"{RULES_URL}/{rule['id']}"
    assert api.get(path).json() == rule

    changed = api.patch(path, {"is_enabled": False, "destination": "#quiet"})
    assert (changed.status_code, changed.json()["destination"], changed.json()["is_enabled"]) == (200, "#quiet", False)

    assert api.delete(path).status_code == 204
    assert_error(api.get(path), 404, "not_found")
    assert not AlertRule.objects.exists()


@pytest.mark.proves("FR-010", "AC-002", "SC-005")
@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, {"client_id", "pipeline_id"}),
        ({"rule_type": "sometimes"}, {"rule_type"}),
        ({"channel": "pigeon", "destination": ""}, {"channel", "destination"}),
        ({"client_id": UNKNOWN_ID}, {"client_id"}),
        ({"pipeline_id": "", "client": True}, {"pipeline_id"}),
        ({"client_id": "Acme", "pipeline_id": 7}, {"client_id", "pipeline_id"}),
        ({"rule_type": "failures_in_window", "threshold": 3, "client": True}, {"window_minutes"}),
        ({"rule_type": "failures_in_window"}, {"threshold", "window_minutes", "client_id", "pipeline_id"}),
        ({"threshold": 0, "window_minutes": 0, "client": True}, {"threshold", "window_minutes"}),
        ({"threshold": 0, "client": True}, {"threshold"}),
        ({"window_minutes": -5, "client": True}, {"window_minutes"}),
        ({"threshold": "3", "client": True}, {"threshold"}),
        ({"is_enabled": "yes", "client": True}, {"is_enabled"}),
        ({"severity": "high", "client": True}, {"severity"}),
        ({"destination": "x" * 513, "client": True}, {"destination"}),
    ],
)
def test_the_error_of_an_invalid_rule_names_every_invalid_field(values: dict[str, Any], fields: set[str]) -> None:
    if values.pop("client", False):
        values["client_id"] = str(ClientFactory.create().pk)

    assert set(field_errors(api_with_scope().post(RULES_URL, rule_body(**values)))) == fields
    assert not AlertRule.objects.exists()


@pytest.mark.proves("DI-008")
def test_a_second_enabled_rule_with_the_same_scope_is_refused_and_a_disabled_rule_is_accepted() -> None:
    api, pipeline = api_with_scope(), PipelineFactory.create()
    assert api.post(RULES_URL, rule_body(pipeline_id=str(pipeline.pk))).status_code == 201

    rule_with_client = rule_body(pipeline_id=str(pipeline.pk), client_id=str(pipeline.client_id))
    assert {"rule_type", "channel", "destination"} <= set(field_errors(api.post(RULES_URL, rule_with_client)))
    disabled = api.post(RULES_URL, rule_with_client | {"is_enabled": False})
    assert disabled.status_code == 201
    field_errors(api.patch(f"{RULES_URL}/{disabled.json()['id']}", {"is_enabled": True}))


@pytest.mark.proves("FR-009")
def test_the_list_is_filtered_by_scope_and_state() -> None:
    api, pipeline = api_with_scope(), PipelineFactory.create()
    client = str(pipeline.client_id)
    rules = {
        "client": api.post(RULES_URL, rule_body(client_id=client)).json()["id"],
        "pipeline": api.post(RULES_URL, rule_body(pipeline_id=str(pipeline.pk))).json()["id"],
        "both": api.post(RULES_URL, rule_body(client_id=client, pipeline_id=str(pipeline.pk), destination="#2")).json()[
            "id"
        ],
        "disabled": api.post(RULES_URL, rule_body(client_id=client, is_enabled=False)).json()["id"],
    }

    def listed_ids(query: str) -> list[str]:
        return [row["id"] for row in items(api.get(f"{RULES_URL}?{query}"))]

    assert listed_ids("") == list(rules.values())
    assert listed_ids(f"client_id={client}") == [rules["client"], rules["disabled"]]
    assert listed_ids(f"pipeline_id={pipeline.pk}") == [rules["pipeline"], rules["both"]]
    assert listed_ids("is_enabled=false") == [rules["disabled"]]
    assert set(field_errors(api.get(f"{RULES_URL}?enabled=true"))) == {"enabled"}


def test_a_bound_token_sees_only_the_rules_of_its_client() -> None:
    pipeline, foreign_pipeline = PipelineFactory.create(), PipelineFactory.create()
    unbound_api = api_with_scope()
    own_rule = unbound_api.post(RULES_URL, rule_body(client_id=str(pipeline.client_id))).json()["id"]
    # This rule has a client and a pipeline, so the pipeline's client owns it.
    rule_of_foreign_pipeline = unbound_api.post(
        RULES_URL, rule_body(client_id=str(pipeline.client_id), pipeline_id=str(foreign_pipeline.pk))
    ).json()["id"]
    api = api_with_scope("write", client_id=pipeline.client_id)

    assert [row["id"] for row in items(api.get(RULES_URL))] == [own_rule]
    for method in (api.get, api.delete):
        assert_error(method(f"{RULES_URL}/{rule_of_foreign_pipeline}"), 404, "not_found")
    assert_error(api.patch(f"{RULES_URL}/{rule_of_foreign_pipeline}", {"is_enabled": False}), 404, "not_found")
    assert_error(api.get(f"{RULES_URL}/{rule_of_foreign_pipeline}/preview"), 404, "not_found")
    assert set(field_errors(api.post(RULES_URL, rule_body(pipeline_id=str(foreign_pipeline.pk))))) == {"pipeline_id"}
    assert set(field_errors(api.patch(f"{RULES_URL}/{own_rule}", {"client_id": str(foreign_pipeline.client_id)}))) == {
        "client_id"
    }


def test_viewers_read_rules_and_analysts_write_them() -> None:
    client = ClientFactory.create()
    viewer = api_as_role("viewer")
    assert_error(viewer.post(RULES_URL, rule_body(client_id=str(client.pk))), 403, "forbidden")
    assert_error(api_with_scope("read").post(RULES_URL, rule_body(client_id=str(client.pk))), 403, "forbidden")
    assert api_as_role("analyst").post(RULES_URL, rule_body(client_id=str(client.pk))).status_code == 201
    assert len(items(viewer.get(RULES_URL))) == 1


def test_firing_rules_count_failures_of_active_inventory_only() -> None:
    api = api_with_scope()
    pipeline = PipelineFactory.create()
    sibling = PipelineFactory.create(client=pipeline.client)
    disabled = PipelineFactory.create(client=pipeline.client, is_active=False)
    create_failed_run(pipeline, 0.5)
    create_failed_run(sibling, 0.7)
    create_failed_run(disabled, 0.6)
    client, destination_number = str(pipeline.client_id), count()

    def create_rule(**values: Any) -> str:
        return str(api.post(RULES_URL, rule_body(destination=f"#{next(destination_number)}", **values)).json()["id"])

    in_window = {"rule_type": "failures_in_window", "window_minutes": 60}
    firing = [
        create_rule(client_id=client),
        create_rule(pipeline_id=str(pipeline.pk)),
        create_rule(client_id=client, threshold=2, **in_window),
        create_rule(pipeline_id=str(pipeline.pk), threshold=1, **in_window),
    ]
    create_rule(client_id=client, threshold=3, **in_window)
    create_rule(pipeline_id=str(pipeline.pk), threshold=2, **in_window)
    create_rule(client_id=client, rule_type="failures_in_window", window_minutes=35, threshold=2)
    create_rule(pipeline_id=str(disabled.pk))
    create_rule(client_id=client, is_enabled=False)

    assert [row["id"] for row in items(api.get(f"{RULES_URL}/firing"))] == firing
    assert items(api_with_scope("read", client_id=ClientFactory.create().pk).get(f"{RULES_URL}/firing")) == []


def test_listing_firing_rules_needs_three_queries_for_any_number_of_rules(django_assert_num_queries: Any) -> None:
    api = api_with_scope("read")
    for pipeline in PipelineFactory.create_batch(10):
        create_failed_run(pipeline, 1)
        AlertRule.objects.create(pipeline=pipeline, rule_type="on_failure", channel="slack", destination="#x")
    api.get(f"{RULES_URL}/firing")
    with django_assert_num_queries(3):  # the token, the firing rules, the page
        assert len(items(api.get(f"{RULES_URL}/firing"))) == 10


def test_a_preview_returns_when_the_rule_would_have_fired() -> None:
    api, pipeline = api_with_scope(), PipelineFactory.create()
    start = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    for hours, status in ((1, "failed"), (5, "success"), (9, "failed")):
        RunFactory.create(
            pipeline=pipeline,
            status=status,
            started_at=start + timedelta(hours=hours),
            finished_at=start + timedelta(hours=hours + 1),
        )
    on_failure = api.post(RULES_URL, rule_body(pipeline_id=str(pipeline.pk), is_enabled=False)).json()["id"]
    in_window = api.post(
        RULES_URL,
        rule_body(client_id=str(pipeline.client_id), rule_type="failures_in_window", threshold=2, window_minutes=540),
    ).json()["id"]
    window = "since=2026-03-01T00:00:00Z&until=2026-03-02T00:00:00Z"

    assert api.get(f"{RULES_URL}/{on_failure}/preview?{window}").json() == {
        "items": [
            {"from": "2026-03-01T02:00:00Z", "until": "2026-03-01T06:00:00Z", "failed_runs": 1},
            {"from": "2026-03-01T10:00:00Z", "until": "2026-03-02T00:00:00Z", "failed_runs": 1},
        ]
    }
    assert api.get(f"{RULES_URL}/{in_window}/preview?{window}").json() == {
        "items": [{"from": "2026-03-01T10:00:00Z", "until": "2026-03-01T11:00:00Z", "failed_runs": 2}]
    }
    later = "since=2026-03-01T12:00:00Z&until=2026-03-01T13:00:00Z"
    assert api.get(f"{RULES_URL}/{on_failure}/preview?{later}").json() == {
        "items": [{"from": "2026-03-01T12:00:00Z", "until": "2026-03-01T13:00:00Z", "failed_runs": 1}]
    }


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("since=2026-03-02&until=2026-03-01", {"since"}),
        ("since=2020-01-01&until=2026-01-01", {"since"}),
        ("since=soon", {"since"}),
        ("until=0001-01-01", {"until"}),
        ("from=2026-01-01", {"from"}),
    ],
)
def test_a_preview_refuses_an_invalid_window(query: str, fields: set[str]) -> None:
    api = api_with_scope()
    rule = api.post(RULES_URL, rule_body(client_id=str(ClientFactory.create().pk))).json()["id"]
    assert set(field_errors(api.get(f"{RULES_URL}/{rule}/preview?{query}"))) == fields


def test_a_rule_with_a_window_of_four_thousand_years_fires_and_has_a_preview() -> None:
    api, pipeline = api_with_scope(), PipelineFactory.create()
    create_failed_run(pipeline, 1)
    values = rule_body(
        pipeline_id=str(pipeline.pk), rule_type="failures_in_window", threshold=1, window_minutes=2**31 - 1
    )
    rule = api.post(RULES_URL, values).json()["id"]
    assert len(api.get(f"{RULES_URL}/{rule}/preview").json()["items"]) == 1
    assert [row["id"] for row in items(api.get(f"{RULES_URL}/firing"))] == [rule]


def test_changes_through_the_api_are_in_the_admin_history_with_user_and_fields() -> None:
    api, client = api_with_scope("write"), ClientFactory.create()
    pipeline = api.post(
        f"{ROOT}/clients/{client.pk}/pipelines", {"name": "Load", "platform": "cron", "pipeline_type": "export"}
    ).json()["id"]
    api.patch(f"{ROOT}/pipelines/{pipeline}", {"name": "Load 2", "platform": "cron"})
    api.patch(f"{ROOT}/pipelines/{pipeline}", {"name": "Load 2"})
    api.delete(f"{ROOT}/pipelines/{pipeline}")
    api.delete(f"{ROOT}/pipelines/{pipeline}")
    rule = api.post(RULES_URL, rule_body(client_id=str(client.pk))).json()["id"]
    api.delete(f"{RULES_URL}/{rule}")

    entries = LogEntry.objects.order_by("pk")
    assert [(entry.object_id, entry.get_change_message()) for entry in entries] == [
        (pipeline, "Added."),
        (pipeline, "Changed name."),
        (pipeline, "Changed is_active."),
        (rule, "Added."),
        (rule, "No fields changed."),
    ]
    assert entries[4].is_deletion()
    assert all(entry.user.username.startswith("api-token-") for entry in entries)
    assert {entry.user.first_name for entry in entries} == {"test"}


def test_a_refused_change_is_not_logged() -> None:
    api, client = api_with_scope("write"), ClientFactory.create()
    field_errors(api.patch(f"{ROOT}/clients/{client.pk}", {"name": ""}))
    assert not LogEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("object_type", ["clients", "pipelines", "rules"])
def test_only_one_of_several_concurrent_creates_succeeds_and_the_errors_name_the_field(object_type: str) -> None:
    client = ClientFactory.create()
    path, values, field = {
        "clients": (f"{ROOT}/clients", {"name": "Northwind"}, "name"),
        "pipelines": (
            f"{ROOT}/clients/{client.pk}/pipelines",
            {"name": "Load", "platform": "cron", "pipeline_type": "export"},
            "name",
        ),
        "rules": (RULES_URL, rule_body(client_id=str(client.pk)), "destination"),
    }[object_type]
    apis, barrier, answers = [api_with_scope("write") for _ in range(4)], Barrier(4), []

    def create(api: Any) -> None:
        barrier.wait()
        answers.append(api.post(path, values))
        connection.close()

    threads = [Thread(target=create, args=[api]) for api in apis]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
    assert all(field in field_errors(answer) for answer in answers if answer.status_code == 400)
