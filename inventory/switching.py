"""Enabling and disabling in the console: a page says what would follow, and only its button does it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from inventory.bases import ModelAdmin, action
from inventory.models import Client, Pipeline
from inventory.services import pipelines_switched, set_active

SHOWN = 20
RowT = TypeVar("RowT", Client, Pipeline)

if TYPE_CHECKING:
    _Admin = ModelAdmin
else:
    # Mixed into a ModelAdmin; here only so that its methods can be subscripted the same way.
    class _Admin:
        def __class_getitem__(cls, _model: Any) -> type:
            return cls


class SwitchMixin(_Admin[RowT]):
    actions = ("disable", "enable")
    actions_detail = ("disable_this", "enable_this")

    @action(description="Disable…", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[RowT]) -> HttpResponse:
        return self.switch(request, queryset, active=False)

    @action(description="Enable…", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[RowT]) -> HttpResponse:
        return self.switch(request, queryset, active=True)

    @action(description="Disable…", permissions=["change"], url_path="disable")
    def disable_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.switch(request, self.one(request, object_id), active=False, object_id=object_id)

    @action(description="Enable…", permissions=["change"], url_path="enable")
    def enable_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.switch(request, self.one(request, object_id), active=True, object_id=object_id)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Of the two only the one that would do something."""
        row = self.get_object(request, str(object_id))
        useless = "enable_this" if row is not None and row.is_active else "disable_this"
        offered: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold's
        return [offer for offer in offered if not offer.action_name.endswith(useless)]

    def one(self, request: HttpRequest, object_id: str) -> QuerySet[RowT]:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return self.model._default_manager.filter(pk=row.pk)

    def switch(
        self, request: HttpRequest, rows: QuerySet[RowT], *, active: bool, object_id: str | None = None
    ) -> HttpResponse:
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        place = reverse(f"admin:{info}_change", args=[object_id]) if object_id else request.get_full_path()
        rows = self.model._default_manager.filter(pk__in=rows.order_by().values("pk"))
        if request.POST.get("confirmed"):
            changed = self.do_switch(request, rows, active=active)
            named = self.opts.verbose_name if len(changed) == 1 else self.opts.verbose_name_plural
            done = "enabled" if active else "disabled"
            messages.success(request, f"{len(changed)} {named} {done}.{'' if active else ' The history stays.'}")
            return HttpResponseRedirect(place)
        of_clients = self.model is Client
        changing: QuerySet[Any] = rows.filter(is_active=not active).order_by("name", "pk")
        if not of_clients:
            changing = changing.select_related("client")
        pipelines = pipelines_switched(changing, active=active).select_related("client").order_by("name", "id")
        rules = apps.get_model("alerting.AlertRule").objects.resting_on(pipelines).select_related("client", "pipeline")
        verb = "Enable" if active else "Disable"
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb} {self.opts.verbose_name_plural}",
            "opts": self.opts,
            "active": active,
            "verb": verb,
            "lists": [
                _shown(changing, _plain if self.model is Client else _of_client),
                _shown(pipelines, _of_client),
                _shown(rules, _watching),
            ],
            "unchanged": rows.count() - changing.count(),
            "of_clients": of_clients,
            "place": place,
            "carried": _carried(request),
        }
        return TemplateResponse(request, "admin/inventory/switch.html", context)

    @transaction.atomic
    def do_switch(self, request: HttpRequest, rows: QuerySet[RowT], *, active: bool) -> list[RowT]:
        changed = set_active(rows, active=active)
        if changed:
            who: Any = request.user.pk
            LogEntry.objects.log_actions(who, changed, CHANGE, [{"changed": {"fields": ["is_active"]}}])
        return changed


def _shown(rows: QuerySet[Any], told: Callable[[Any], tuple[str, str]]) -> dict[str, Any]:
    number = rows.count()
    return {"rows": [told(row) for row in rows[:SHOWN]], "number": number, "more": max(number - SHOWN, 0)}


def _plain(row: Any) -> tuple[str, str]:
    return str(row), ""


def _of_client(pipeline: Any) -> tuple[str, str]:
    return pipeline.name, f"of {pipeline.client}"


def _watching(rule: Any) -> tuple[str, str]:
    watched = f"on {rule.pipeline}" if rule.pipeline else f"on all of {rule.client}"
    return f"{rule.get_rule_type_display()}, to {rule.get_channel_display()} {rule.destination}", watched


def _carried(request: HttpRequest) -> list[tuple[str, str]]:
    """What the list's form said, to be said again with the confirmation."""
    names = ("action", "select_across", "index", ACTION_CHECKBOX_NAME)
    return [(name, value) for name in names for value in request.POST.getlist(name)]
