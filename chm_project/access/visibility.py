"""Decide which clients and pipelines a caller may see. Only this module decides it.

A token is bound by its columns `client` and `pipeline`. A user is bound by rows of Binding: the user's own, and those
of the user's groups. A caller gets the same response for an object of another client as for an unknown id.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from chm_project.access.models import ApiToken, Binding

ModelT = TypeVar("ModelT", bound=Model)
_CACHE_ATTRIBUTE = "chm_visibility"


@dataclass(frozen=True, slots=True)
class Visibility:
    """What a caller may see.

    `clients` is None for all clients, and an empty set for no clients. `pipeline` is set if the caller is a token that
    is bound to one pipeline.
    """

    clients: frozenset[UUID] | None = None
    pipeline: UUID | None = None

    @property
    def is_bound(self) -> bool:
        return self.clients is not None or self.pipeline is not None

    def restrict(
        self, queryset: QuerySet[ModelT], *, client_lookup: str, pipeline_lookup: str | None = None
    ) -> QuerySet[ModelT]:
        """Return the visible rows. The lookups lead from a row to the ids of its client and its pipeline.

        If `pipeline_lookup` is None, a caller that is bound to a pipeline sees no rows.
        """
        if self.pipeline is not None:
            return queryset.filter(**{pipeline_lookup: self.pipeline}) if pipeline_lookup else queryset.none()
        if self.clients is None:
            return queryset
        # With `=`, PostgreSQL can read rows from an index in the requested order. With `IN` it cannot.
        if len(self.clients) == 1:
            return queryset.filter(**{client_lookup: next(iter(self.clients))})
        return queryset.filter(**{f"{client_lookup}__in": self.clients})

    def sees_client(self, client_id: UUID | None) -> bool:
        """Return whether the caller may see the client. For None, return whether the caller may see all clients."""
        return not self.is_bound or (self.clients is not None and client_id in self.clients)

    def visible_among(self, client_ids: Iterable[UUID] | None) -> frozenset[UUID] | None:
        """Return which of these clients a user may see. None means all clients, as argument and as result."""
        if client_ids is None:
            return self.clients
        return frozenset(client_ids) if self.clients is None else self.clients & frozenset(client_ids)


UNBOUND = Visibility()


def visibility_of(request: Request | HttpRequest) -> Visibility:
    """Return what the request's token or user may see. The bindings of a user are read once per request."""
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        return _token_visibility(token)
    # Cached on Django's request, because REST framework can wrap the same request several times.
    django_request: Any = request._request if isinstance(request, Request) else request
    if not hasattr(django_request, _CACHE_ATTRIBUTE):
        setattr(django_request, _CACHE_ATTRIBUTE, _user_visibility(request.user))
    visibility: Visibility = getattr(django_request, _CACHE_ATTRIBUTE)
    return visibility


def visible_to(
    request: Request | HttpRequest, queryset: QuerySet[ModelT], *, client_lookup: str, pipeline_lookup: str | None
) -> QuerySet[ModelT]:
    return visibility_of(request).restrict(queryset, client_lookup=client_lookup, pipeline_lookup=pipeline_lookup)


def refuse_bound_callers(request: Request) -> None:
    """Raise PermissionDenied if the caller is bound. For actions about all clients, such as creating a client."""
    if not visibility_of(request).is_bound:
        return
    if isinstance(request.auth, ApiToken):
        raise PermissionDenied("This token is bound to one client or pipeline; use one that is not.")
    raise PermissionDenied(
        "Your account is bound to certain clients, and this request is about all clients. Ask an administrator."
    )


def _token_visibility(token: ApiToken) -> Visibility:
    clients = None if token.client_id is None else frozenset({token.client_id})
    return Visibility(clients, token.pipeline_id)


def _user_visibility(user: Any) -> Visibility:
    """Return the visibility of a user. Superusers are never bound, because they can remove any binding.

    An anonymous user has no bindings either, but views refuse such a user before they read rows.
    """
    if not user.is_authenticated or user.is_superuser:
        return UNBOUND
    bindings = Binding.objects.filter(Q(user=user) | Q(group__user=user)).order_by()
    rows = list(bindings.values_list("pk", "clients"))
    return Visibility(frozenset(client for _, client in rows if client is not None)) if rows else UNBOUND
