"""Serializer fields that accept only values of their type. For example, the text "1" is not a number."""

import math
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chm_project.access.visibility import visible_to
from chm_project.api.times import INVALID_TIME, parse_time
from chm_project.api.web_addresses import is_web_address

# The scrubber reads payloads only to this depth (see scrubbing.payloads).
MAX_DEPTH = 64


class TextField(serializers.CharField):
    """A text that is stored unchanged, with any spaces at its start and end. Blank only if the field allows it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and not data.strip() and not self.allow_blank:
            self.fail("blank")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WebAddressField(TextField):
    """A URL that a page may link to."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_web_address(text):
            raise serializers.ValidationError("Give an http:// or https:// address.")
        return text


class WholeNumberField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        # isinstance() would accept True.
        if type(data) is not int:
            self.fail("invalid")
        return data


class FlagField(serializers.BooleanField):
    default_error_messages = {"invalid": "Give true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class StrictChoiceField(serializers.ChoiceField):
    """One of a field's choices."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(f"Give one of: {', '.join(self.choices)}.", code="invalid_choice")
        return data


class TimeField(serializers.DateTimeField):
    def to_internal_value(self, value: Any) -> datetime:
        try:
            if isinstance(value, str):
                return parse_time(value)
        except ValueError:
            pass
        raise serializers.ValidationError(INVALID_TIME, code="invalid")


@extend_schema_field(OpenApiTypes.OBJECT)
class JsonObjectField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Give a JSON object, or null.", code="invalid")
        if problem := _storage_problem(data):
            raise serializers.ValidationError(problem, code="invalid")
        return data


class IdField(serializers.PrimaryKeyRelatedField[Model]):
    """The id of another object that the caller may see. The field is named like the column: client_id.

    The lookups lead from the other object to the ids of its client and its pipeline.
    """

    default_error_messages = {"does_not_exist": "Nothing has this id."}

    def __init__(
        self, *, queryset: QuerySet[Any], client_lookup: str, pipeline_lookup: str | None, **kwargs: Any
    ) -> None:
        self.client_lookup, self.pipeline_lookup = client_lookup, pipeline_lookup
        super().__init__(queryset=queryset, pk_field=serializers.UUIDField(), **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data == "":  # a form sends this for an empty value
            self.fail("incorrect_type", data_type="str")
        return super().run_validation(data)

    def get_queryset(self) -> QuerySet[Model]:
        queryset = super().get_queryset()
        assert queryset is not None  # noqa: S101  # the constructor requires it
        return visible_to(
            self.context["request"], queryset, client_lookup=self.client_lookup, pipeline_lookup=self.pipeline_lookup
        )


def _storage_problem(data: object) -> str | None:
    """Return why this JSON cannot be scrubbed and stored unchanged; None if it can."""
    level: list[object] = [data]
    depth = 0
    # Read level by level, because recursion over deep JSON would exhaust the stack.
    while level:
        next_level: list[object] = []
        for value in level:
            if isinstance(value, dict | list) and depth == MAX_DEPTH:
                return f"Nest at most {MAX_DEPTH} levels."
            if isinstance(value, dict):
                next_level += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                next_level += value
            elif isinstance(value, str):
                if "\0" in value:
                    return "Null characters are not allowed."
                if any("\ud800" <= character <= "\udfff" for character in value):
                    return "Half of a surrogate pair is not allowed."
            elif isinstance(value, float) and not math.isfinite(value):
                return "A number is too large."
        level, depth = next_level, depth + 1
    return None
