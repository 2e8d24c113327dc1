"""Erase a client with its pipelines, their runs, and the alert rules and tokens that belong to them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from alerting.models import AlertRule
from chm_project.access.models import ApiToken
from inventory.models import Client, Pipeline
from inventory.services import disable_client
from runs.models import Run

# The number of runs that one transaction deletes.
BATCH_SIZE = 5_000
# The admin log shows this account for changes by commands. Nobody can log in with it.
COMMAND_ACCOUNT = "command-line"
# CHM does not store runs that are older than a pipeline's pruned_before. With this value, the pipeline accepts no runs.
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
# A write that began before _close_client can add a row while _delete_client runs. Then _delete_client fails. Each such
# write can cause one failure.
_MAX_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedRowCounts:
    """Numbers of rows that belong to a client."""

    pipelines: int
    runs: int
    alert_rules: int
    tokens: int

    def __str__(self) -> str:
        counts = {"pipeline": self.pipelines, "run": self.runs, "alert rule": self.alert_rules, "token": self.tokens}
        return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in counts.items())


def count_owned_rows(client: Client) -> OwnedRowCounts:
    """Return how many rows erase_client would delete."""
    return OwnedRowCounts(
        pipelines=Pipeline.objects.filter(client=client).count(),
        runs=Run.objects.filter(pipeline__client=client).count(),
        alert_rules=_client_rules(client).count(),
        tokens=_client_tokens(client).count(),
    )


def erase_client(
    client: Client, *, erased_by: str, on_batch: Callable[[int], None] = lambda _runs: None
) -> OwnedRowCounts:
    """Delete the client and everything that belongs to it; return the numbers of deleted rows.

    1. Disable the client, delete its tokens and rules, and close its pipelines for new runs.
    2. Delete its runs in batches, each batch in a separate transaction. After each batch, call `on_batch` with the
       number of all runs that this call has deleted.
    3. In one transaction, delete the pipelines and the client, and write an entry with `erased_by` to the admin log.

    If a call was interrupted, call the function again. Each call counts only the rows that it deleted itself.
    """
    token_count, rule_count = _close_client(client)
    pipeline_ids = list(Pipeline.objects.filter(client=client).values_list("pk", flat=True))
    run_count = 0
    while deleted_count := _delete_runs(pipeline_ids):
        run_count += deleted_count
        on_batch(run_count)
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        try:
            return _delete_client(
                client,
                OwnedRowCounts(pipelines=0, runs=run_count, alert_rules=rule_count, tokens=token_count),
                erased_by,
            )
        except IntegrityError:
            # A write that began before step 1 has added a run, a rule or a token. So try again.
            if attempt == _MAX_ATTEMPTS:
                raise
    raise AssertionError("unreachable")


@transaction.atomic
def _close_client(client: Client) -> tuple[int, int]:
    """Do step 1 of erase_client; return the numbers of deleted tokens and rules."""
    disable_client(client=client)
    pipelines = Pipeline.objects.filter(client=client).order_by("pk")
    # Lock the pipelines with FOR NO KEY UPDATE (no_key). FOR UPDATE would wait for inserts of runs that are in
    # progress, because these inserts lock the key of their pipeline.
    pipeline_ids = list(pipelines.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    Pipeline.objects.filter(pk__in=pipeline_ids).update(pruned_before=_FOREVER)
    return _delete_tokens(client), _delete_rules(client)


@transaction.atomic
def _delete_client(client: Client, deleted_before: OwnedRowCounts, erased_by: str) -> OwnedRowCounts:
    if not Client.objects.filter(pk=client.pk).select_for_update().exists():
        return deleted_before  # another erasure finished first
    pipeline_ids = list(Pipeline.objects.filter(client=client).order_by("pk").values_list("pk", flat=True))
    run_count = deleted_before.runs
    while deleted_count := _delete_runs(pipeline_ids):
        run_count += deleted_count
    all_deleted = OwnedRowCounts(
        tokens=deleted_before.tokens + _delete_tokens(client),
        alert_rules=deleted_before.alert_rules + _delete_rules(client),
        runs=run_count,
        pipelines=len(pipeline_ids),
    )
    Pipeline.objects.filter(pk__in=pipeline_ids).delete()
    entry = LogEntry(
        user_id=_command_account_id(),
        content_type=ContentType.objects.get_for_model(Client),
        object_id=str(client.pk),
        object_repr=client.name[:200],
        action_flag=DELETION,
        change_message=f"Erased by {erased_by} with {all_deleted}.",
    )
    Client.objects.filter(pk=client.pk).delete()
    entry.save()
    return all_deleted


def _delete_runs(pipeline_ids: list[uuid.UUID]) -> int:
    """Delete one batch of runs and return their number; 0 if there are no more runs."""
    batch = Run.objects.filter(pipeline__in=pipeline_ids).order_by().values("pk")[:BATCH_SIZE]
    return Run.objects.filter(pk__in=batch).delete()[0]


def _client_tokens(client: Client) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(Q(client=client) | Q(pipeline__client=client))


def _delete_tokens(client: Client) -> int:
    """Delete the client's tokens and return their number. Disable their accounts, which the admin log still names."""
    tokens = list(_client_tokens(client).values_list("pk", "user_id"))
    get_user_model().objects.filter(pk__in=[user_id for _, user_id in tokens]).update(is_active=False)
    return ApiToken.objects.filter(pk__in=[pk for pk, _ in tokens]).delete()[0]


def _client_rules(client: Client) -> QuerySet[AlertRule]:
    """Return the rules of the client's pipelines, and its own rules without a pipeline."""
    return AlertRule.objects.filter(Q(pipeline__client=client) | Q(client=client, pipeline=None))


def _delete_rules(client: Client) -> int:
    """Delete the client's rules and return their number.

    If a rule names this client and a pipeline of another client, keep the rule and remove this client from it.
    """
    deleted = AlertRule.objects.filter(pk__in=list(_client_rules(client).values_list("pk", flat=True))).delete()[0]
    AlertRule.objects.filter(client=client).update(client=None, updated_at=timezone.now())
    return deleted


def _command_account_id() -> int:
    user, created = get_user_model().objects.get_or_create(username=COMMAND_ACCOUNT, defaults={"is_active": False})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return int(user.pk)
