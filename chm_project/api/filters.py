"""Filters that refuse unknown and invalid parameters. Otherwise a misspelt filter would return all rows."""

import contextlib
import re
from collections.abc import Callable, Container, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet, TextChoices
from drf_spectacular.utils import extend_schema_field
from rest_framework import exceptions
from rest_framework.request import Request

from chm_project.api import filter_bases
from chm_project.api.times import parse_time

# Maximum number of values of one parameter.
MAX_VALUES = 100
SEVERAL_VALUES = "Accepts several values: separate them by commas, or repeat the parameter."


def check_parameters(request: Request, known_names: Iterable[str], repeatable: Container[str] = ()) -> None:
    """Raise ValidationError for query parameters that are unknown, empty, or repeated but not in `repeatable`."""
    known_names = set(known_names)
    problems: dict[str, list[str]] = {}
    for name, values in request.query_params.lists():
        if name not in known_names:
            problems[name] = [f"Unknown parameter. {_known_parameters(known_names)}"]
        elif len(values) > 1 and name not in repeatable:
            problems[name] = ["Give this parameter once."]
        elif not all(values):
            problems[name] = ["Give this parameter a value, or leave it out."]
    if problems:
        raise exceptions.ValidationError(problems)


def _known_parameters(names: Iterable[str]) -> str:
    return f"Known parameters: {', '.join(sorted(names))}." if names else "This address has no parameters."


class StrictFilterBackend(filter_bases.FilterBackend):
    """Apply filters only to lists. Other requests accept no filters."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        if view.action != "list":
            return queryset
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered

    def to_html(self, request: Request, queryset: QuerySet[Model], view: Any) -> None:
        """Show no filter form in the browsable API, because it would send empty parameters."""


class TimeFormField(forms.Field):
    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            return parse_time(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class FlagFormField(forms.Field):
    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        with contextlib.suppress(KeyError):
            return {"true": True, "false": False}[value]
        raise ValidationError("Give true or false.")


class TimeFilter(filter_bases.Filter):
    field_class = TimeFormField

    def __init__(self, *, help_text: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        extend_schema_field({"type": "string", "format": "date-time", "description": help_text})(self)


class FlagFilter(filter_bases.Filter):
    field_class = FlagFormField

    def __init__(self, *, help_text: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        extend_schema_field({"type": "boolean", "description": help_text})(self)


class IdFilter(filter_bases.UUIDFilter):
    pass


class TextFilter(filter_bases.CharFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Stored names can start or end with spaces, so keep these spaces in the filter too.
        super().__init__(*args, strip=False, **kwargs)


class OneChoiceFilter(filter_bases.ChoiceFilter):
    """Select rows whose field has the chosen value. Refuse a value that is not one of the choices."""

    def __init__(self, choices: type[TextChoices], **kwargs: Any) -> None:
        message = f"Give one of: {', '.join(choices.values)}."
        super().__init__(choices=choices.choices, error_messages={"invalid_choice": message}, **kwargs)


class ListWidget(forms.TextInput):
    """Read all values of a parameter: `status=failed,running` and `status=failed&status=running` are the same."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return split_values(data.getlist(name))


class ListField(forms.Field):
    widget = ListWidget

    def __init__(self, *, parse: Callable[[str], Any], **kwargs: Any) -> None:
        self.parse = parse
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> list[Any]:
        if len(value) > MAX_VALUES:
            raise ValidationError(f"Give at most {MAX_VALUES} values.")
        try:
            return list(dict.fromkeys(self.parse(part) for part in value))
        except ValueError as error:
            raise ValidationError(str(error)) from error


class ListFilter(filter_bases.Filter):
    """Select rows with one of several values."""

    field_class = ListField

    def __init__(self, parse: Callable[[str], Any], items: dict[str, Any], help_text: str = "", **kwargs: Any) -> None:
        super().__init__(parse=parse, **kwargs)
        description = f"{help_text} {SEVERAL_VALUES}".strip()
        extend_schema_field({"type": "array", "items": items, "description": description})(self)

    def filter(self, queryset: QuerySet[Any], value: list[Any]) -> QuerySet[Any]:
        if not value:
            return queryset
        # With `=`, PostgreSQL can read rows from an index in the requested order. With `IN` it cannot.
        if len(value) == 1:
            return queryset.filter(**{str(self.field_name): value[0]})
        return queryset.filter(**{f"{self.field_name}__in": value})


class SeveralChoicesFilter(ListFilter):
    """Select rows whose field has one of these choices."""

    def __init__(self, choices: type[TextChoices], **kwargs: Any) -> None:
        def parse_choice(text: str) -> str:
            if text not in choices.values:
                raise ValueError(f"Give one of: {', '.join(choices.values)}.")
            return text

        super().__init__(parse_choice, {"type": "string", "enum": list(choices.values)}, **kwargs)


class IdsFilter(ListFilter):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_parse_id, {"type": "string", "format": "uuid"}, **kwargs)


def _parse_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("Give a UUID.") from None


def split_values(values: Iterable[str]) -> list[str]:
    """Return the values of a parameter that is repeated, or that contains several values separated by commas."""
    return [part for value in values for part in value.split(",")]


def parse_limit(text: str, *, maximum: int) -> int:
    # int() alone would accept signs, spaces, underscores and digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= maximum:
        raise exceptions.ValidationError({"limit": [f"Give a whole number from 1 to {maximum}."]})
    return int(text)
