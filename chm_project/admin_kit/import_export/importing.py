"""Validate each row of a file. Then store all rows, or no row if one of them has a fault."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, IntegrityError, transaction
from django.db.models import Model

from chm_project.admin_kit.import_export.sheets import Key, Sheet
from chm_project.admin_kit.import_export.tables import Row
from chm_project.db.constraint_errors import violated_rule_messages

# Maximum number of row numbers to list for a fault that several rows share.
MAX_ROW_NUMBERS = 10


@dataclass(frozen=True, slots=True)
class RowFault:
    """A fault in one cell, or in the whole row if `column` is empty."""

    number: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """A fault that several rows share. `numbers` contains their row numbers."""

    column: str
    message: str
    numbers: list[int]

    @property
    def rows(self) -> str:
        """Return the first row numbers and the number of the others as text: "2, 3 and 5 more"."""
        listed, unlisted_count = self.numbers[:MAX_ROW_NUMBERS], len(self.numbers) - MAX_ROW_NUMBERS
        return ", ".join(map(str, listed)) + (f" and {unlisted_count:,} more" if unlisted_count > 0 else "")


@dataclass(frozen=True, slots=True)
class Change:
    """The row that the import stores. `fields` maps each changed column to its old and new value."""

    number: int
    row: Model
    is_new: bool
    fields: dict[str, tuple[str, str]]


@dataclass(slots=True)
class ImportResult:
    faults: list[RowFault] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0

    @property
    def fault_groups(self) -> list[FaultGroup]:
        """Return the faults, grouped by column and message, in the order of their first rows."""
        numbers_by_kind: dict[tuple[str, str], list[int]] = {}
        for fault in self.faults:
            numbers_by_kind.setdefault((fault.column, fault.message), []).append(fault.number)
        return [FaultGroup(*kind, numbers) for kind, numbers in numbers_by_kind.items()]

    @property
    def new(self) -> list[Change]:
        return [change for change in self.changes if change.is_new]

    @property
    def changed(self) -> list[Change]:
        return [change for change in self.changes if not change.is_new]


def try_rows(sheet: Sheet[Any], rows: Sequence[Row]) -> ImportResult:
    """Return the result that an import would have: import the rows, then roll back."""
    with transaction.atomic():
        result = _import(sheet, rows)
        transaction.set_rollback(True)
    return result


def import_rows(sheet: Sheet[Any], rows: Sequence[Row], *, user_id: Any) -> ImportResult:
    """Store all rows with their log entries, or none if a row has a fault."""
    with transaction.atomic():
        result = _import(sheet, rows)
        if result.faults:
            transaction.set_rollback(True)
        else:
            _log(result, user_id)
    return result


def _import(sheet: Sheet[Any], rows: Sequence[Row]) -> ImportResult:
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
        # Remember also a row with a fault, so that a later row with the same key is reported.
        if key:
            row_number_by_key.setdefault(key, row.number)
    _store(result)
    result.faults.sort(key=lambda fault: fault.number)
    return result


def joined_names(names: Sequence[str]) -> str:
    """Return the names as "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _validate(sheet: Sheet[Any], row: Row, stored_row: Any, result: ImportResult) -> None:
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
    fields = {
        column: (old_cells[column], new_cells[column])
        for column in sheet.columns
        if old_cells[column] != new_cells[column]
    }
    if fields:
        result.changes.append(Change(row.number, form.instance, stored_row is None, fields))
    else:
        result.unchanged += 1


def _store(result: ImportResult) -> None:
    """Store all rows at once. If the database refuses, store them one by one to find the refused rows."""
    try:
        with transaction.atomic():
            for model, changes in _by_model(result.new).items():
                model._default_manager.bulk_create([change.row for change in changes])
            for change in result.changed:
                _save(change)
    except (IntegrityError, DataError):
        for change in result.changes:
            _store_one(change, result)


def _by_model(changes: Sequence[Change]) -> dict[type[Model], list[Change]]:
    by_model: dict[type[Model], list[Change]] = {}
    for change in changes:
        by_model.setdefault(type(change.row), []).append(change)
    return by_model


def _store_one(change: Change, result: ImportResult) -> None:
    try:
        with transaction.atomic():
            _save(change)
    except IntegrityError as error:
        # A constraint on several columns reports one error per column. Usually the last column is the one to correct.
        details = violated_rule_messages(error) or {"": ["The database refuses this row."]}
        column, messages = list(details.items())[-1]
        result.faults.append(RowFault(change.number, column, messages[0]))
    except DataError:
        result.faults.append(RowFault(change.number, "", "The database cannot store this row."))


def _save(change: Change) -> None:
    """Save only the changed columns, because ingestion updates other columns of the same row."""
    if change.is_new:
        change.row.save(force_insert=True)
    else:
        change.row.save(update_fields=[*change.fields, "updated_at"])


def _log(result: ImportResult, user_id: Any) -> None:
    if new := [change.row for change in result.new]:
        LogEntry.objects.log_actions(user_id, new, ADDITION, [{"added": {}}])
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_id,
            content_type=ContentType.objects.get_for_model(change.row),
            object_id=str(change.row.pk),
            object_repr=str(change.row)[:200],  # the length of the column
            action_flag=CHANGE,
            change_message=json.dumps([{"changed": {"fields": list(change.fields), "values": change.fields}}]),
        )
        for change in result.changed
    )
