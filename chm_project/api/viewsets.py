"""What every view of the API shares; a view adds its queryset, serializer, filters and order."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from chm_project.access.visibility import visible_to
from chm_project.api.filters import check_parameters
from chm_project.api.pagination import PARAMETERS, Keyset
from chm_project.api.throttling import count_refusal, throttle_address

ModelT = TypeVar("ModelT", bound=Model)


def find(queryset: QuerySet[ModelT], key: object) -> ModelT:
    try:
        return queryset.get(pk=key)
    except ObjectDoesNotExist:
        raise NotFound(f"No {queryset.model._meta.verbose_name} has the id {key}.") from None


class StrictView(APIView):
    """Refuses query parameters that nobody reads, and methods that do not exist before asking who may use them."""

    def known_parameters(self) -> Iterable[str]:
        return ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.authentication_classes:
            throttle_address(request)
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS":
            check_parameters(request, self.known_parameters())

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            count_refusal(request)
            raise

    def check_permissions(self, request: Request) -> None:
        if request.user.is_authenticated and request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        super().check_permissions(request)


class ApiViewSet(StrictView, GenericViewSet[Any]):
    # The paths from its rows to the ids of their client and pipeline; see visible_to.
    lookup_url_kwarg: str
    client_path: str
    pipeline_path: str | None
    keyset: Keyset
    filterset_class: Any = None
    required_scope: str | None = None

    def known_parameters(self) -> Iterable[str]:
        if self.action != "list":
            return ()
        filters = self.filterset_class.base_filters if self.filterset_class else ()
        return [*filters, *PARAMETERS]

    def get_keyset(self) -> Keyset:
        return self.keyset

    def take(self, rows: QuerySet[Any], number: int) -> QuerySet[Any]:
        """The first of the rows, which are filtered, sorted and begin behind the cursor."""
        return rows[:number]

    def get_queryset(self) -> Any:
        return visible_to(self.request, super().get_queryset(), client=self.client_path, pipeline=self.pipeline_path)

    def get_object(self) -> Any:
        found = find(self.get_queryset(), self.kwargs[self.lookup_url_kwarg])
        self.check_object_permissions(self.request, found)
        return found
