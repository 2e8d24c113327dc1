"""Describe the change in an entry of the admin log, with labels instead of column names."""

import json
from typing import Any

from django.contrib.admin.models import LogEntry
from django.core.exceptions import FieldDoesNotExist
from django.utils.text import capfirst

BLANK = "blank"


def changed_fields(entry: LogEntry) -> list[tuple[str, str, str]]:
    """Return the label, the old value and the new value of each changed field.

    Return an empty list if the entry contains no values or describes more than one object.
    """
    changed = _single_change(entry)
    return [
        (_label(entry, name), _value_text(entry, name, old_value), _value_text(entry, name, new_value))
        for name, (old_value, new_value) in changed.get("values", {}).items()
    ]


def change_text(entry: LogEntry) -> str:
    """Return the change as one line: "Active: yes to no", "Changed: known failure.", "Added." or "Deleted."."""
    if values := changed_fields(entry):
        return "; ".join(
            f"{label}: {old_value or BLANK} to {new_value or BLANK}" for label, old_value, new_value in values
        )
    if fields := _single_change(entry).get("fields"):
        return f"Changed: {', '.join(_label(entry, name).lower() for name in fields)}."
    return entry.get_change_message() or "Deleted."


def _single_change(entry: LogEntry) -> dict[str, Any]:
    try:
        message = json.loads(entry.change_message)
    except ValueError:
        return {}
    if not isinstance(message, list) or len(message) != 1:
        return {}
    change: dict[str, Any] = message[0].get("changed", {})
    return {} if "object" in change else change


def _field(entry: LogEntry, name: str) -> Any:
    """Return the model's field; None if the model has no such field or no longer exists."""
    model: Any = entry.content_type.model_class() if entry.content_type else None
    try:
        return model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return None


def _label(entry: LogEntry, name: str) -> str:
    """Return the label of a field, such as "Active" for is_active.

    `name` can be a field's name or its label, because Django's admin forms write the labels of changed fields.
    """
    field = _field(entry, name)
    label = str(field.verbose_name) if field is not None else name.replace("_", " ")
    return str(capfirst(label.removeprefix("is ").removeprefix("Is ")))


def _value_text(entry: LogEntry, name: str, value: str) -> str:
    """Return the label of a choice, such as "Vendor API" for vendor_api; any other value unchanged."""
    field = _field(entry, name)
    choices: dict[Any, Any] = dict(field.flatchoices) if field is not None and field.choices else {}
    return str(choices.get(value, value))
