"""How the console names a pipeline away from its client: many clients have an "orders"."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from inventory.models import Client, Pipeline


def with_client(pipeline: Pipeline) -> str:
    return f"{pipeline.name} of {pipeline.client.name}"


class NamedAutocomplete(AutocompleteJsonView):
    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        text = with_client(obj) if isinstance(obj, Pipeline) else str(obj)
        if isinstance(obj, Client | Pipeline) and not obj.is_active:
            text += " (disabled)"
        return {**super().serialize_result(obj, to_field_name), "text": text}


def autocomplete_view(request: HttpRequest) -> HttpResponseBase:
    return NamedAutocomplete.as_view(admin_site=admin.site)(request)
