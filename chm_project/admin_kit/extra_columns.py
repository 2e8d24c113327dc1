"""Columns that an app higher up adds to the list of an app below it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from chm_project.admin_kit.admin_bases import ModelAdmin

ModelT = TypeVar("ModelT", bound=Model)

if TYPE_CHECKING:
    _Admin = ModelAdmin
else:

    class _Admin:
        def __class_getitem__(cls, _model: Any) -> type:
            return cls


@dataclass(frozen=True, slots=True)
class ExtraColumns:
    """Columns to show behind the column `after`, and the annotations of the queryset that they read."""

    after: str
    columns: tuple[Callable[..., Any], ...]
    annotations: Mapping[str, Any]


class ExtraColumnsMixin(_Admin[ModelT]):
    extra_columns: ClassVar[list[ExtraColumns]] = []

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        names = list(super().get_list_display(request))
        for extra in self.extra_columns:
            place = names.index(extra.after) + 1
            names[place:place] = extra.columns
        return names

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelT]:
        rows = super().get_queryset(request)
        for extra in self.extra_columns:
            rows = rows.annotate(**extra.annotations)
        return rows
