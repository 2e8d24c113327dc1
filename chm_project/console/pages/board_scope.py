"""The board's filters, as they stand in the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404
from django.http.request import QueryDict
from django.shortcuts import get_object_or_404

from inventory.models import Client, Environment, Platform


@dataclass(frozen=True, slots=True)
class BoardScope:
    """What is empty does not restrict."""

    client_id: UUID | None = None
    platform: str = ""
    environment: str = ""
    as_of: datetime | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """As the shapes take them."""
        return {
            "client_id": self.client_id,
            "platform": self.platform or None,
            "environment": self.environment or None,
            "as_of": self.as_of,
        }

    @property
    def query(self) -> str:
        """The address's part behind the path; empty without a filter."""
        given = {"client": self.client_id, "platform": self.platform, "environment": self.environment}
        found = urlencode({name: value for name, value in given.items() if value})
        return f"?{found}" if found else ""


def read_scope(query: QueryDict | Mapping[str, str]) -> BoardScope:
    """Raises Http404 for what no filter offers: a wrong address must not look like an empty board."""
    client, platform, environment = (query.get(name, "") for name in ("client", "platform", "environment"))
    if (platform and platform not in Platform.values) or (environment and environment not in Environment.values):
        raise Http404("There is no such platform or environment.")
    try:
        client_id = UUID(client) if client else None
    except ValueError:
        raise Http404("There is no such client.") from None
    return BoardScope(client_id, platform, environment)


def choices(scope: BoardScope) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer, value and label, and a disabled client where the address names it; Http404 for none."""
    clients = [(str(pk), name) for pk, name in Client.objects.active().order_by("name").values_list("pk", "name")]
    if scope.client_id and str(scope.client_id) not in dict(clients):
        disabled = get_object_or_404(Client, pk=scope.client_id)
        clients.append((str(disabled.pk), f"{disabled.name} (disabled)"))
    return {
        "client": clients,
        "platform": list(Platform.choices),
        "environment": list(Environment.choices),
    }
