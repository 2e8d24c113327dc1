"""Restrict the admin to the rows that the user may see: lists, forms, filters, search and autocomplete."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from chm_project.access.my_clients import ALL_CLIENTS, CLIENTS_PARAMETER, my_clients
from chm_project.access.visibility import visible_to
from chm_project.admin_kit.admin_bases import AutocompleteFilter, ModelAdmin, RadioFilter

ModelT = TypeVar("ModelT", bound=Model)

if TYPE_CHECKING:
    _Admin = ModelAdmin
else:

    class _Admin:
        def __class_getitem__(cls, _model: Any) -> type:
            return cls


class VisibleRowsMixin(_Admin[ModelT]):
    """Restrict an admin to visible rows.

    List this mixin first in the bases of an admin, so that every other base reads only the rows of its get_queryset().
    """

    # The ORM lookup from a row to the id of its client, such as "pipeline__client_id".
    client_lookup: str

    def visible(self, request: HttpRequest, rows: QuerySet[ModelT]) -> QuerySet[ModelT]:
        return visible_to(request, rows, client_lookup=self.client_lookup, pipeline_lookup=None)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelT]:
        return self.visible(request, super().get_queryset(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer and accept only related rows that the user may see."""
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if field is not None and isinstance(related, VisibleRowsMixin):
            field.queryset = related.visible(request, field.queryset)
        return field

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        """Answer 404 for hidden and unknown rows; Django would redirect to the index."""
        raise Http404(f"There is no {opts.verbose_name} with this id.")


class VisibleChoiceFilter(AutocompleteFilter):
    """Autocomplete filter that offers only visible objects."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        remote: Any = self.field.remote_field
        related = self.model_admin.admin_site._registry[remote.model]
        choices: Iterator[Any] = super().choices(changelist)
        for choice in choices:
            field = choice["form"].fields[self.lookup_kwarg]
            field.queryset = related.visible(self.request, field.queryset)
            yield choice


class MyClientsFilter(RadioFilter):
    """Filter a list by the user's own clients, until the user selects "All clients".

    For a user who has chosen no own clients, the filter has no effect.
    """

    title = "my clients"
    parameter_name = CLIENTS_PARAMETER
    all_option = None
    # The ORM lookup from a row to the id of its client.
    client_lookup = "client_id"
    # If the URL has one of these query parameters, the list already shows only one client, so this filter is off.
    overriding_parameters: tuple[str, ...] = ()

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        self.own_clients = my_clients(request)
        self.is_overridden = any(request.GET.get(name) for name in self.overriding_parameters)
        super().__init__(request, params, model, model_admin)

    def has_output(self) -> bool:
        return bool(self.own_clients)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "My clients"), (ALL_CLIENTS, "All clients")]

    def value(self) -> str:
        return ALL_CLIENTS if super().value() == ALL_CLIENTS or not self.own_clients or self.is_overridden else "mine"

    @property
    def clients(self) -> frozenset[UUID] | None:
        """Return the clients that the list is restricted to; None for all."""
        return self.own_clients if self.value() != ALL_CLIENTS else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.clients is None else queryset.filter(**{f"{self.client_lookup}__in": self.clients})


def my_clients_filter(client_lookup: str, *overriding_parameters: str) -> type[MyClientsFilter]:
    """Return the filter class for one list. `list_filter` accepts only classes, so each list needs its own class.

    The filter is off if the URL has one of the query parameters `overriding_parameters`.
    """
    attributes = {"client_lookup": client_lookup, "overriding_parameters": overriding_parameters}
    return type("MyClientsFilter", (MyClientsFilter,), attributes)
