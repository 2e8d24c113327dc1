"""Enable and disable clients and pipelines."""

from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from inventory.models import Client, Pipeline, PipelineQuerySet

RowT = TypeVar("RowT", Client, Pipeline)


def disable_client(*, client: Client) -> bool:
    """Disable the client and remove its pipelines from the active inventory. Return False if it was already disabled.

    The pipelines keep their own `is_active`. So enabling the client restores the previous state.
    """
    # One statement checks and writes, so only one of several simultaneous calls returns True.
    if_active = Client.objects.filter(pk=client.pk, is_active=True)
    return bool(if_active.update(is_active=False, updated_at=timezone.now()))


def disable_pipeline(*, pipeline: Pipeline) -> bool:
    """Disable the pipeline. Return False if it was already disabled."""
    if_active = Pipeline.objects.filter(pk=pipeline.pk, is_active=True)
    return bool(if_active.update(is_active=False, updated_at=timezone.now()))


@transaction.atomic
def set_active(rows: QuerySet[RowT], *, active: bool) -> list[RowT]:
    """Enable or disable the clients or pipelines; return those that changed."""
    # Lock the rows in the order of their keys, so that two calls cannot deadlock. With no_key, other transactions can
    # still store rows that refer to the locked rows.
    changed = list(rows.filter(is_active=not active).order_by("pk").select_for_update(of=("self",), no_key=True))
    rows.model._default_manager.filter(pk__in=[row.pk for row in changed]).update(
        is_active=active, updated_at=timezone.now()
    )
    return changed


def changed_pipelines(rows: QuerySet[RowT], *, active: bool) -> PipelineQuerySet:
    """Return the pipelines that enter or leave the active inventory if `is_active` of `rows` becomes `active`."""
    if rows.model is Client:
        changed = Pipeline.objects.filter(is_active=True, client__is_active=not active)
        return changed.filter(client__in=rows.order_by().values("pk"))
    changed = Pipeline.objects.filter(is_active=not active, client__is_active=True)
    return changed.filter(pk__in=rows.order_by().values("pk"))
