"""Typed wrappers of factory-boy's Sequence and SubFactory, which have no types."""

from collections.abc import Callable
from typing import Any

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

__all__ = ["DjangoModelFactory", "related", "sequence"]


def sequence(make: Callable[[int], object]) -> Any:
    return Sequence(make)  # type: ignore[no-untyped-call]


def related(factory: type[DjangoModelFactory[Any]]) -> Any:
    return SubFactory(factory)  # type: ignore[no-untyped-call]
