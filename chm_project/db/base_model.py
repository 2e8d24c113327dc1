"""The abstract model of the four business tables: key, timestamps, and errors of constraints shown at form fields."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from chm_project.db.constraint_errors import form_fields_of


class BaseModel(models.Model):
    # UUIDs of version 7 grow with time, so inserts go to the end of the index, and keys sort rows by creation.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False, db_comment="UUID version 7")
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now(), db_comment="When CHM stored the row")
    updated_at = models.DateTimeField(
        auto_now=True,
        db_default=Now(),
        db_comment="When the row last changed. The times and errors of ingestion do not count",
    )

    class Meta:
        abstract = True

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Validate as Django does, but show messages at the fields to correct. An error's code names its constraint."""
        errors: dict[str, list[ValidationError]] = {}
        for model, constraints in self.get_constraints():
            for constraint in constraints:
                try:
                    constraint.validate(model, self, exclude=set(exclude or ()))
                except ValidationError as error:
                    for form_field in form_fields_of(self, constraint):
                        errors.setdefault(form_field, []).append(
                            ValidationError(error.messages[0], code=constraint.name)
                        )
        if errors:
            raise ValidationError(errors)
