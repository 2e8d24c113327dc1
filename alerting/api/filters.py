from uuid import UUID

from django.db.models import QuerySet

from alerting.destinations import destination_contains
from alerting.models import AlertRule, Channel, RuleType
from chm_project.api.filter_bases import FilterSet
from chm_project.api.filters import FlagFilter, IdFilter, IdsFilter, TextFilter, WordsFilter


class AlertRuleFilter(FilterSet):
    client_id = IdFilter(method="of_client", help_text="Rules for all of this client; not those of its pipelines.")
    pipeline_id = IdsFilter(field_name="pipeline_id", help_text="Rules of this pipeline.")
    rule_type = WordsFilter(RuleType, help_text="What must hold.")
    channel = WordsFilter(Channel, help_text="How people are notified.")
    is_enabled = FlagFilter(help_text="Whether it is evaluated.")
    include_known = FlagFilter(help_text="Whether pipelines whose failure is known count.")
    search = TextFilter(
        method="having", max_length=512, help_text="A part of the destination, in either case; of a hook, of its host."
    )

    class Meta:
        model = AlertRule
        fields: list[str] = []

    def of_client(self, rules: QuerySet[AlertRule], name: str, value: UUID) -> QuerySet[AlertRule]:
        return rules.filter(client_id=value, pipeline__isnull=True)

    def having(self, rules: QuerySet[AlertRule], name: str, value: str) -> QuerySet[AlertRule]:
        return destination_contains(rules, value)
