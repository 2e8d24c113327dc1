from uuid import UUID

from django.db.models import QuerySet

from alerting.destinations import filter_by_destination
from alerting.models import AlertRule, Channel, RuleType
from chm_project.api.filter_bases import FilterSet
from chm_project.api.filters import FlagFilter, IdFilter, IdsFilter, SeveralChoicesFilter, TextFilter


class AlertRuleFilter(FilterSet):
    client_id = IdFilter(
        method="rules_of_client",
        help_text="Only rules that watch all pipelines of this client. Rules for single pipelines are left out.",
    )
    pipeline_id = IdsFilter(field_name="pipeline_id", help_text="Only rules for these pipelines.")
    rule_type = SeveralChoicesFilter(RuleType, help_text="Only rules with these conditions.")
    channel = SeveralChoicesFilter(Channel, help_text="Only rules with these channels.")
    is_enabled = FlagFilter(help_text="Only enabled rules (`true`) or only disabled rules (`false`).")
    include_known = FlagFilter(help_text="Only rules with this value of `include_known`.")
    search = TextFilter(
        method="search_destination",
        max_length=512,
        help_text="Only rules whose destination contains this text; upper and lower case are the same. Of an https "
        "address, only the host is searched.",
    )

    class Meta:
        model = AlertRule
        fields: list[str] = []

    def rules_of_client(self, rules: QuerySet[AlertRule], name: str, value: UUID) -> QuerySet[AlertRule]:
        return rules.filter(client_id=value, pipeline__isnull=True)

    def search_destination(self, rules: QuerySet[AlertRule], name: str, value: str) -> QuerySet[AlertRule]:
        return filter_by_destination(rules, value)
