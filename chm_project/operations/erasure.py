"""Erase a client: the client, its pipelines, their runs, and the rules and tokens that belong to them."""

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

# Runs per transaction.
BATCH = 5_000
# The account of commands in the admin log. Login with it is impossible.
COMMAND_LINE = "command-line"
# A pipeline with this pruned_before refuses every later write of a run.
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
# Each write that was already running when the client was closed can make at most one attempt fail.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedRows:
    """How many rows belong to a client."""

    pipelines: int
    runs: int
    alert_rules: int
    tokens: int

    def __str__(self) -> str:
        return f"{self.pipelines} pipelines, {self.runs} runs, {self.alert_rules} alert rules, {self.tokens} tokens"


def count_owned_rows(client: Client) -> OwnedRows:
    """Return how many rows erasing the client would delete."""
    return OwnedRows(
        pipelines=Pipeline.objects.filter(client=client).count(),
        runs=Run.objects.filter(pipeline__client=client).count(),
        alert_rules=_rules(client).count(),
        tokens=_tokens(client).count(),
    )


def erase_client(client: Client, *, by: str, on_batch: Callable[[int], None] = lambda _runs: None) -> OwnedRows:
    """Delete the client and everything it owns; return the counts. `by` appears in the admin log.

    1. The client is disabled, its tokens and rules are deleted, and its pipelines store no new runs.
    2. Its runs are deleted in batches, each in its own transaction; `on_batch` receives the number deleted so far.
    3. The rest and the client are deleted in one transaction with the entry in the admin log.

    After an interruption another call continues. Each call counts only what it deleted itself.
    """
    tokens, rules = _close(client)
    pipeline_ids = list(Pipeline.objects.filter(client=client).values_list("pk", flat=True))
    runs = 0
    while deleted := _delete_runs(pipeline_ids):
        runs += deleted
        on_batch(runs)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _delete_client(client, OwnedRows(pipelines=0, runs=runs, alert_rules=rules, tokens=tokens), by)
        except IntegrityError:
            # A write that began before step 1 has stored a run, or a rule or a token was added.
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


@transaction.atomic
def _close(client: Client) -> tuple[int, int]:
    disable_client(client=client)
    pipelines = Pipeline.objects.filter(client=client).order_by("pk")
    # Not FOR UPDATE, which would also wait for runs that are being inserted: they lock the key of their pipeline.
    ids = list(pipelines.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    Pipeline.objects.filter(pk__in=ids).update(pruned_before=_FOREVER)
    return _delete_tokens(client), _delete_rules(client)


@transaction.atomic
def _delete_client(client: Client, before: OwnedRows, by: str) -> OwnedRows:
    if not Client.objects.filter(pk=client.pk).select_for_update().exists():
        return before  # another erasure finished first
    pipeline_ids = list(Pipeline.objects.filter(client=client).order_by("pk").values_list("pk", flat=True))
    runs = before.runs
    while deleted := _delete_runs(pipeline_ids):
        runs += deleted
    erased = OwnedRows(
        tokens=before.tokens + _delete_tokens(client),
        alert_rules=before.alert_rules + _delete_rules(client),
        runs=runs,
        pipelines=len(pipeline_ids),
    )
    Pipeline.objects.filter(pk__in=pipeline_ids).delete()
    entry = LogEntry(
        user_id=_command_line(),
        content_type=ContentType.objects.get_for_model(Client),
        object_id=str(client.pk),
        object_repr=client.name[:200],
        action_flag=DELETION,
        change_message=f"Erased by {by} with {erased}.",
    )
    Client.objects.filter(pk=client.pk).delete()
    entry.save()
    return erased


def _delete_runs(pipeline_ids: list[uuid.UUID]) -> int:
    """Delete one batch and return its size; 0 if none is left."""
    batch = Run.objects.filter(pipeline__in=pipeline_ids).order_by().values("pk")[:BATCH]
    return Run.objects.filter(pk__in=batch).delete()[0]


def _tokens(client: Client) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(Q(client=client) | Q(pipeline__client=client))


def _delete_tokens(client: Client) -> int:
    """Delete the tokens and return how many. Their accounts stay, disabled: the admin log names them."""
    tokens = list(_tokens(client).values_list("pk", "user_id"))
    get_user_model().objects.filter(pk__in=[user_id for _, user_id in tokens]).update(is_active=False)
    return ApiToken.objects.filter(pk__in=[pk for pk, _ in tokens]).delete()[0]


def _rules(client: Client) -> QuerySet[AlertRule]:
    """Return the rules of the client's pipelines, and its own rules without a pipeline."""
    return AlertRule.objects.filter(Q(pipeline__client=client) | Q(client=client, pipeline=None))


def _delete_rules(client: Client) -> int:
    """Delete the client's rules and return how many; remove the client from rules of other clients' pipelines."""
    deleted = AlertRule.objects.filter(pk__in=list(_rules(client).values_list("pk", flat=True))).delete()[0]
    AlertRule.objects.filter(client=client).update(client=None, updated_at=timezone.now())
    return deleted


def _command_line() -> int:
    user, created = get_user_model().objects.get_or_create(username=COMMAND_LINE, defaults={"is_active": False})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return int(user.pk)
