"""Write changes made through the API to the admin's log, so that an object's history there is complete."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer


def log(request: Request | HttpRequest, instance: Any, action: int, fields: Sequence[str] = ()) -> None:
    """Add an entry like the admin's. `action` is ADDITION, CHANGE or DELETION; a token acts as its service user."""
    LogEntry.objects.create(
        user_id=request.user.pk or 0,
        content_type=ContentType.objects.get_for_model(instance),
        object_id=str(instance.pk),
        object_repr=str(instance)[:200],
        action_flag=action,
        change_message=json.dumps(_MESSAGES[action](fields)),
    )


_MESSAGES: dict[int, Callable[[Sequence[str]], list[dict[str, Any]]]] = {
    ADDITION: lambda fields: [{"added": {}}],
    CHANGE: lambda fields: [{"changed": {"fields": list(fields)}}],
    DELETION: lambda fields: [],
}


class LoggedChanges:
    """Mixin for viewsets: a change and its log entry are one transaction."""

    request: Any
    # The name of the route of one object.
    object_route: str
    # The object of the request.
    found: Any = None

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": self.request.build_absolute_uri(reverse(self.object_route, args=[data["id"]]))}

    @transaction.atomic
    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        self.save_new(serializer)
        self.found = serializer.instance
        log(self.request, serializer.instance, ADDITION)

    def save_new(self, serializer: BaseSerializer[Any]) -> None:
        serializer.save()

    @transaction.atomic
    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        serializer.save()
        if changed := getattr(serializer, "changed", None):
            log(self.request, serializer.instance, CHANGE, changed)

    @transaction.atomic
    def perform_destroy(self, instance: Any) -> None:
        log(self.request, instance, DELETION)
        instance.delete()
