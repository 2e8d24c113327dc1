"""Check constraints for columns that hold the address of a page."""

from django.db import models
from django.db.models import Q


def web_address(field: str, *, name: str) -> models.CheckConstraint:
    """The database's own rule that an address which pages link to is http or https, never one that a browser runs."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__regex": r"^https?://[^\s/]"}),
        name=name,
        violation_error_message=f"{field} must be an http:// or https:// address.",
    )
