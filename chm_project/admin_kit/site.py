"""The admin site: Unfold's site with better labels in autocomplete fields.

If a user sends a form after the session has ended, the site keeps the input.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest
from django.urls import reverse

from chm_project.api.error_pages import session_ended

if TYPE_CHECKING:
    _UnfoldSite = admin.AdminSite
else:
    from unfold.sites import UnfoldAdminSite as _UnfoldSite


class LabelledAutocomplete(AutocompleteJsonView):
    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        label = getattr(obj, "autocomplete_label", None)
        return {**super().serialize_result(obj, to_field_name), "text": label() if label else str(obj)}


class ConsoleSite(_UnfoldSite):
    # CHM's own pages show the same text for an empty value.
    empty_value_display = "–"

    def autocomplete_view(self, request: HttpRequest) -> Any:
        return LabelledAutocomplete.as_view(admin_site=self)(request)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Keep a form's input if the session ended before the form was sent."""
        checked_view = super().admin_view(view, cacheable)

        def view_or_session_ended(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.method == "POST" and not request.user.is_authenticated and request.path != self.logout_path():
                return session_ended(request)
            return checked_view(request, *args, **kwargs)

        return update_wrapper(view_or_session_ended, checked_view)

    def logout_path(self) -> str:
        return reverse("admin:logout", current_app=self.name)
