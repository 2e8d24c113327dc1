"""Alert rules with a preview beside the form: when they would have held."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from alerting.admin import AlertRuleAdmin
from alerting.models import AlertRule
from chm_project.console.rule_preview import preview_of


class RuleConsole(AlertRuleAdmin):
    change_form_outer_before_template = "console/parts/rule_preview.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: AlertRule | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["preview"] = preview_of(obj, timezone.now())
        return super().render_change_form(request, context, add, change, form_url, obj)

    def response_add(self, request: HttpRequest, obj: AlertRule, post_url_continue: str | None = None) -> HttpResponse:
        """A new rule is shown with its preview at once, unless more was asked for."""
        response = super().response_add(request, obj, post_url_continue)
        plain = "_save" in request.POST and isinstance(response, HttpResponseRedirect)
        return HttpResponseRedirect(reverse("admin:alerting_alertrule_change", args=[obj.pk])) if plain else response
