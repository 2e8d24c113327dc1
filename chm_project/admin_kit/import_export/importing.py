"""From rows to the inventory: judged one by one, stored all together or not at all."""

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
from chm_project.db.constraint_errors import violation

# Rows named of each kind of fault.
NAMED = 10


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with one cell, or with the row where `column` is empty."""

    number: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """A fault that several rows share; `numbers` are the numbers of these rows."""

    column: str
    message: str
    numbers: list[int]

    @property
    def rows(self) -> str:
        """The first rows, and how many more there are."""
        shown, more = self.numbers[:NAMED], len(self.numbers) - NAMED
        return ", ".join(map(str, shown)) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Change:
    """What a row would do; `fields` maps each changed column to what it was and what it becomes."""

    number: int
    row: Model
    is_new: bool
    fields: dict[str, tuple[str, str]]


@dataclass(slots=True)
class Judgement:
    faults: list[RowFault] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0

    @property
    def fault_groups(self) -> list[FaultGroup]:
        """The faults, those of one kind together, in the order of their first rows."""
        found: dict[tuple[str, str], list[int]] = {}
        for fault in self.faults:
            found.setdefault((fault.column, fault.message), []).append(fault.number)
        return [FaultGroup(*kind, numbers) for kind, numbers in found.items()]

    @property
    def new(self) -> list[Change]:
        return [change for change in self.changes if change.is_new]

    @property
    def changed(self) -> list[Change]:
        return [change for change in self.changes if not change.is_new]


def try_rows(sheet: Sheet[Any], rows: Sequence[Row]) -> Judgement:
    """What importing would do, found out by doing it and taking it back."""
    with transaction.atomic():
        judgement = _import(sheet, rows)
        transaction.set_rollback(True)
    return judgement


def import_rows(sheet: Sheet[Any], rows: Sequence[Row], *, user_id: Any) -> Judgement:
    """Stores every row with its log entry, or nothing where one has a fault."""
    with transaction.atomic():
        judgement = _import(sheet, rows)
        if judgement.faults:
            transaction.set_rollback(True)
        else:
            _log(judgement, user_id)
    return judgement


def _import(sheet: Sheet[Any], rows: Sequence[Row]) -> Judgement:
    judgement = Judgement()
    cells = [row.cells for row in rows]
    sheet.prepare(cells)
    stored = sheet.stored(cells)
    seen: dict[Key, int] = {}
    for row in rows:
        key = sheet.key_of(row.cells) if sheet.has_key(row.cells) else None
        if row.faults:
            judgement.faults += [RowFault(row.number, column, message) for column, message in row.faults]
        elif key in seen:
            message = f"Row {seen[key]} has the same {in_words(sheet.key)}."
            judgement.faults.append(RowFault(row.number, sheet.key[-1], message))
        else:
            _judge(sheet, row, stored.get(key) if key else None, judgement)
        if key:
            seen.setdefault(key, row.number)
    _store(judgement)
    judgement.faults.sort(key=lambda fault: fault.number)
    return judgement


def in_words(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _judge(sheet: Sheet[Any], row: Row, former: Any, judgement: Judgement) -> None:
    instance = former if former is not None else sheet.model()
    before = sheet.cells(instance) if former is not None else dict.fromkeys(sheet.columns, "")
    defaults = before if former is not None else {column: sheet.default(column) for column in sheet.columns}
    given = {column: cell for column, cell in row.cells.items() if cell.strip() or column not in sheet.kept}
    form = sheet.form({**defaults, **given}, instance=instance, **sheet.form_options())
    if not form.is_valid():
        for column, messages in form.errors.items():
            judgement.faults += [
                RowFault(row.number, column if column in sheet.columns else "", str(message)) for message in messages
            ]
        return
    after = sheet.cells(form.instance)
    fields = {column: (before[column], after[column]) for column in sheet.columns if before[column] != after[column]}
    if fields:
        judgement.changes.append(Change(row.number, form.instance, former is None, fields))
    else:
        judgement.unchanged += 1


def _store(judgement: Judgement) -> None:
    """At once; where the database refuses, again one by one, to know which rows it refuses."""
    try:
        with transaction.atomic():
            for model, changes in _by_model(judgement.new).items():
                model._default_manager.bulk_create([change.row for change in changes])
            for change in judgement.changed:
                _save(change)
    except (IntegrityError, DataError):
        for change in judgement.changes:
            _store_one(change, judgement)


def _by_model(changes: Sequence[Change]) -> dict[type[Model], list[Change]]:
    found: dict[type[Model], list[Change]] = {}
    for change in changes:
        found.setdefault(type(change.row), []).append(change)
    return found


def _store_one(change: Change, judgement: Judgement) -> None:
    try:
        with transaction.atomic():
            _save(change)
    except IntegrityError as error:
        details = violation(error) or {"": ["The database refuses this row."]}
        column, messages = list(details.items())[-1]
        judgement.faults.append(RowFault(change.number, column, messages[0]))
    except DataError:
        judgement.faults.append(RowFault(change.number, "", "The database cannot hold this row."))


def _save(change: Change) -> None:
    """Only what changed: ingestion keeps its books in the same row."""
    if change.is_new:
        change.row.save(force_insert=True)
    else:
        change.row.save(update_fields=[*change.fields, "updated_at"])


def _log(judgement: Judgement, user_id: Any) -> None:
    if new := [change.row for change in judgement.new]:
        LogEntry.objects.log_actions(user_id, new, ADDITION, [{"added": {}}])
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_id,
            content_type=ContentType.objects.get_for_model(change.row),
            object_id=str(change.row.pk),
            object_repr=str(change.row)[:200],
            action_flag=CHANGE,
            change_message=json.dumps([{"changed": {"fields": list(change.fields), "values": change.fields}}]),
        )
        for change in judgement.changed
    )
