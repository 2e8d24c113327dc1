"""Base classes of the API's views. Each view adds its queryset, serializer, filters and order."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.urls import reverse
from rest_framework.exceptions import AuthenticationFailed, NotFound, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from chm_project.access.visibility import visible_to
from chm_project.api.deprecation import Deprecation, add_deprecation_headers
from chm_project.api.filters import ListFilter, check_parameters, split_values
from chm_project.api.pagination import PARAMETERS, Keyset, requested_limit
from chm_project.api.throttling import throttle_address, throttle_invalid_credentials
from chm_project.db.hot_queries import EarlyRow

FIELDS, ORDERING = "fields", "ordering"

ModelT = TypeVar("ModelT", bound=Model)


def find_or_404(queryset: QuerySet[ModelT], key: object) -> ModelT:
    """Return the row with this key. Raise NotFound if the queryset does not contain it."""
    try:
        return queryset.get(pk=key)
    except ObjectDoesNotExist:
        raise NotFound(f"No {queryset.model._meta.verbose_name} has the id {key}.") from None


def known_fields(chosen: Sequence[str], all_fields: Sequence[str]) -> list[str]:
    """Return the chosen fields in the order of `all_fields`. Raise ValidationError if one is unknown."""
    if unknown := [name for name in chosen if name not in all_fields]:
        raise ValidationError({FIELDS: [f"Unknown field: {unknown[0]}. Known fields: {', '.join(all_fields)}."]})
    return [name for name in all_fields if name in chosen]


def keep_fields(serializer: Any, names: list[str]) -> None:
    """Keep only these fields in the response."""
    chosen = known_fields(names, list(serializer.fields))
    for name in [name for name in serializer.fields if name not in chosen]:
        serializer.fields.pop(name)


def raise_errors(errors: Mapping[str, Any]) -> None:
    """Raise ValidationError if a form or a serializer found errors."""
    if errors:
        raise ValidationError(dict(errors))


class StrictView(APIView):
    """View that refuses unknown query parameters, and checks the method before the permissions."""

    def known_parameters(self) -> Iterable[str]:
        return ()

    def repeatable_parameters(self) -> Container[str]:
        """Return the parameters that may have several values."""
        return ()

    def parameter_checks(self, request: Request) -> Iterable[Callable[[], object]]:
        """Return functions that each check some query parameters and raise ValidationError."""
        yield lambda: check_parameters(request, self.known_parameters(), self.repeatable_parameters())

    # The query parameters that will be removed.
    deprecated_parameters: Mapping[str, Deprecation] = {}

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        # Shared caches must not store data that only some callers may see. A client may keep a copy and check the ETag.
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        if (rate_limit := getattr(request._request, "rate_limit", None)) is not None:
            for header, value in rate_limit.headers.items():
                answer.headers[header] = value
        for name, deprecation in self.deprecated_parameters.items():
            if name in request.query_params:
                add_deprecation_headers(answer, deprecation, request.build_absolute_uri(reverse("docs")))
        return answer

    early_row: EarlyRow | None = None

    def get_early_row(self) -> EarlyRow | None:
        """Return the row to read together with the caller's token, if the answer needs only one row."""
        return None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.early_row = self.get_early_row()
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS":
            check_parameters(request, self.known_parameters(), self.repeatable_parameters())

    def handle_exception(self, exc: Exception) -> Any:
        """If a GET request is refused, return the errors of all its parameters, not only those of the first check."""
        if isinstance(exc, ValidationError) and isinstance(exc.detail, dict) and self.request.method in SAFE_METHODS:
            problems: dict[str, Any] = {}
            for check in self.parameter_checks(self.request):
                try:
                    check()
                except ValidationError as error:
                    problems |= error.detail if isinstance(error.detail, dict) else {}
            exc = ValidationError({**exc.detail, **problems})
        return super().handle_exception(exc)

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            # Count only requests with a wrong token, so that they do not limit valid tokens of the same address.
            throttle_invalid_credentials(request)
            raise
        if self.authentication_classes and request.auth is None and not request.user.is_authenticated:
            throttle_address(request)

    def check_permissions(self, request: Request) -> None:
        # Answer 405 before 403, because no permission allows a method that does not exist.
        if request.user.is_authenticated and request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        super().check_permissions(request)


class ApiViewSet(StrictView, GenericViewSet[Any]):
    lookup_url_kwarg: str
    # ORM lookups from a row to the ids of its client and its pipeline. The second is None if rows have no pipeline.
    client_lookup: str
    pipeline_lookup: str | None
    # The default order of a list, and the order for each value of `ordering`.
    keyset: Keyset
    orderings: Mapping[str, Keyset] = {}
    filterset_class: Any = None
    # Returns the approximate number of bytes of a row; None if rows are always small.
    row_bytes: Callable[[Any], int] | None = None
    required_scope: str | None = None
    # The actions that support `fields`.
    actions_with_fields: Container[str] = ("list", "retrieve")

    def known_parameters(self) -> Iterable[str]:
        sparse = [FIELDS] if self.supports_fields else []
        if self.action != "list":
            return sparse
        filters = self.filterset_class.base_filters if self.filterset_class else ()
        ordering = [ORDERING] if self.orderings else []
        return [*filters, *PARAMETERS, *ordering, *sparse]

    def repeatable_parameters(self) -> Container[str]:
        filters = self.filterset_class.base_filters if self.filterset_class else {}
        return {FIELDS, *(name for name, accepted in filters.items() if isinstance(accepted, ListFilter))}

    def parameter_checks(self, request: Request) -> Iterable[Callable[[], object]]:
        yield from super().parameter_checks(request)
        if self.supports_fields:
            yield self.get_serializer
        if self.action != "list":
            return
        if self.filterset_class:
            yield lambda: raise_errors(self.filterset_class(request.query_params, request=request).form.errors)
        yield lambda: requested_limit(request)
        yield self.get_keyset

    @property
    def supports_fields(self) -> bool:
        return self.action in self.actions_with_fields

    @property
    def default_ordering(self) -> str:
        return next(name for name, keyset in self.orderings.items() if keyset == self.keyset)

    def get_keyset(self) -> Keyset:
        chosen = self.request.query_params.get(ORDERING)
        if chosen is None:
            return self.keyset
        if chosen not in self.orderings:
            raise ValidationError({ORDERING: [f"Give one of: {', '.join(self.orderings)}."]})
        return self.orderings[chosen]

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer = super().get_serializer(*args, **kwargs)
        chosen = self.request.query_params.getlist(FIELDS) if self.supports_fields and self.request else []
        if chosen:
            keep_fields(getattr(serializer, "child", serializer), split_values(chosen))
        return serializer

    def take(self, rows: QuerySet[Any], row_count: int) -> QuerySet[Any]:
        """Return the first `row_count` rows. The rows are filtered and sorted, and start after the cursor."""
        return rows[:row_count]

    def get_queryset(self) -> Any:
        return visible_to(
            self.request, super().get_queryset(), client_lookup=self.client_lookup, pipeline_lookup=self.pipeline_lookup
        )

    def get_object(self) -> Any:
        row = find_or_404(self.get_queryset(), self.kwargs[self.lookup_url_kwarg])
        self.check_object_permissions(self.request, row)
        return row
