"""The metrics of /metrics that have one sample per failing pipeline or firing rule, for Prometheus and Alertmanager."""

import logging
from collections.abc import Iterator

from django.db import DatabaseError
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from alerting.models import AlertRule
from alerting.services import firing_rules
from inventory.models import Environment
from runs.planned_maintenance import add_maintenance_columns
from runs.reporting.run_shapes import run_shape

logger = logging.getLogger(__name__)

# If a metric has more samples than this, /metrics returns none of them: each sample is a time series in Prometheus, and
# too many time series slow Prometheus down.
MAX_SAMPLES = 2_000
_PIPELINE_LABELS = ["client", "pipeline", "platform", "environment", "incident", "owner"]


def alert_metrics() -> Iterator[Metric]:
    """Yield the metrics of failing pipelines and firing rules, without the destinations of rules."""
    try:
        yield from _failing_pipelines()
        yield from _firing_rules()
    except DatabaseError:  # /metrics then returns only the other metrics
        logger.warning("failing pipelines and firing rules are not listed: a database query failed")


def _failing_pipelines() -> Iterator[Metric]:
    failing = GaugeMetricFamily(
        "chm_pipeline_failing",
        f"1 for each failing pipeline; empty if there are more than {MAX_SAMPLES}",
        labels=_PIPELINE_LABELS,
    )
    known_failures = GaugeMetricFamily(
        "chm_pipeline_known", "1 for each failing pipeline whose failure is known", labels=_PIPELINE_LABELS
    )
    planned_failures = GaugeMetricFamily(
        "chm_pipeline_in_maintenance",
        "1 for each failing pipeline that failed in planned maintenance",
        labels=_PIPELINE_LABELS,
    )
    now = timezone.now()
    rows = run_shape("failing_now", now=now)
    add_maintenance_columns(rows if len(rows) <= MAX_SAMPLES else (), as_of=now)
    for row in rows if len(rows) <= MAX_SAMPLES else ():
        names = ("client_name", "pipeline_name", "platform", "environment", "incident", "owner")
        labels = [row[name] or "" for name in names]
        failing.add_metric(labels, 1)
        if row["known"]:
            known_failures.add_metric(labels, 1)
        if row["maintenance"]:
            planned_failures.add_metric(labels, 1)
    yield failing
    yield known_failures
    yield planned_failures


def _firing_rules() -> Iterator[Metric]:
    firing_metric = GaugeMetricFamily(
        "chm_rule_firing", f"1 for each enabled rule that fires; empty if there are more than {MAX_SAMPLES}",
        labels=["rule", "client", "pipeline", "severity"],
    )  # fmt: skip
    firing_since = firing_rules()
    rules = AlertRule.objects.filter(pk__in=firing_since).select_related("client", "pipeline__client")
    for rule in rules.order_by("id") if len(firing_since) <= MAX_SAMPLES else ():
        firing_metric.add_metric(
            [str(rule.pk), rule.owning_client.name, rule.pipeline.name if rule.pipeline else "", severity(rule)], 1
        )
    yield firing_metric


def severity(rule: AlertRule) -> str:
    """Return "critical" if the rule is about a production pipeline or a whole client, else "warning"."""
    is_production = rule.pipeline is None or rule.pipeline.environment == Environment.PROD
    return "critical" if is_production else "warning"
