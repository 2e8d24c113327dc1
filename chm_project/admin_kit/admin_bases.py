"""Typed base classes for the admin. mypy does not read Unfold's code, so it sees Django's classes instead."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.admin.views.main import ChangeList as DjangoChangeList
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils.text import capfirst

from chm_project.admin_kit.changed_values import changed_values

T = TypeVar("T")
P = ParamSpec("P")


if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
    ChangeList = DjangoChangeList
    FileInput = forms.FileInput
    CheckboxSelectMultiple = forms.CheckboxSelectMultiple
    InlineFormSet = forms.BaseInlineFormSet
    BooleanFilter = ChoicesFilter = admin.FieldListFilter
    RadioFilter = admin.SimpleListFilter

    class AutocompleteFilter(admin.RelatedFieldListFilter):
        request: HttpRequest
        model_admin: Any

    def action(
        *, description: str, permissions: Sequence[str] = (), url_path: str = "", icon: str = ""
    ) -> Callable[[T], T]: ...

    def display(
        *, description: str = "", ordering: str = "", label: Mapping[str, str] | None = None
    ) -> Callable[[Callable[P, T]], Callable[P, T]]: ...
else:
    from django.contrib.admin.widgets import AutocompleteSelect as _AutocompleteSelect
    from django.contrib.admin.widgets import AutocompleteSelectMultiple as _AutocompleteSelectMultiple
    from unfold.admin import ModelAdmin as _ModelAdmin
    from unfold.admin import TabularInline as _TabularInline
    from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, ChoicesDropdownFilter
    from unfold.contrib.filters.admin import RadioFilter as _RadioFilter
    from unfold.decorators import action as action
    from unfold.decorators import display as display
    from unfold.forms import PaginationInlineFormSet
    from unfold.views import ChangeList as ChangeList
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminFileFieldWidget

    class ValidKeysMixin:
        """Leave out selected keys that are not valid, such as "x" for a UUID; the query for their labels would fail."""

        def optgroups(self, name, value, attr=None):
            return super().optgroups(name, [key for key in value if self._is_valid(key)], attr)

        def _is_valid(self, key):
            try:
                self.field.target_field.to_python(key)
            except ValidationError:
                return False
            return True

    class AutocompleteSelect(ValidKeysMixin, _AutocompleteSelect):
        pass

    class AutocompleteSelectMultiple(ValidKeysMixin, _AutocompleteSelectMultiple):
        pass

    class AutocompleteFieldsMixin:
        """Use the two widgets above for the autocomplete fields of a form."""

        def formfield_for_foreignkey(self, db_field, request, **kwargs):
            if db_field.name in self.get_autocomplete_fields(request):
                kwargs.setdefault("widget", AutocompleteSelect(db_field, self.admin_site, using=kwargs.get("using")))
            return super().formfield_for_foreignkey(db_field, request, **kwargs)

        def formfield_for_manytomany(self, db_field, request, **kwargs):
            if db_field.name in self.get_autocomplete_fields(request):
                kwargs.setdefault(
                    "widget", AutocompleteSelectMultiple(db_field, self.admin_site, using=kwargs.get("using"))
                )
            return super().formfield_for_manytomany(db_field, request, **kwargs)

    # Django's stubs make these classes generic; __class_getitem__ allows ModelAdmin[Run] at run time too.
    class ModelAdmin(AutocompleteFieldsMixin, _ModelAdmin):
        def __class_getitem__(cls, _model: Any) -> type:
            return cls

        def get_changelist_instance(self, request):
            """Answer 400 for an unknown filter value, because Django would show the unfiltered list."""
            # The database refuses texts with a NUL. Django ignores a search for such a text.
            filters = (values for name, values in request.GET.lists() if name != SEARCH_VAR)
            if any("\0" in value for values in filters for value in values):
                raise BadRequest("This address has a filter value that does not exist.")
            try:
                return super().get_changelist_instance(request)
            except IncorrectLookupParameters:
                raise BadRequest("This address has a filter value that does not exist.") from None

        def construct_change_message(self, request, form, formsets, add=False):
            """Add the values before and after the change, which the history shows."""
            message = super().construct_change_message(request, form, formsets, add)
            for part in message:
                # A part with "object" describes a row of an inline. Such a row has its own form.
                if not add and "changed" in part and "object" not in part["changed"]:
                    part["changed"]["values"] = changed_values(form)
            return message

    class TabularInline(AutocompleteFieldsMixin, _TabularInline):
        def __class_getitem__(cls, _model: Any) -> type:
            return cls

    class PlainHeadingMixin:
        """Give a filter the heading "Active" instead of Unfold's "By is active"."""

        def choices(self, changelist):
            for choice in super().choices(changelist):
                for field in choice["form"].fields.values():
                    field.label = capfirst(self.title.removeprefix("is "))
                yield choice

    class AutocompleteFilter(PlainHeadingMixin, AutocompleteSelectFilter):
        pass

    class BooleanFilter(PlainHeadingMixin, BooleanRadioFilter):
        pass

    class RadioFilter(PlainHeadingMixin, _RadioFilter):
        pass

    FileInput = UnfoldAdminFileFieldWidget
    CheckboxSelectMultiple = UnfoldAdminCheckboxSelectMultipleWidget

    class InlineFormSet(PaginationInlineFormSet):
        def __class_getitem__(cls, _models: Any) -> type:
            return cls

        def get_page_num(self):
            try:
                return super().get_page_num()
            except ValueError:  # Unfold checks isnumeric(), which is true for ²
                return 1

    class ChoicesFilter(PlainHeadingMixin, ChoicesDropdownFilter):
        """Refuse a value that is not one of the choices, before it becomes part of a query."""

        def queryset(self, request, queryset):
            if (value := self.value()) and value not in dict(self.field.flatchoices):
                raise IncorrectLookupParameters
            return super().queryset(request, queryset)


class ReadOnlyMixin:
    """Make the rows of an admin, such as runs, read-only for all users."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class SystemFieldsMixin:
    """Show the fields that CHM sets at the end of the form of a stored row. Admins can add names to `system_fields`."""

    system_fields: tuple[str, ...] = ("id", "created_at", "updated_at")
    system_field_labels: ClassVar[Mapping[str, str]] = {
        "is_active": "active",
        "id": "id in CHM",
        "created_at": "created",
        "updated_at": "updated",
    }

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form with labels in plain words; Django would derive them from the column names."""
        labels = dict(self.system_field_labels)
        return super().get_form(request, obj, change=change, labels=labels, **kwargs)  # type: ignore[misc]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)  # type: ignore[misc]
        if obj is None:
            return fieldsets
        return [*fieldsets, ("Record", {"fields": self.system_fields})]


class NoHardDeleteMixin:
    """Refuse deletion. Clients and pipelines are disabled instead, so that their history is kept."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class SameClientInNextFormMixin:
    """Select the same client in the next form after "Save and add another"."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> Any:
        return _select_client_in_next_form(request, obj, super().response_add(request, obj, post_url_continue))  # type: ignore[misc]

    def response_change(self, request: HttpRequest, obj: Any) -> Any:
        return _select_client_in_next_form(request, obj, super().response_change(request, obj))  # type: ignore[misc]


def _select_client_in_next_form(request: HttpRequest, obj: Any, response: Any) -> Any:
    if "_addanother" not in request.POST or response.status_code != 302 or obj.client_id is None:
        return response
    address = response.headers["Location"]
    response.headers["Location"] = f"{address}{'&' if '?' in address else '?'}client={obj.client_id}"
    return response
