"""Write changes made through the API to the admin log, so that the history of an object is complete there."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from chm_project.scrubbing import scrub_text

# Maximum length of a value in an entry.
MAX_VALUE_LENGTH = 200
# Maps a field to its values before and after the change, as texts.
Values = dict[str, list[str]]


def value_text(instance: Any, field: str, value: Any) -> str:
    """Return the value of a field as text for the log, shortened and without secrets; empty for None."""
    if (history_value := getattr(instance, "history_value", None)) is not None:
        value = history_value(field, value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    text = scrub_text(str(value))
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[: MAX_VALUE_LENGTH - 1]}…"


def log_change(
    request: Request | HttpRequest, instance: Any, action: int, fields: Sequence[str] = (), values: Values | None = None
) -> None:
    """Add an entry to the admin log. `action` is ADDITION, CHANGE or DELETION.

    The entry has the user of the request. For a request with a token, this is the hidden user of the token.
    """
    message = _MESSAGES[action](fields)
    if values:
        message[0]["changed"]["values"] = values
    # Only users can change objects, so the id is never None. The type of `request.user` includes anonymous users.
    user_id: Any = request.user.pk
    LogEntry.objects.create(
        user_id=user_id,
        content_type=ContentType.objects.get_for_model(instance),
        object_id=str(instance.pk),
        object_repr=str(instance)[:200],  # the maximum length of the column
        action_flag=action,
        change_message=json.dumps(message),
    )


_MESSAGES: dict[int, Callable[[Sequence[str]], list[dict[str, Any]]]] = {
    ADDITION: lambda fields: [{"added": {}}],
    CHANGE: lambda fields: [{"changed": {"fields": list(fields)}}],
    DELETION: lambda fields: [],
}


class LoggedChanges:
    """Mixin for viewsets that stores a change and its log entry in one transaction."""

    request: Any
    # The name of the route of one object, for the header Location of a response to POST.
    location_route: str
    # The object that the request is about.
    api_object: Any = None

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": self.request.build_absolute_uri(reverse(self.location_route, args=[data["id"]]))}

    @transaction.atomic
    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        self.save_new(serializer)
        self.api_object = serializer.instance
        log_change(self.request, serializer.instance, ADDITION)

    def save_new(self, serializer: BaseSerializer[Any]) -> None:
        serializer.save()

    @transaction.atomic
    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        old_values = {name: getattr(serializer.instance, name) for name in serializer.validated_data}
        serializer.save()
        if changed_fields := getattr(serializer, "changed_fields", None):
            row: Any = serializer.instance
            values = {
                name: [value_text(row, name, old_values[name]), value_text(row, name, getattr(row, name))]
                for name in changed_fields
            }
            log_change(self.request, row, CHANGE, changed_fields, values)

    @transaction.atomic
    def perform_destroy(self, instance: Any) -> None:
        # Log first, because a deleted object has no id.
        log_change(self.request, instance, DELETION)
        instance.delete()
