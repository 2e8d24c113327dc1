"""Import and export in the console. To import, a user uploads a file, checks the preview, and confirms."""

import re
import secrets
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from chm_project.access.visibility import visibility_of
from chm_project.admin_kit.admin_bases import FileInput, ModelAdmin
from chm_project.admin_kit.import_export.importing import ImportResult, import_rows, joined_names, try_rows
from chm_project.admin_kit.import_export.sheets import FlagCell, Sheet
from chm_project.admin_kit.import_export.tables import (
    MAX_BYTES,
    MAX_ROWS,
    XLSX_TYPE,
    FileRow,
    UnreadableError,
    csv_file_lines,
    read_table,
    xlsx_file,
)

# How long an uploaded file is kept for the confirmation.
UPLOAD_SECONDS = 3600
# A preview lists at most this many faults and at most this many changes. It also shows how many more there are.
MAX_LISTED = 200
ModelT = TypeVar("ModelT", bound=Model)

if TYPE_CHECKING:
    _Admin = ModelAdmin
else:

    class _Admin:
        def __class_getitem__(cls, _model: Any) -> type:
            return cls


class UploadForm(forms.Form):
    file = forms.FileField(
        label="File", help_text=f"CSV in UTF-8, or XLSX; at most {MAX_ROWS:,} rows and {MAX_BYTES // 1024 // 1024} MB.",
        widget=FileInput(attrs={"accept": ".csv,.xlsx,text/csv"}),
    )  # fmt: skip

    def clean_file(self) -> bytes:
        upload = self.cleaned_data["file"]
        if upload.size > MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB; import it in parts.")
        data: bytes = upload.read()
        return data


class ImportExportMixin(_Admin[ModelT]):
    sheet: ClassVar[Sheet[Any]]
    change_list_template = "admin/import_export/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        route_prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        import_and_export = [
            path("import/", view(self.import_view), name=f"{route_prefix}_import"),
            path("export/<str:file_format>/", view(self.export_view), name=f"{route_prefix}_export"),
        ]
        return import_and_export + super().get_urls()

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Require the permissions to add and to change rows, because an import can do both."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(
            request, {**(extra_context or {}), "has_import_permission": self.has_import_permission(request)}
        )

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_import_permission(request):
            raise PermissionDenied
        if "upload_id" in request.POST:
            return self._confirm(request)
        form = UploadForm(request.POST or None, request.FILES or None)
        if not form.is_valid():
            return self._import_page(request, form)
        data = form.cleaned_data["file"]
        try:
            result = try_rows(self.sheet.for_visibility(visibility_of(request)), self._read(data))
        except UnreadableError as error:
            form.add_error("file", str(error))
            return self._import_page(request, form)
        upload_id = secrets.token_hex(16)
        if not result.faults:
            cache.set(self._cache_key(request, upload_id), data, UPLOAD_SECONDS)
        return self._import_page(request, UploadForm(), result, upload_id=upload_id)

    def _confirm(self, request: HttpRequest) -> HttpResponse:
        cache_key = self._cache_key(request, request.POST["upload_id"])
        if (data := cache.get(cache_key)) is None:
            messages.error(request, "The uploaded file has expired. Choose it again.")
            return HttpResponseRedirect(request.path)
        try:
            rows = self._read(data)
        except UnreadableError as error:
            # The preview could read this workbook. On a busy machine, a second reading can still exceed the time limit.
            messages.error(request, f"Nothing was imported. {error}")
            return HttpResponseRedirect(request.path)
        result = import_rows(self.sheet.for_visibility(visibility_of(request)), rows, user_id=request.user.pk)
        if result.faults:
            messages.error(request, "Nothing was imported: the data in CHM has changed since the preview.")
            return self._import_page(request, UploadForm(), result)
        cache.delete(cache_key)
        messages.success(
            request,
            f"Imported {self.opts.verbose_name_plural}: {len(result.additions)} new, {len(result.updates)} changed, "
            f"{result.unchanged_count} unchanged.",
        )
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))

    def _read(self, data: bytes) -> list[FileRow]:
        return read_table(data, columns=self.sheet.columns, required=self.sheet.required)

    def _cache_key(self, request: HttpRequest, upload_id: str) -> str:
        # The key contains the user's id, so that users find only their own uploads. `upload_id` comes from the
        # browser, so it can contain anything. Replace an invalid text by "none", which is never the id of an upload.
        name = upload_id if re.fullmatch("[0-9a-f]{32}", upload_id) else "none"
        return f"import:{self.opts.model_name}:{request.user.pk}:{name}"

    def _import_page(
        self, request: HttpRequest, form: UploadForm, result: ImportResult | None = None, upload_id: str = ""
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Import {self.opts.verbose_name_plural}",
            "opts": self.opts,
            "form": form,
            "columns": column_descriptions(self.sheet),
            "key": joined_names(self.sheet.key),
            "upload_id": upload_id,
            "result": result,
            "media": self.media,
        }
        if result:
            faults, changes = result.fault_groups, result.changes
            context |= {
                "faults": faults[:MAX_LISTED],
                "unlisted_fault_count": len(faults[MAX_LISTED:]),
                "faulty_row_count": len({fault.row_number for fault in result.faults}),
                "changes": changes[:MAX_LISTED],
                "unlisted_change_count": len(changes[MAX_LISTED:]),
            }
        return TemplateResponse(request, "admin/import_export/import.html", context)

    def export_view(self, request: HttpRequest, file_format: str) -> HttpResponse | StreamingHttpResponse:
        """Export the rows of all pages of the list, with its filters and its search."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if file_format not in ("csv", "xlsx"):
            raise Http404
        filtered_rows = self.get_changelist_instance(request).get_queryset(request)
        rows = (self.sheet.cells(row) for row in self.sheet.with_related_rows(filtered_rows).iterator(chunk_size=2000))
        columns = self.sheet.columns
        name = f"{self.opts.verbose_name_plural}-{timezone.now():%Y-%m-%d}.{file_format}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        if file_format == "xlsx":
            return HttpResponse(xlsx_file(columns, rows), content_type=XLSX_TYPE, headers=headers)
        return StreamingHttpResponse(
            csv_file_lines(columns, rows), content_type="text/csv; charset=utf-8", headers=headers
        )


def column_descriptions(sheet: Sheet[Any]) -> list[tuple[str, str]]:
    """Return each column with a text: its allowed values, and its default or whether it is required."""
    descriptions = []
    for name, field in sheet.form.base_fields.items():
        choices = [str(value) for value, _ in getattr(field, "choices", [])]
        value_type = (
            "yes or no"
            if isinstance(field, FlagCell)
            else "whole number"
            if isinstance(field, forms.IntegerField)
            else "text"
        )
        values = ", ".join(choices) or value_type
        default = sheet.default(name)
        required = (
            "required" if name in sheet.required else "required for new rows" if field.required else "may be blank"
        )
        descriptions.append((name, f"{values}; {f'if blank in a new row: {default}' if default else required}"))
    return descriptions
