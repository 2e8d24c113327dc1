"""Enable and disable clients and pipelines."""

from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from inventory.models import Client, Pipeline, PipelineQuerySet

RowT = TypeVar("RowT", Client, Pipeline)


def disable_client(*, client: Client) -> bool:
    """Disable the client, which removes its pipelines from the active inventory. Return False if it was disabled.

    Its pipelines keep their flags, so enabling the client restores the previous state.
    """
    active = Client.objects.filter(pk=client.pk, is_active=True)
    return bool(active.update(is_active=False, updated_at=timezone.now()))


def disable_pipeline(*, pipeline: Pipeline) -> bool:
    """Disable the pipeline. Return False if it was disabled."""
    active = Pipeline.objects.filter(pk=pipeline.pk, is_active=True)
    return bool(active.update(is_active=False, updated_at=timezone.now()))


@transaction.atomic
def set_active(rows: QuerySet[RowT], *, active: bool) -> list[RowT]:
    """Enable or disable the rows; return those that changed."""
    # Locked in the order of keys, so that two calls cannot deadlock, and without blocking new rows that reference them.
    changed = list(rows.filter(is_active=not active).order_by("pk").select_for_update(of=("self",), no_key=True))
    rows.model._default_manager.filter(pk__in=[row.pk for row in changed]).update(
        is_active=active, updated_at=timezone.now()
    )
    return changed


def pipelines_switched(rows: QuerySet[RowT], *, active: bool) -> PipelineQuerySet:
    """Return the pipelines that enter or leave the active inventory when these rows are enabled or disabled."""
    if rows.model is Client:
        switched = Pipeline.objects.filter(is_active=True, client__is_active=not active)
        return switched.filter(client__in=rows.order_by().values("pk"))
    switched = Pipeline.objects.filter(is_active=not active, client__is_active=True)
    return switched.filter(pk__in=rows.order_by().values("pk"))
