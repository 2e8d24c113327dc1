"""Test how other tools get firing rules and failing pipelines: from /metrics, from the API, and as Grafana rules."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from alerting.models import AlertRule
from chm_project.operations import alert_metrics
from chm_project.tests.api import ROOT, api_with_scope
from inventory.models import Pipeline
from runs.known_failures import mark_known_failure
from runs.reporting.run_shapes import run_shape
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db


def create_failing_pipeline(name: str = "load", **fields: object) -> Pipeline:
    now = timezone.now()
    values = {"pipeline__name": name, "pipeline__client__name": f"client of {name}"} | fields
    return RunFactory.create(
        status="failed", error_message="disk full", started_at=now, finished_at=now, **values
    ).pipeline


def metric_lines(metric: str) -> list[str]:
    lines = api_with_scope("read").get("/metrics").content.decode().splitlines()
    return sorted(line for line in lines if line.startswith(f"{metric}{{"))


def create_rule(pipeline: Pipeline, **fields: object) -> AlertRule:
    values = {"rule_type": "on_failure", "channel": "webhook", "destination": "https://hooks.example/secret"}
    return AlertRule.objects.create(**values | ({} if "client" in fields else {"pipeline": pipeline}) | fields)


def test_metrics_list_each_failing_pipeline_with_its_incident_and_each_known_failure() -> None:
    create_failing_pipeline("new")
    mark_known_failure(pipeline=create_failing_pipeline("old"), reason="ticket 123")
    incident = run_shape("failing_now")[0]["incident"]

    labels = 'client="client of {0}",environment="prod",incident="{1}",owner="",pipeline="{0}",platform="airflow"'
    assert metric_lines("chm_pipeline_failing") == [
        f"chm_pipeline_failing{{{labels.format(name, incident)}}} 1.0" for name in ("new", "old")
    ]
    assert metric_lines("chm_pipeline_known") == [f"chm_pipeline_known{{{labels.format('old', incident)}}} 1.0"]


def test_metrics_list_each_firing_rule_without_its_destination() -> None:
    pipeline = create_failing_pipeline()
    pipeline_rule, client_rule = create_rule(pipeline), create_rule(pipeline, client=pipeline.client)
    Pipeline.objects.update(environment="dev")

    assert metric_lines("chm_rule_firing") == sorted([
        f'chm_rule_firing{{client="client of load",pipeline="load",rule="{pipeline_rule.pk}",severity="warning"}} 1.0',
        f'chm_rule_firing{{client="client of load",pipeline="",rule="{client_rule.pk}",severity="critical"}} 1.0',
    ])  # fmt: skip
    assert "hooks.example" not in api_with_scope("read").get("/metrics").content.decode()


def test_metrics_list_no_failing_pipeline_if_there_are_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_metrics, "MAX_SAMPLES", 1)
    create_failing_pipeline("one")
    assert len(metric_lines("chm_pipeline_failing")) == 1

    create_failing_pipeline("two")

    assert metric_lines("chm_pipeline_failing") == []


def test_a_firing_rule_has_its_start_and_a_stable_fingerprint() -> None:
    now, pipeline = timezone.now(), create_failing_pipeline()
    create_rule(pipeline)
    create_rule(pipeline, rule_type="failures_in_window", threshold=2, window_minutes=60)
    api = api_with_scope("read")

    def firing() -> list[tuple[str, str]]:
        items = api.get(f"{ROOT}/alert_rules/firing").json()["items"]
        return [(item["since"], item["fingerprint"]) for item in items]

    [(since, fingerprint)] = firing()
    RunFactory.create(pipeline=pipeline, status="failed", started_at=now, finished_at=timezone.now())

    [failure_rule, window_rule] = firing()
    assert failure_rule == (since, fingerprint)
    assert window_rule[0] == since, "the oldest failure that counts"
    assert window_rule[1] != fingerprint


def test_the_csv_of_firing_rules_has_the_fingerprint() -> None:
    create_rule(create_failing_pipeline())

    csv_text = (
        api_with_scope("read").get(f"{ROOT}/alert_rules/firing", headers={"accept": "text/csv"}).getvalue().decode()
    )

    assert csv_text.splitlines()[0].endswith(",since,fingerprint,owner,runbook_url")
    assert len(csv_text.splitlines()) == 2


def test_each_enabled_rule_becomes_a_grafana_rule_without_its_destination() -> None:
    pipeline = create_failing_pipeline()
    enabled_rule = create_rule(pipeline)
    create_rule(pipeline, destination="https://hooks.example/other", is_enabled=False)
    output = StringIO()

    call_command("generate_grafana_alerts", datasource="prom", stdout=output)

    [grafana_rule] = json.loads(output.getvalue())["groups"][0]["rules"]
    assert grafana_rule["data"][0]["model"]["expr"] == f'max(chm_rule_firing{{rule="{enabled_rule.pk}"}})'
    assert grafana_rule["data"][0]["datasourceUid"] == "prom"
    assert len(grafana_rule["uid"]) <= 40, "Grafana's limit"
    assert "hooks.example" not in output.getvalue()
