"""Validate each row of a file. Then store all rows. If a row has a fault, store no row."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, IntegrityError, transaction
from django.db.models import Model

from chm_project.admin_kit.import_export.sheets import Key, Sheet
from chm_project.admin_kit.import_export.tables import FileRow
from chm_project.db.constraint_errors import violated_constraint_messages

# Maximum number of row numbers to list for a fault that several rows share.
MAX_ROW_NUMBERS = 10


@dataclass(frozen=True, slots=True)
class RowFault:
    """A fault in one cell, or in the whole row if `column` is empty."""

    row_number: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """A fault that several rows share."""

    column: str
    message: str
    row_numbers: list[int]

    @property
    def row_numbers_text(self) -> str:
        """Return the first ten row numbers and the number of the others as text: "2, 3, ..., 11 and 6 more"."""
        listed, unlisted_count = self.row_numbers[:MAX_ROW_NUMBERS], len(self.row_numbers) - MAX_ROW_NUMBERS
        return ", ".join(map(str, listed)) + (f" and {unlisted_count:,} more" if unlisted_count > 0 else "")


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that the import adds or changes. `values` maps each changed column to its old and new value."""

    row_number: int
    instance: Model
    is_new: bool
    values: dict[str, tuple[str, str]]


@dataclass(slots=True)
class ImportResult:
    faults: list[RowFault] = field(default_factory=list)
    changes: list[RowChange] = field(default_factory=list)
    unchanged_count: int = 0

    @property
    def fault_groups(self) -> list[FaultGroup]:
        """Return the faults, grouped by column and message, in the order of their first rows."""
        row_numbers_by_fault: dict[tuple[str, str], list[int]] = {}
        for fault in self.faults:
            row_numbers_by_fault.setdefault((fault.column, fault.message), []).append(fault.row_number)
        return [
            FaultGroup(column, message, row_numbers) for (column, message), row_numbers in row_numbers_by_fault.items()
        ]

    @property
    def additions(self) -> list[RowChange]:
        return [change for change in self.changes if change.is_new]

    @property
    def updates(self) -> list[RowChange]:
        return [change for change in self.changes if not change.is_new]


def try_rows(sheet: Sheet[Any], rows: Sequence[FileRow]) -> ImportResult:
    """Return the result that an import would have: import the rows, then roll back."""
    with transaction.atomic():
        result = _import(sheet, rows)
        transaction.set_rollback(True)
    return result


def import_rows(sheet: Sheet[Any], rows: Sequence[FileRow], *, user_id: Any) -> ImportResult:
    """Store all rows with their log entries, or none if a row has a fault."""
    with transaction.atomic():
        result = _import(sheet, rows)
        if result.faults:
            transaction.set_rollback(True)
        else:
            _log(result, user_id)
    return result


def _import(sheet: Sheet[Any], rows: Sequence[FileRow]) -> ImportResult:
    result = ImportResult()
    cells = [row.cells for row in rows]
    # Read the objects that the rows refer to in a few queries, instead of in one query per row.
    sheet.prepare(cells)
    stored_rows = sheet.stored_by_key(cells)
    row_number_by_key: dict[Key, int] = {}
    for row in rows:
        key = sheet.key_of(row.cells) if sheet.has_key(row.cells) else None
        if row.faults:
            result.faults += [RowFault(row.number, column, message) for column, message in row.faults]
        elif key in row_number_by_key:
            message = f"Row {row_number_by_key[key]} has the same {joined_names(sheet.key)}."
            result.faults.append(RowFault(row.number, sheet.key[-1], message))
        else:
            _validate(sheet, row, stored_rows.get(key) if key else None, result)
        # Also remember the key of a row with a fault, so that a later row with the same key is reported.
        if key:
            row_number_by_key.setdefault(key, row.number)
    _store(result)
    result.faults.sort(key=lambda fault: fault.row_number)
    return result


def joined_names(names: Sequence[str]) -> str:
    """Return the names as "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _validate(sheet: Sheet[Any], row: FileRow, stored_row: Any, result: ImportResult) -> None:
    instance = stored_row if stored_row is not None else sheet.model()
    old_cells = sheet.cells(instance) if stored_row is not None else dict.fromkeys(sheet.columns, "")
    defaults = old_cells if stored_row is not None else {column: sheet.default(column) for column in sheet.columns}
    row_cells = {
        column: cell for column, cell in row.cells.items() if cell.strip() or column not in sheet.unchanged_if_blank
    }
    form = sheet.form({**defaults, **row_cells}, instance=instance, **sheet.form_options())
    if not form.is_valid():
        for column, messages in form.errors.items():
            result.faults += [
                RowFault(row.number, column if column in sheet.columns else "", str(message)) for message in messages
            ]
        return
    new_cells = sheet.cells(form.instance)
    values = {
        column: (old_cells[column], new_cells[column])
        for column in sheet.columns
        if old_cells[column] != new_cells[column]
    }
    if values:
        result.changes.append(RowChange(row.number, form.instance, stored_row is None, values))
    else:
        result.unchanged_count += 1


def _store(result: ImportResult) -> None:
    """Store all rows at once. If the database refuses, store them one by one to find the refused rows."""
    try:
        with transaction.atomic():
            for model, changes in _by_model(result.additions).items():
                model._default_manager.bulk_create([change.instance for change in changes])
            for change in result.updates:
                _save(change)
    except (IntegrityError, DataError):
        for change in result.changes:
            _store_one(change, result)


def _by_model(changes: Sequence[RowChange]) -> dict[type[Model], list[RowChange]]:
    changes_by_model: dict[type[Model], list[RowChange]] = {}
    for change in changes:
        changes_by_model.setdefault(type(change.instance), []).append(change)
    return changes_by_model


def _store_one(change: RowChange, result: ImportResult) -> None:
    try:
        with transaction.atomic():
            _save(change)
    except IntegrityError as error:
        # A constraint on several columns reports one error per column. Usually the last column is the one to correct.
        details = violated_constraint_messages(error) or {"": ["The database refuses this row."]}
        column, messages = list(details.items())[-1]
        result.faults.append(RowFault(change.row_number, column, messages[0]))
    except DataError:
        result.faults.append(RowFault(change.row_number, "", "The database cannot store this row."))


def _save(change: RowChange) -> None:
    """Save only the changed columns, because ingestion updates other columns of the same row."""
    if change.is_new:
        change.instance.save(force_insert=True)
    else:
        change.instance.save(update_fields=[*change.values, "updated_at"])


def _log(result: ImportResult, user_id: Any) -> None:
    if new_rows := [change.instance for change in result.additions]:
        LogEntry.objects.log_actions(user_id, new_rows, ADDITION, [{"added": {}}])
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_id,
            content_type=ContentType.objects.get_for_model(change.instance),
            object_id=str(change.instance.pk),
            object_repr=str(change.instance)[:200],  # the maximum length of the column
            action_flag=CHANGE,
            change_message=json.dumps([{"changed": {"fields": list(change.values), "values": change.values}}]),
        )
        for change in result.updates
    )
