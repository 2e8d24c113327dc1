"""Define one kind of file to import or export: its columns, its key, and the form that validates its rows."""

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

YES_WORDS, NO_WORDS = {"true", "yes", "1", "y"}, {"false", "no", "0", "n"}


class FlagCell(forms.Field):
    def to_python(self, value: Any) -> bool:
        if (word := str(value).strip().lower()) in YES_WORDS | NO_WORDS:
            return word in YES_WORDS
        raise ValidationError("Write yes or no.")


class ChoiceCell(forms.ChoiceField):
    """A cell that contains a choice, as its value or its label. Case is ignored."""

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
    """Validate the cells of one row. Constraints are checked later, by the database."""

    def _post_clean(self) -> None:
        """Skip constraints: each would need a query per row, and the database checks them when rows are stored."""
        self.instance = construct_instance(self, self.instance, self.Meta.fields)  # type: ignore[attr-defined]
        try:
            self.instance.clean_fields(exclude=self._get_validation_exclusions())  # type: ignore[attr-defined]
        except ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]


class Sheet(Generic[ModelT]):
    """Definition of one kind of file.

    The columns `key` identify a row. Each file must have the columns `required`. A blank cell in a column of
    `unchanged_if_blank` keeps the stored value.
    """

    model: type[ModelT]
    form: type[RowForm[Any]]
    key: tuple[str, ...]
    required: tuple[str, ...]
    unchanged_if_blank: tuple[str, ...]
    # The clients that the user may see. A file that names another client is refused, as if that client did not exist.
    visibility: Visibility = UNBOUND

    def for_visibility(self, visibility: Visibility) -> Self:
        """Return a copy of the sheet for a user with this visibility."""
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
        """Return whether each required column of the key has a value. If not, the row is never a duplicate."""
        return all(cells.get(name, "").strip() for name in self.key if name in self.required)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.form.base_fields)

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Fetch the objects that the rows refer to, in a few queries."""

    def stored_by_key(self, rows: Iterable[Mapping[str, str]]) -> dict[Key, ModelT]:
        """Return the stored rows with the same keys as these rows, by key."""
        raise NotImplementedError

    def form_options(self) -> dict[str, Any]:
        return {}

    def cells(self, row: ModelT) -> dict[str, str]:
        """Return the text of each cell of a stored row, by column."""
        return {column: self._cell(getattr(row, column)) for column in self.columns}

    def default(self, column: str) -> str:
        """Return the default for a new row with a blank cell in this column; empty if the column has none."""
        field: Any = self.model._meta.get_field(column)
        return self._cell(field.get_default()) if column in self.unchanged_if_blank else ""

    def with_related_rows(self, queryset: QuerySet[ModelT]) -> QuerySet[ModelT]:
        """Return the queryset with the related objects that `cells` reads, to avoid a query per row."""
        return queryset

    def _cell(self, value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "" if value is None else str(value)
