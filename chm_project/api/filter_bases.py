"""Typed base classes for django-filter, which has no type hints, so that mypy checks subclasses."""

from typing import Any

from django_filters import rest_framework as _filters  # type: ignore[import-untyped]


class FilterSet(_filters.FilterSet):  # type: ignore[misc]
    base_filters: dict[str, Any]


class Filter(_filters.Filter):  # type: ignore[misc]
    pass


class CharFilter(_filters.CharFilter):  # type: ignore[misc]
    pass


class ChoiceFilter(_filters.ChoiceFilter):  # type: ignore[misc]
    pass


class UUIDFilter(_filters.UUIDFilter):  # type: ignore[misc]
    pass


class FilterBackend(_filters.DjangoFilterBackend):  # type: ignore[misc]
    pass
