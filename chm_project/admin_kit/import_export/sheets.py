"""Define what a file to import or export contains: its columns, its key, and the form of a row."""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Choices, Model, QuerySet
from django.forms.models import construct_instance

from chm_project.access.visibility import UNBOUND, Visibility

ModelT = TypeVar("ModelT", bound=Model)
Key = tuple[Any, ...]

YES, NO = {"true", "yes", "1", "y"}, {"false", "no", "0", "n"}


class FlagCell(forms.Field):
    def to_python(self, value: Any) -> bool:
        if (word := str(value).strip().lower()) in YES | NO:
            return word in YES
        raise ValidationError("Write yes or no.")


class ChoiceCell(forms.ChoiceField):
    """A choice by value or label; case is ignored."""

    def __init__(self, choices: type[Choices]) -> None:
        allowed = ", ".join(choices.values)
        super().__init__(
            choices=[(word, word) for word in choices.values],
            error_messages={
                "invalid_choice": f"“%(value)s” is not valid. Use one of: {allowed}.",
                "required": f"Write one of: {allowed}.",
            },
        )
        self.value_by_label = {str(label).lower(): str(value) for value, label in choices.choices}

    def to_python(self, value: Any) -> str:
        word = str(super().to_python(value)).strip().lower()
        return self.value_by_label.get(word, word)


if TYPE_CHECKING:

    class _RowForm(forms.ModelForm[ModelT], Generic[ModelT]):
        pass
else:

    class _RowForm(forms.ModelForm):
        def __class_getitem__(cls, _model: Any) -> type:
            return cls


class RowForm(_RowForm[ModelT]):
    """Validate one row by itself; the database checks it together with others."""

    def _post_clean(self) -> None:
        """Skip constraints, each of which is a query per row: the database checks them when rows are stored."""
        self.instance = construct_instance(self, self.instance, self.Meta.fields)  # type: ignore[attr-defined]
        try:
            self.instance.clean_fields(exclude=self._get_validation_exclusions())  # type: ignore[attr-defined]
        except ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]


class Sheet(Generic[ModelT]):
    """One kind of file. A key identifies each row; a blank cell of `unchanged_if_blank` keeps the stored value."""

    model: type[ModelT]
    form: type[RowForm[Any]]
    key: tuple[str, ...]
    required: tuple[str, ...]
    unchanged_if_blank: tuple[str, ...]
    # Rows of other clients are treated as unknown: a file that names those clients is refused.
    visibility: Visibility = UNBOUND

    def for_visibility(self, visibility: Visibility) -> Self:
        """Return a copy of the sheet for one user's import."""
        sheet = copy(self)
        sheet.visibility = visibility
        return sheet

    def key_of(self, cells: Mapping[str, str]) -> Key:
        values = []
        for name in self.key:
            cell, field = cells.get(name, "").strip(), self.form.base_fields[name]
            values.append(field.to_python(cell) if isinstance(field, ChoiceCell) else cell)
        return tuple(values)

    def has_key(self, cells: Mapping[str, str]) -> bool:
        """Return whether a row has a key; rows without one are never duplicates."""
        return all(cells.get(name, "").strip() for name in self.key if name in self.required)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.form.base_fields)

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Fetch the objects that the rows refer to, in few queries."""

    def stored(self, rows: Iterable[Mapping[str, str]]) -> dict[Key, ModelT]:
        """Return the stored objects that the rows refer to, by key."""
        raise NotImplementedError

    def form_options(self) -> dict[str, Any]:
        return {}

    def cells(self, row: ModelT) -> dict[str, str]:
        """Return a stored row as cells."""
        return {column: self._cell(getattr(row, column)) for column in self.columns}

    def default(self, column: str) -> str:
        """Return the value of a blank `unchanged_if_blank` column in a new row."""
        field: Any = self.model._meta.get_field(column)
        return self._cell(field.get_default()) if column in self.unchanged_if_blank else ""

    def rows(self, queryset: QuerySet[ModelT]) -> QuerySet[ModelT]:
        """Return the queryset with the related objects that `cells` reads."""
        return queryset

    def _cell(self, value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "" if value is None else str(value)
