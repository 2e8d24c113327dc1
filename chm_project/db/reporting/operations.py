"""A migration operation for changes of a column that PostgreSQL refuses while a view reads the column."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from chm_project.db.reporting.builder import drop


class DropReporting(Operation):
    """Drop the views of the schema `reporting`; `migrate` builds them again after the last migration.

    If a migration drops or renames a column that a view reads, or changes the type of such a column, this must be the
    first operation of the migration.
    """

    reduces_to_sql = False
    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        return

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        drop(schema_editor.connection)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        drop(schema_editor.connection)

    def describe(self) -> str:
        return "Drop the views of the schema reporting until the last migration is applied"
