"""The clients that a user's board and lists show by default. The user can always show all visible clients instead."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest

from chm_project.access.models import MyClient
from chm_project.access.visibility import visibility_of

# With the query `?clients=all`, a page shows all visible clients.
CLIENTS_PARAMETER, ALL_CLIENTS = "clients", "all"
_CACHE_ATTRIBUTE = "chm_my_clients"


def my_clients(request: HttpRequest) -> frozenset[UUID]:
    """Return the visible clients that the user has chosen; empty if none. The query runs once per request."""
    if not hasattr(request, _CACHE_ATTRIBUTE):
        user: Any = request.user
        ids = MyClient.objects.filter(user=user).values_list("client_id", flat=True) if user.is_authenticated else ()
        setattr(request, _CACHE_ATTRIBUTE, visibility_of(request).visible_among(ids))
    own_clients: frozenset[UUID] = getattr(request, _CACHE_ATTRIBUTE)
    return own_clients


def shown_clients(request: HttpRequest) -> frozenset[UUID] | None:
    """Return the clients that a page shows: the user's filter, else all visible clients. None means all clients."""
    own_clients = my_clients(request) if request.GET.get(CLIENTS_PARAMETER) != ALL_CLIENTS else frozenset()
    return own_clients or visibility_of(request).clients


@transaction.atomic
def save_my_clients(user: AbstractBaseUser, client_ids: Collection[UUID]) -> None:
    """Replace the clients of the user's filter. An empty collection clears the filter."""
    MyClient.objects.filter(user_id=user.pk).exclude(client_id__in=client_ids).delete()
    rows = [MyClient(user_id=user.pk, client_id=client_id) for client_id in client_ids]
    # ignore_conflicts keeps the clients that are stored already.
    MyClient.objects.bulk_create(rows, ignore_conflicts=True)
