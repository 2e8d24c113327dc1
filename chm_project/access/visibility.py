"""What a bound token can see: for it, nothing outside its client or pipeline exists."""

from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from chm_project.access.models import ApiToken

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(frozen=True, slots=True)
class Binding:
    """The client or pipeline that a token is limited to; both are None without a limit."""

    client_id: Any = None
    pipeline_id: Any = None


UNBOUND = Binding()


def binding_of(request: Request) -> Binding:
    token = request.auth
    return Binding(token.client_id, token.pipeline_id) if isinstance(token, ApiToken) and token.is_bound else UNBOUND


def visible_to(
    request: Request | Binding, queryset: QuerySet[ModelT], *, client: str, pipeline: str | None
) -> QuerySet[ModelT]:
    """The rows that the request may see; `client` and `pipeline` are the paths to their ids.

    Without a path to a pipeline the rows are wider than one, and a token bound to a pipeline sees none of them.
    """
    binding = request if isinstance(request, Binding) else binding_of(request)
    if binding.client_id is not None:
        return queryset.filter(**{client: binding.client_id})
    if binding.pipeline_id is not None:
        return queryset.filter(**{pipeline: binding.pipeline_id}) if pipeline else queryset.none()
    return queryset


def bound_client(request: Request) -> UUID | None:
    """The client that the request's token is bound to, if it is."""
    return request.auth.client_id if isinstance(request.auth, ApiToken) else None


def refuse_bound_token(request: Request) -> None:
    """For what would lie outside every binding, such as a new client."""
    if isinstance(request.auth, ApiToken) and request.auth.is_bound:
        raise PermissionDenied("This token is bound to one client or pipeline; use one that is not.")
