"""Let an app add columns to the admin list of another app, and choose the page that each row links to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chm_project.admin_kit.admin_bases import ChangeList, ModelAdmin, display

ModelT = TypeVar("ModelT", bound=Model)

if TYPE_CHECKING:
    _Admin = ModelAdmin
else:

    class _Admin:
        def __class_getitem__(cls, _model: Any) -> type:
            return cls


@dataclass(frozen=True, slots=True)
class ExtraColumns:
    """Columns to show after `after_column`, and the annotations that they read.

    `prepare_rows`, if set, is called with all rows of a page, to set attributes that the columns read.
    """

    after_column: str
    columns: tuple[Callable[..., Any], ...]
    annotations: Mapping[str, Any] = field(default_factory=dict)
    prepare_rows: Callable[[HttpRequest, Sequence[Any]], None] | None = None


class RowPageChangeList(ChangeList):
    """Link each row to its own page if the admin sets `row_page`. The last column then links to the form."""

    @property
    def extended_admin(self) -> "ExtraColumnsMixin[Any]":
        model_admin: Any = self.model_admin
        extended_admin: ExtraColumnsMixin[Any] = model_admin
        return extended_admin

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        self.result_list = rows
        for extra in self.extended_admin.extra_columns:
            if extra.prepare_rows is not None:
                extra.prepare_rows(request, rows)
        filters: Any = {"preserved_filters": self.preserved_filters, "opts": self.opts}
        for row in rows:
            form_url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(row.pk)])
            row.form_url = add_preserved_filters(filters, form_url)
        if self.extended_admin.row_page and not self.is_popup:
            # Only forms use the preserved filters, for their link back to the list. The page of a row has no such link.
            self.preserved_filters = ""

    def url_for_result(self, result: Any) -> str:
        if self.extended_admin.row_page and not self.is_popup:
            return reverse(self.extended_admin.row_page, args=[result.pk])
        return super().url_for_result(result)


class ExtraColumnsMixin(_Admin[ModelT]):
    extra_columns: ClassVar[list[ExtraColumns]] = []
    # The route name of a row's page; its only argument is the row's id. If empty, rows link to the form.
    row_page: ClassVar[str] = ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RowPageChangeList]:
        return RowPageChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        names = list(super().get_list_display(request))
        for extra in self.extra_columns:
            position = names.index(extra.after_column) + 1
            names[position:position] = extra.columns
        if not self.row_page:
            return names
        return [*names, "edit" if self.has_change_permission(request) else "record_link"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelT]:
        rows = super().get_queryset(request)
        for extra in self.extra_columns:
            rows = rows.annotate(**extra.annotations)
        return rows

    @display(description="edit")
    def edit(self, row: Any) -> SafeString:
        return _form_link(row, "Edit")

    @display(description="record")
    def record_link(self, row: Any) -> SafeString:
        return _form_link(row, "Record")


def _form_link(row: Any, link_text: str) -> SafeString:
    return format_html(
        '<a class="chm-link" href="{}">{}<span class="chm-unseen"> {}</span></a>', row.form_url, link_text, row
    )
