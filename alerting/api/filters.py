from uuid import UUID

from django.db.models import QuerySet

from alerting.models import AlertRule
from chm_project.api.bases import FilterSet
from chm_project.api.filters import FlagFilter, IdFilter


class AlertRuleFilter(FilterSet):
    client_id = IdFilter(method="of_client", help_text="Rules for all of this client; not those of its pipelines.")
    pipeline_id = IdFilter(field_name="pipeline_id")
    is_enabled = FlagFilter(help_text="Whether it is evaluated.")

    class Meta:
        model = AlertRule
        fields: list[str] = []

    def of_client(self, rules: QuerySet[AlertRule], name: str, value: UUID) -> QuerySet[AlertRule]:
        return rules.filter(client_id=value, pipeline__isnull=True)
