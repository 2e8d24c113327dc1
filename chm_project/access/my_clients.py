"""The clients that a person's board and lists start with: a filter the person keeps, which restricts nothing."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest

from chm_project.access.models import MyClient
from chm_project.access.visibility import visibility_of

# The query parameter that shows all clients in place of one's own.
PARAMETER, ALL = "clients", "all"
_KEPT = "chm_my_clients"


def my_clients(request: HttpRequest) -> frozenset[UUID]:
    """Return those of the person's clients that are still visible; empty without a filter. Read once per request."""
    if not hasattr(request, _KEPT):
        user: Any = request.user
        kept = MyClient.objects.filter(user=user).values_list("client_id", flat=True) if user.is_authenticated else ()
        setattr(request, _KEPT, visibility_of(request).within(kept))
    found: frozenset[UUID] = getattr(request, _KEPT)
    return found


def shown_clients(request: HttpRequest) -> frozenset[UUID] | None:
    """Return the clients that a page of the request is about: one's own unless its address says all; None for all."""
    mine = my_clients(request) if request.GET.get(PARAMETER) != ALL else frozenset()
    return mine or visibility_of(request).clients


@transaction.atomic
def keep_my_clients(user: AbstractBaseUser, client_ids: Collection[UUID]) -> None:
    """Replace the person's clients; none of them clears the filter."""
    MyClient.objects.filter(user_id=user.pk).exclude(client_id__in=client_ids).delete()
    rows = [MyClient(user_id=user.pk, client_id=client_id) for client_id in client_ids]
    MyClient.objects.bulk_create(rows, ignore_conflicts=True)
