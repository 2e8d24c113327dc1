"""What a bound token can see: for it, nothing outside its client or pipeline exists."""

from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from chm_project.access.models import ApiToken

ModelT = TypeVar("ModelT", bound=Model)


def visible_to(request: Request, queryset: QuerySet[ModelT], *, client: str, pipeline: str | None) -> QuerySet[ModelT]:
    """The rows that the request may see; `client` and `pipeline` are the paths to their ids.

    Without a path to a pipeline the rows are wider than one, and a token bound to a pipeline sees none of them.
    """
    token = request.auth
    if not isinstance(token, ApiToken) or not token.is_bound:
        return queryset
    if token.client_id is not None:
        return queryset.filter(**{client: token.client_id})
    return queryset.filter(**{pipeline: token.pipeline_id}) if pipeline else queryset.none()


def bound_client(request: Request) -> UUID | None:
    """The client that the request's token is bound to, if it is."""
    return request.auth.client_id if isinstance(request.auth, ApiToken) else None


def refuse_bound_token(request: Request) -> None:
    """For what would lie outside every binding, such as a new client."""
    if isinstance(request.auth, ApiToken) and request.auth.is_bound:
        raise PermissionDenied("This token is bound to one client or pipeline; use one that is not.")
