"""What the four business tables share."""

from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7


class Entity(models.Model):
    # Version 7 keys grow with time: inserts stay at the right edge of the index, ties sort by creation.
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False, db_comment="UUID version 7")
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now(), db_comment="When CHM stored the row")
    updated_at = models.DateTimeField(
        auto_now=True, db_default=Now(), db_comment="When the row last changed, ingestion bookkeeping aside"
    )

    class Meta:
        abstract = True
