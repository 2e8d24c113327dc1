"""Compare the values of an admin form before and after a change, for the history."""

from typing import Any

from django import forms
from django.db.models import Model

from chm_project.api.history import Values, value_text


def changed_values(form: Any) -> Values:
    """Return the changed fields of a valid form, without passwords."""
    changes: Values = {}
    for name in form.changed_data:
        field = form.fields[name]
        if "password" not in name and not field.widget.is_hidden:
            old_value, new_value = form.initial.get(name), form.cleaned_data.get(name)
            changes[name] = [_value_text(form.instance, name, field, value) for value in (old_value, new_value)]
    return changes


def _value_text(instance: Any, name: str, field: Any, value: Any) -> str:
    if isinstance(field, forms.ModelMultipleChoiceField):
        return ", ".join(sorted(str(row) for row in value or ()))
    if isinstance(field, forms.ModelChoiceField):
        # The initial value of a foreign key is an id.
        if value is not None and not isinstance(value, Model):
            related_rows: Any = field.queryset
            value = related_rows.filter(pk=value).first() or value
    elif isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        value = dict(choices).get(value, value)
    return value_text(instance, name, value)
