from django.urls import path

from alerting.api.views import AlertRuleViewSet, FiringRuleViewSet
from chm_project.api import path_converters  # noqa: F401  # the converter of <id:...>

urlpatterns = [
    path("alert_rules", AlertRuleViewSet.as_view({"get": "list", "post": "create"}), name="alert-rules"),
    path("alert_rules/firing", FiringRuleViewSet.as_view({"get": "list"}), name="firing-alert-rules"),
    path(
        "alert_rules/<id:rule_id>",
        AlertRuleViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="alert-rule",
    ),
    path("alert_rules/<id:rule_id>/preview", AlertRuleViewSet.as_view({"get": "preview"}), name="alert-rule-preview"),
]
