"""Enable and disable rows from a list or a form. A page asks for confirmation and lists the consequences."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst

from chm_project.admin_kit.admin_bases import ModelAdmin, action

# The page lists at most this many rows. Below them it shows how many more there are.
MAX_LISTED_ROWS = 20
RowT = TypeVar("RowT", bound=Model)


@dataclass(frozen=True, slots=True)
class ListedRows:
    """The rows that the page lists below a heading: the number of all rows, and the texts of the first rows.

    The texts of a row are its name and a detail, which may be empty.
    """

    heading: str
    texts: list[tuple[str, str]]
    row_count: int

    @property
    def unlisted_count(self) -> int:
        return self.row_count - len(self.texts)


@dataclass(frozen=True, slots=True)
class Consequence:
    """One effect of enabling or disabling rows: a sentence about the effect, and the affected rows."""

    sentence: str
    affected_rows: ListedRows | None = None


# A function that describes one effect. It receives the rows that will change, and whether they will be active.
ConsequenceFunction = Callable[[QuerySet[Any], bool], Consequence]
_CONSEQUENCE_FUNCTIONS: list[ConsequenceFunction] = []


def register_consequence(function: ConsequenceFunction) -> ConsequenceFunction:
    """Register a function that describes one effect. The page lists the effects in the order of registration."""
    _CONSEQUENCE_FUNCTIONS.append(function)
    return function


def listed_rows(
    heading: str, rows: QuerySet[Any], row_count: int, describe: Callable[[Any], tuple[str, str]]
) -> ListedRows:
    """Return the list of rows below the heading. `describe` returns the name and the detail of a row."""
    return ListedRows(heading, [describe(row) for row in rows[:MAX_LISTED_ROWS]], row_count)


if TYPE_CHECKING:
    _Admin = ModelAdmin
else:
    # Each admin that uses the mixin is a ModelAdmin. This class only makes EnableDisableMixin[...] work at run time.
    class _Admin:
        def __class_getitem__(cls, _model: Any) -> type:
            return cls


class EnableDisableMixin(_Admin[RowT]):
    actions = ("disable", "enable")
    actions_detail = ("disable_this", "enable_this")

    @action(description="Disable…", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[RowT]) -> HttpResponse:
        return self.enable_or_disable(request, queryset, active=False)

    @action(description="Enable…", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[RowT]) -> HttpResponse:
        return self.enable_or_disable(request, queryset, active=True)

    @action(description="Disable…", permissions=["change"], url_path="disable")
    def disable_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.enable_or_disable(request, self.single_row(request, object_id), active=False, object_id=object_id)

    @action(description="Enable…", permissions=["change"], url_path="enable")
    def enable_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.enable_or_disable(request, self.single_row(request, object_id), active=True, object_id=object_id)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer only the action that changes the row: "Disable" for an active row, else "Enable"."""
        row = self.get_object(request, str(object_id))
        hidden_action = "enable_this" if getattr(row, "is_active", False) else "disable_this"
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold's
        return [action for action in actions if not action.action_name.endswith(hidden_action)]

    def single_row(self, request: HttpRequest, object_id: str) -> QuerySet[RowT]:
        # get_object() returns None for an unknown row, and for a row that the user may not see.
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return self.model._default_manager.filter(pk=row.pk)

    def describe_row(self, row: RowT) -> tuple[str, str]:
        """Return the two texts that the page shows for a row: its name and a detail, which may be empty."""
        return str(row), ""

    def apply(self, rows: QuerySet[RowT], *, active: bool) -> list[RowT]:
        """Enable or disable the rows. Return those that changed."""
        raise NotImplementedError

    def enable_or_disable(
        self, request: HttpRequest, rows: QuerySet[RowT], *, active: bool, object_id: str | None = None
    ) -> HttpResponse:
        route_prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        back_url = reverse(f"admin:{route_prefix}_change", args=[object_id]) if object_id else request.get_full_path()
        # Drop the annotations of the list, because PostgreSQL cannot lock the rows of a query with GROUP BY.
        rows = self.model._default_manager.filter(pk__in=rows.order_by().values("pk"))
        if request.POST.get("confirmed"):
            changed_rows = self._apply_and_log(request, rows, active=active)
            noun = self.opts.verbose_name if len(changed_rows) == 1 else self.opts.verbose_name_plural
            participle = "enabled" if active else "disabled"
            messages.success(
                request, f"{len(changed_rows)} {noun} {participle}.{'' if active else ' The history stays.'}"
            )
            return HttpResponseRedirect(back_url)
        rows_to_change = self.get_queryset(request).filter(pk__in=rows.values("pk"), is_active=not active)
        rows_to_change = rows_to_change.order_by("name", "pk")
        row_count = rows_to_change.count()
        verb = "Enable" if active else "Disable"
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb} {self.opts.verbose_name_plural}",
            "opts": self.opts,
            "active": active,
            "verb": verb,
            "listed_rows": listed_rows(
                capfirst(str(self.opts.verbose_name_plural)), rows_to_change, row_count, self.describe_row
            ),
            "consequences": [describe(rows_to_change, active) for describe in _CONSEQUENCE_FUNCTIONS]
            if row_count
            else [],
            "unchanged_count": rows.count() - row_count,
            "back_url": back_url,
            "list_form_values": _list_form_values(request),
        }
        return TemplateResponse(request, "admin/enable_disable.html", context)

    @transaction.atomic
    def _apply_and_log(self, request: HttpRequest, rows: QuerySet[RowT], *, active: bool) -> list[RowT]:
        changed_rows = self.apply(rows, active=active)
        if changed_rows:
            user_id: Any = request.user.pk
            values = {"is_active": ["no", "yes"] if active else ["yes", "no"]}
            message = [{"changed": {"fields": ["is_active"], "values": values}}]
            LogEntry.objects.log_actions(user_id, changed_rows, CHANGE, message)
        return changed_rows


def _list_form_values(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields of the list's form. The confirmation page sends them again."""
    names = ("action", "select_across", "index", ACTION_CHECKBOX_NAME)
    return [(name, value) for name in names for value in request.POST.getlist(name)]
