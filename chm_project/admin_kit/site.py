"""The admin site: Unfold's, with autocomplete fields that show a model's own `autocomplete_label()`."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest

if TYPE_CHECKING:
    _UnfoldSite = admin.AdminSite
else:
    from unfold.sites import UnfoldAdminSite as _UnfoldSite


class LabelledAutocomplete(AutocompleteJsonView):
    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        label = getattr(obj, "autocomplete_label", None)
        return {**super().serialize_result(obj, to_field_name), "text": label() if label else str(obj)}


class ConsoleSite(_UnfoldSite):
    def autocomplete_view(self, request: HttpRequest) -> Any:
        return LabelledAutocomplete.as_view(admin_site=self)(request)
