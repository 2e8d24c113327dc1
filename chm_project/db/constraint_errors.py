"""Turn violations of named constraints into messages for the fields to correct."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core import exceptions
from django.db import IntegrityError, models
from django.db.models import F, Q
from django.db.models.constraints import BaseConstraint
from psycopg.errors import Diagnostic, ForeignKeyViolation, NotNullViolation


def uniqueness_errors(instance: models.Model) -> dict[str, list[str]]:
    """Return the messages of all uniqueness constraints that the unsaved values violate, by field.

    The database checks them again when it stores the row, but reports only the first violation.
    """
    messages_by_field: dict[str, list[str]] = {}
    for constraint in instance._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            try:
                constraint.validate(type(instance), instance)
            except exceptions.ValidationError as error:
                _add_message(messages_by_field, fields_of(type(instance), constraint), error.messages[0])
    return messages_by_field


def violated_constraint_messages(error: IntegrityError) -> dict[str, list[str]] | None:
    """Return the message of the violated constraint by field.

    Return None or an empty dict if the user cannot correct the violation.
    """
    cause = error.__cause__
    diagnostic: Diagnostic | None = getattr(cause, "diag", None)
    if diagnostic is None:
        return None
    messages_by_field: dict[str, list[str]] = {}
    for model, constraint in _constraints():
        if constraint.name == diagnostic.constraint_name:
            _add_message(messages_by_field, fields_of(model, constraint), str(constraint.get_violation_error_message()))
            return messages_by_field
    if isinstance(cause, NotNullViolation):
        return {diagnostic.column_name or "": ["This field is required."]}
    if isinstance(cause, ForeignKeyViolation):
        return {
            field: ["This refers to something that does not exist."] for field in _violated_foreign_keys(diagnostic)
        }
    return None


def fields_of(model: type[models.Model], constraint: BaseConstraint) -> list[str]:
    """Return the names of the constraint's fields in the API. Leave out foreign keys if there are other fields."""
    return [getattr(field, "attname", field.name) for field in _correctable_fields(model, constraint)]


def form_fields_of(instance: models.Model, constraint: BaseConstraint) -> list[str]:
    """Return the form fields that show the error.

    For a uniqueness constraint, this is its last field. For another constraint, these are its empty fields, or all its
    fields if none is empty.
    """
    names = [field.name for field in _correctable_fields(type(instance), constraint)]
    if isinstance(constraint, models.UniqueConstraint):
        return names[-1:]
    return [name for name in names if getattr(instance, name) is None] or names


def _correctable_fields(model: type[models.Model], constraint: BaseConstraint) -> list[Any]:
    fields = [model._meta.get_field(name) for name in dict.fromkeys(_referenced_fields(constraint))]
    return [field for field in fields if not field.is_relation] or fields


def _violated_foreign_keys(diagnostic: Diagnostic) -> Iterator[str]:
    """Yield the field of the violated foreign key. Django's name of the constraint contains the field's column."""
    for model in apps.get_models():
        if model._meta.db_table == diagnostic.table_name:
            for field in model._meta.concrete_fields:
                if field.is_relation and f"_{field.column}_" in (diagnostic.constraint_name or ""):
                    yield field.attname


def _constraints() -> Iterator[tuple[type[models.Model], BaseConstraint]]:
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            yield model, constraint


def _referenced_fields(constraint: BaseConstraint) -> Iterator[str]:
    if isinstance(constraint, models.UniqueConstraint):
        yield from constraint.fields
        for expression in constraint.expressions:
            yield from _field_names(expression)
    elif isinstance(constraint, models.CheckConstraint) and isinstance(constraint.condition, Q):
        yield from sorted(constraint.condition.referenced_base_fields)


def _field_names(expression: Any) -> Iterator[str]:
    if isinstance(expression, F):
        yield str(getattr(expression, "name"))  # noqa: B009  # missing in the stubs
    else:
        for source in expression.get_source_expressions():
            yield from _field_names(source)


def _add_message(messages_by_field: dict[str, list[str]], fields: list[str], message: str) -> None:
    for field in fields:
        messages_by_field.setdefault(field, []).append(message)
