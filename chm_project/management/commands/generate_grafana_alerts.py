"""manage.py generate_grafana_alerts: print Grafana alert rules for the enabled alert rules."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from alerting.models import AlertRule
from chm_project.operations.alert_metrics import severity


class Command(BaseCommand):
    help = (
        "Print one Grafana alert rule for each enabled alert rule. Each Grafana rule queries the metric "
        "chm_rule_firing in a Prometheus that scrapes /metrics of CHM. The output is a provisioning file: save it as "
        "provisioning/alerting/chm.json."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--datasource", default="prometheus", help="uid of the Prometheus data source in Grafana")

    def handle(self, *args: Any, datasource: str, **options: Any) -> None:
        rules = AlertRule.objects.enabled().select_related("client", "pipeline__client").order_by("id")
        group = {
            "orgId": 1, "name": "CHM alert rules", "folder": "CHM", "interval": "1m",
            "rules": [grafana_rule(rule, datasource) for rule in rules],
        }  # fmt: skip
        self.stdout.write(json.dumps({"apiVersion": 1, "groups": [group]}, indent=2, ensure_ascii=False))


def grafana_rule(rule: AlertRule, datasource: str) -> dict[str, Any]:
    """Return the rule for Grafana, without its destination: Grafana's notification policies choose the receivers."""
    watched_pipelines = rule.pipeline.name_with_client() if rule.pipeline else f"all pipelines of {rule.owning_client}"
    threshold = {"evaluator": {"type": "gt", "params": [0]}}
    return {
        "uid": f"chm-{rule.pk}",
        "title": f"{rule.get_rule_type_display()}: {watched_pipelines} ({rule.pk})",
        "condition": "holds",
        "data": [
            {
                "refId": "firing", "datasourceUid": datasource, "relativeTimeRange": {"from": 300, "to": 0},
                "model": {"refId": "firing", "instant": True, "expr": f'max(chm_rule_firing{{rule="{rule.pk}"}})'},
            },
            {
                "refId": "holds", "datasourceUid": "__expr__",
                "model": {"refId": "holds", "type": "threshold", "expression": "firing", "conditions": [threshold]},
            },
        ],
        # /metrics has no sample for a rule that is not firing.
        "noDataState": "OK",
        "execErrState": "Error",
        "for": "0s",
        "labels": {"client": rule.owning_client.name, "severity": severity(rule)},
        "annotations": {"summary": f"{rule.get_rule_type_display()}: {watched_pipelines}"},
    }  # fmt: skip
