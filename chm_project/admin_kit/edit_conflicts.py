"""Refuse to save a form of the console if its row has changed since the form was opened.

The API does the same with ETag and If-Match.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

# The hidden field of the form with the updated_at of the row that the form shows.
VERSION_FIELD = "shown_version"


class EditConflictMixin:
    """Add the version of the row to the form, and compare the version when the form is saved.

    After the error, the form contains the current version. So a user who saves again replaces the other change.
    """

    change_form_before_template = "admin/shown_version.html"
    model: Any
    opts: Any

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if row is None or request.method != "POST" or not connection.in_atomic_block:
            return row
        # Lock the row until the form is saved, and read it again: another user may have changed it before the lock.
        self.model._base_manager.select_for_update(of=("self",)).values_list("pk").get(pk=row.pk)
        return super().get_object(request, object_id, from_field)  # type: ignore[misc]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class: Any = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        shown_version = request.POST.get(VERSION_FIELD)
        if obj is None or shown_version is None or shown_version == obj.updated_at.isoformat():
            return form_class
        message = self._conflict_message(obj)

        class ChangedRowForm(form_class):  # type: ignore[misc]
            def clean(self) -> Any:
                self.add_error(None, ValidationError(message, code="edit_conflict"))
                return super().clean()

        return ChangedRowForm

    def _conflict_message(self, row: Any) -> SafeString:
        history_url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", args=[row.pk])
        return format_html(
            'This {} has changed since you opened the form. <a class="chm-link" href="{}">The history</a> shows the '
            "change. If you save again, your values replace it.",
            self.opts.verbose_name,
            history_url,
        )
