"""Turn violations of named constraints into errors by field."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core import exceptions
from django.db import IntegrityError, models
from django.db.models import F, Q
from django.db.models.constraints import BaseConstraint
from psycopg.errors import Diagnostic, ForeignKeyViolation, NotNullViolation


def clashes(instance: models.Model) -> dict[str, list[str]]:
    """Return the message of each uniqueness rule that the unsaved values break, by field.

    The database checks the rules again when the row is saved, but reports only the first.
    """
    details: dict[str, list[str]] = {}
    for constraint in instance._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            try:
                constraint.validate(type(instance), instance)
            except exceptions.ValidationError as error:
                _add(details, fields_of(type(instance), constraint), error.messages[0])
    return details


def violation(error: IntegrityError) -> dict[str, list[str]] | None:
    """Return the violated rule's message by field; None or empty if the rule is internal."""
    cause = error.__cause__
    diagnostic: Diagnostic | None = getattr(cause, "diag", None)
    if diagnostic is None:
        return None
    details: dict[str, list[str]] = {}
    for model, constraint in _constraints():
        if constraint.name == diagnostic.constraint_name:
            _add(details, fields_of(model, constraint), str(constraint.get_violation_error_message()))
            return details
    if isinstance(cause, NotNullViolation):
        return {diagnostic.column_name or "": ["This field is required."]}
    if isinstance(cause, ForeignKeyViolation):
        return {field: ["This refers to something that does not exist."] for field in _foreign_keys(diagnostic)}
    return None


def fields_of(model: type[models.Model], constraint: BaseConstraint) -> list[str]:
    """Return the API's names of the fields to correct. Foreign keys are left out if there are other fields."""
    return [getattr(field, "attname", field.name) for field in _correctable_fields(model, constraint)]


def form_fields_of(instance: models.Model, constraint: BaseConstraint) -> list[str]:
    """Return the form fields that show the error.

    For a uniqueness rule this is its last field; for other rules the empty fields, or all if none is empty.
    """
    names = [field.name for field in _correctable_fields(type(instance), constraint)]
    if isinstance(constraint, models.UniqueConstraint):
        return names[-1:]
    return [name for name in names if getattr(instance, name) is None] or names


def _correctable_fields(model: type[models.Model], constraint: BaseConstraint) -> list[Any]:
    fields = [model._meta.get_field(name) for name in dict.fromkeys(_references(constraint))]
    return [field for field in fields if not field.is_relation] or fields


def _foreign_keys(diagnostic: Diagnostic) -> Iterator[str]:
    """Yield the violated foreign key. Django's names of foreign keys contain the column."""
    for model in apps.get_models():
        if model._meta.db_table == diagnostic.table_name:
            for field in model._meta.concrete_fields:
                if field.is_relation and f"_{field.column}_" in (diagnostic.constraint_name or ""):
                    yield field.attname


def _constraints() -> Iterator[tuple[type[models.Model], BaseConstraint]]:
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            yield model, constraint


def _references(constraint: BaseConstraint) -> Iterator[str]:
    if isinstance(constraint, models.UniqueConstraint):
        yield from constraint.fields
        for expression in constraint.expressions:
            yield from _names(expression)
    elif isinstance(constraint, models.CheckConstraint) and isinstance(constraint.condition, Q):
        yield from sorted(constraint.condition.referenced_base_fields)


def _names(expression: Any) -> Iterator[str]:
    if isinstance(expression, F):
        yield str(getattr(expression, "name"))  # noqa: B009  # missing in the stubs
    else:
        for source in expression.get_source_expressions():
            yield from _names(source)


def _add(details: dict[str, list[str]], fields: list[str], message: str) -> None:
    for field in fields:
        details.setdefault(field, []).append(message)
