"""Decide which clients and pipelines a caller may see, for tokens and users. No other module decides it.

A token is bound to a client or a pipeline by its columns, a user by the bindings of the account and its groups. Other
objects are treated as if they did not exist.
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
    """What a caller may see. `clients`: None for all, an empty set for none. `pipeline` is set for a token of one."""

    clients: frozenset[UUID] | None = None
    pipeline: UUID | None = None

    @property
    def is_bound(self) -> bool:
        return self.clients is not None or self.pipeline is not None

    def of(self, queryset: QuerySet[ModelT], *, client: str, pipeline: str | None = None) -> QuerySet[ModelT]:
        """Return the visible rows; `client` and `pipeline` are the paths to their ids.

        Without a path to a pipeline, callers bound to a pipeline see no rows.
        """
        if self.pipeline is not None:
            return queryset.filter(**{pipeline: self.pipeline}) if pipeline else queryset.none()
        if self.clients is None:
            return queryset
        if len(self.clients) == 1:
            return queryset.filter(**{client: next(iter(self.clients))})
        return queryset.filter(**{f"{client}__in": self.clients})

    def sees_client(self, client_id: UUID | None) -> bool:
        """Return whether the client is visible; for None (all clients) whether the caller is unrestricted."""
        return not self.is_bound or (self.clients is not None and client_id in self.clients)

    def within(self, client_ids: Iterable[UUID] | None) -> frozenset[UUID] | None:
        """Return the visible ones among these clients. None means all clients, as argument and as result."""
        if client_ids is None:
            return self.clients
        return frozenset(client_ids) if self.clients is None else self.clients & frozenset(client_ids)


UNBOUND = Visibility()


def visibility_of(request: Request | HttpRequest) -> Visibility:
    """Return what the request's token or user may see. Read once per request."""
    token = getattr(request, "auth", None)
    if isinstance(token, ApiToken):
        return _of_token(token)
    # Cached on Django's request, which all wrappers of REST framework share.
    django_request: Any = request._request if isinstance(request, Request) else request
    if not hasattr(django_request, _CACHE_ATTRIBUTE):
        setattr(django_request, _CACHE_ATTRIBUTE, _of_person(request.user))
    visibility: Visibility = getattr(django_request, _CACHE_ATTRIBUTE)
    return visibility


def visible_to(
    request: Request | HttpRequest, queryset: QuerySet[ModelT], *, client: str, pipeline: str | None
) -> QuerySet[ModelT]:
    return visibility_of(request).of(queryset, client=client, pipeline=pipeline)


def refuse_bound(request: Request) -> None:
    """Raise PermissionDenied for bound callers, for actions such as creating a client."""
    if not visibility_of(request).is_bound:
        return
    if isinstance(request.auth, ApiToken):
        raise PermissionDenied("This token is bound to one client or pipeline; use one that is not.")
    raise PermissionDenied(
        "Your account is bound to certain clients, and this request is about all clients. Ask an administrator."
    )


def _of_token(token: ApiToken) -> Visibility:
    clients = None if token.client_id is None else frozenset({token.client_id})
    return Visibility(clients, token.pipeline_id)


def _of_person(user: Any) -> Visibility:
    """Return the visibility of a user. Superusers are never bound, because they can remove any binding."""
    if not user.is_authenticated or user.is_superuser:
        return UNBOUND
    bindings = Binding.objects.filter(Q(user=user) | Q(group__user=user)).order_by()
    rows = list(bindings.values_list("pk", "clients"))
    return Visibility(frozenset(client for _, client in rows if client is not None)) if rows else UNBOUND
