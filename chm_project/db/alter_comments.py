"""A migration operation that changes the comments of columns."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AlterComments(Operation):
    """Change the comments of some columns of one model. The way back restores the comments of the former state.

    AlterField would set the type of each column again, which locks the table and fails while a view reads the column.
    COMMENT ON only changes the catalog.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, model_name: str, comments: dict[str, str]) -> None:
        """`comments`: the comment of each field, by the name of the field."""
        self.model_name = model_name
        self.comments = comments

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        model_name = self.model_name.lower()
        fields = state.models[app_label, model_name].fields
        for name, comment in self.comments.items():
            field = fields[name].clone()
            field.db_comment = comment
            state.alter_field(app_label, model_name, name, field, preserve_default=True)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        options = to_state.apps.get_model(app_label, self.model_name)._meta
        for name in self.comments:
            field = options.get_field(name)
            schema_editor.execute(
                schema_editor.sql_alter_column_comment
                % {
                    "table": schema_editor.quote_name(options.db_table),
                    "column": schema_editor.quote_name(field.column),
                    "comment": schema_editor.quote_value(field.db_comment),
                },
                params=None,
            )

    # In both directions, to_state is the state that the operation leads to.
    database_backwards = database_forwards

    def describe(self) -> str:
        return f"Change the comments of {len(self.comments)} columns of {self.model_name}"
