"""Firing rules and failing pipelines for alerting tools: in /metrics, in the API, and as Grafana's rules."""

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


def failing(name: str = "load", **fields: object) -> Pipeline:
    now = timezone.now()
    values = {"pipeline__name": name, "pipeline__client__name": f"client of {name}"} | fields
    return RunFactory.create(
        status="failed", error_message="disk full", started_at=now, finished_at=now, **values
    ).pipeline


def samples(metric: str) -> list[str]:
    lines = api_with_scope("read").get("/metrics").content.decode().splitlines()
    return sorted(line for line in lines if line.startswith(f"{metric}{{"))


def rule(pipeline: Pipeline, **fields: object) -> AlertRule:
    values = {"rule_type": "on_failure", "channel": "webhook", "destination": "https://hooks.example/secret"}
    return AlertRule.objects.create(**values | ({} if "client" in fields else {"pipeline": pipeline}) | fields)


def test_metrics_name_each_failing_pipeline_with_its_incident_and_say_which_are_known() -> None:
    failing("new")
    mark_known_failure(pipeline=failing("old"), reason="ticket 123")
    incident = run_shape("failing_now")[0]["incident"]

    labels = 'client="client of {0}",environment="prod",incident="{1}",owner="",pipeline="{0}",platform="airflow"'
    assert samples("chm_pipeline_failing") == [
        f"chm_pipeline_failing{{{labels.format(name, incident)}}} 1.0" for name in ("new", "old")
    ]
    assert samples("chm_pipeline_known") == [f"chm_pipeline_known{{{labels.format('old', incident)}}} 1.0"]


def test_metrics_name_each_firing_rule_and_never_a_destination() -> None:
    pipeline = failing()
    own, whole = rule(pipeline), rule(pipeline, client=pipeline.client)
    Pipeline.objects.update(environment="dev")

    assert samples("chm_rule_firing") == sorted([
        f'chm_rule_firing{{client="client of load",pipeline="load",rule="{own.pk}",severity="warning"}} 1.0',
        f'chm_rule_firing{{client="client of load",pipeline="",rule="{whole.pk}",severity="critical"}} 1.0',
    ])  # fmt: skip
    assert "hooks.example" not in api_with_scope("read").get("/metrics").content.decode()


def test_above_the_limit_no_pipeline_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_metrics, "MAX_SAMPLES", 1)
    failing("one")
    assert len(samples("chm_pipeline_failing")) == 1

    failing("two")

    assert samples("chm_pipeline_failing") == []


def test_a_firing_rule_says_since_when_and_keeps_its_fingerprint() -> None:
    now, pipeline = timezone.now(), failing()
    rule(pipeline)
    rule(pipeline, rule_type="failures_in_window", threshold=2, window_minutes=60)
    api = api_with_scope("read")

    def firing() -> list[tuple[str, str]]:
        items = api.get(f"{ROOT}/alert_rules/firing").json()["items"]
        return [(item["since"], item["fingerprint"]) for item in items]

    [(since, fingerprint)] = firing()
    RunFactory.create(pipeline=pipeline, status="failed", started_at=now, finished_at=timezone.now())

    [own, window] = firing()
    assert own == (since, fingerprint)
    assert window[0] == since, "the oldest failure that counts"
    assert window[1] != fingerprint


def test_the_list_of_firing_rules_in_csv_has_the_fingerprint_too() -> None:
    rule(failing())

    table = api_with_scope("read").get(f"{ROOT}/alert_rules/firing", headers={"accept": "text/csv"}).getvalue().decode()

    assert table.splitlines()[0].endswith(",since,fingerprint,owner,runbook_url")
    assert len(table.splitlines()) == 2


def test_each_enabled_rule_becomes_a_grafana_rule_without_its_destination() -> None:
    pipeline = failing()
    own = rule(pipeline)
    rule(pipeline, destination="https://hooks.example/other", is_enabled=False)
    output = StringIO()

    call_command("generate_grafana_alerts", datasource="prom", stdout=output)

    [found] = json.loads(output.getvalue())["groups"][0]["rules"]
    assert found["data"][0]["model"]["expr"] == f'max(chm_rule_firing{{rule="{own.pk}"}})'
    assert found["data"][0]["datasourceUid"] == "prom"
    assert len(found["uid"]) <= 40, "Grafana's limit"
    assert "hooks.example" not in output.getvalue()
