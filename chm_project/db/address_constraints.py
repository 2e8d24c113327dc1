"""Check constraints for columns that hold URLs of pages."""

from django.db import models
from django.db.models import Q


def web_address(field: str, *, name: str) -> models.CheckConstraint:
    """Return a constraint that allows NULL and http or https URLs; a javascript: URL in a link would run code."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__regex": r"^https?://[^\s/]"}),
        name=name,
        violation_error_message=f"{field} must be an http:// or https:// address.",
    )
