"""Test that docs/monitoring.md lists exactly the existing metrics, with their types and labels."""

import re
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from prometheus_client import Metric

from chm_project.db.replica import ReplicaState
from chm_project.operations import collector
from chm_project.operations.installation_state import InstallationCounts, PipelineGroup
from chm_project.telemetry import metrics
from chm_project.telemetry.process_values import REGISTRY

DOCUMENT = (Path(settings.BASE_DIR) / "docs" / "monitoring.md").read_text()
ROW = re.compile(r"^\| (`chm_[^|]+) \| (\w+) \|([^|]*)\|", re.MULTILINE)


def documented_metrics() -> dict[str, tuple[str, tuple[str, ...]]]:
    rows = {}
    for names, metric_type, labels in ROW.findall(DOCUMENT):
        for name in re.findall(r"`(\w+)`", names):
            rows[name] = (metric_type, tuple(sorted(label for label in re.split(r",\s*", labels.strip()) if label)))
    return rows


def existing_metrics(counts: InstallationCounts) -> dict[str, tuple[str, tuple[str, ...]]]:
    registered = {
        _exported_name(metric.name, metric.type): (metric.type, tuple(sorted(getattr(metrics, name)._labelnames)))
        for name in vars(metrics)
        if hasattr(getattr(metrics, name), "_labelnames")
        for metric in getattr(metrics, name).describe()
    }
    scraped: list[Metric] = [
        *collector._count_metrics(counts),
        *collector._late_metric(counts),
        *collector._replica_metrics(ReplicaState(1.5, 60)),
    ]
    return registered | {metric.name: (metric.type, tuple(sorted(metric.samples[0].labels))) for metric in scraped}


def _exported_name(name: str, metric_type: str) -> str:
    return f"{name}_total" if metric_type == "counter" else name


def test_docs_monitoring_lists_every_metric(db: None) -> None:
    groups = [PipelineGroup("Acme", "airflow", 1, 0, 0, 0, Decimal(60))]

    in_document = documented_metrics()
    expected = existing_metrics(InstallationCounts(groups, {}))

    assert list(REGISTRY.collect()), "the metrics of processes are registered"
    assert expected.items() <= in_document.items()
    other_metrics = {
        "chm_queue_length",
        "chm_beat_age_seconds",
        "chm_lineage_unmatched_events_total",
        "chm_database_up",
    }
    alert_metrics = {"chm_pipeline_failing", "chm_pipeline_known", "chm_pipeline_in_maintenance", "chm_rule_firing"}
    assert in_document.keys() - expected.keys() == other_metrics | alert_metrics | {"chm_broker_up", "chm_build_info"}
