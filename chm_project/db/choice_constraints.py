"""Check constraints for choice columns."""

from django.db import models
from django.db.models import Q


def valid_choice(field: str, choices: type[models.TextChoices], *, name: str) -> models.CheckConstraint:
    """Return a constraint that lets the column hold only the values of `choices`."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": choices.values}),
        name=name,
        violation_error_message=f"{field} must be one of: {', '.join(choices.values)}.",
    )
