"""Changes to the inventory that are more than saving a row."""

from django.utils import timezone

from inventory.models import Client, Pipeline


def disable_client(*, client: Client) -> bool:
    """Takes the client and all its pipelines out of the active inventory, keeping history; False when it was out.

    Its pipelines keep their own flags, so that enabling it again restores what was active before.
    """
    active = Client.objects.filter(pk=client.pk, is_active=True)
    return bool(active.update(is_active=False, updated_at=timezone.now()))


def disable_pipeline(*, pipeline: Pipeline) -> bool:
    active = Pipeline.objects.filter(pk=pipeline.pk, is_active=True)
    return bool(active.update(is_active=False, updated_at=timezone.now()))
