"""manage.py scrub_stored applies new scrubbing rules to stored rows, and does not change their versions."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs import stored_secrets
from runs.events import RunEvent
from runs.models import Run
from runs.services import Outcome, record_runs
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

SECRET = "FAKE-tok-77"


def scrub(*arguments: str) -> list[str]:
    output = StringIO()
    call_command("scrub_stored", *arguments, stdout=output)
    return output.getvalue().splitlines()


def create_unscrubbed_run(**fields: Any) -> Run:
    """Create a run that contains a secret, as if CHM had stored it before the rule for this secret existed."""
    run = RunFactory.create()
    Run.objects.filter(pk=run.pk).update(**fields)
    return Run.objects.get(pk=run.pk)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def test_a_dry_run_counts_and_changes_nothing() -> None:
    run = create_unscrubbed_run(error_message=f"token={SECRET}")

    assert scrub("--dry-run")[0] == "runs: 1 of 1 rows would change"
    assert Run.objects.get(pk=run.pk).error_message == f"token={SECRET}"


def test_texts_and_payloads_of_runs_and_pipelines_are_scrubbed() -> None:
    run = create_unscrubbed_run(
        error_message=f"token={SECRET}", status_reason=f"token={SECRET}", payload={"token": SECRET, "rows": 3}
    )
    Pipeline.objects.filter(pk=run.pipeline_id).update(
        description=f"token={SECRET}",
        last_ingest_error=f"token={SECRET}",
        known_reason=f"token={SECRET}",
        known_run_id=run.pk,
        known_fingerprint="0" * 12,
        known_since=run.event_at,
    )

    assert scrub()[:2] == ["runs: 1 of 1 rows changed", "pipelines: 1 of 1 rows changed"]

    clean = Run.objects.select_related("pipeline").get()
    assert clean.error_message == clean.status_reason == "token=[filtered]"
    assert clean.payload == {"token": "[filtered]", "rows": 3}
    pipeline = clean.pipeline
    assert {pipeline.description, pipeline.last_ingest_error, pipeline.known_reason} == {"token=[filtered]"}
    assert scrub()[0] == "runs: 0 of 1 rows changed"


def test_versions_and_times_do_not_change_and_a_replay_is_unchanged() -> None:
    pipeline = PipelineFactory.create()
    event = RunEvent(
        pipeline_id=pipeline.pk, external_run_id="r1", status="failed", error_message=f"token={SECRET}",
        payload={"token": SECRET}, source_updated_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    record_runs([event])
    Run.objects.update(error_message=f"token={SECRET}", payload={"token": SECRET})
    before = Run.objects.get()

    scrub()

    after = Run.objects.get()
    assert SECRET not in str(after.error_message) + str(after.payload)
    for column in ("updated_at", "ingested_at", "source_updated_at", "created_at"):
        assert getattr(after, column) == getattr(before, column), column
    assert record_runs([event])[0].outcome is Outcome.UNCHANGED


def test_an_interrupted_scrubbing_continues_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_secrets, "BATCH_SIZE", 2)
    for number in range(5):
        create_unscrubbed_run(error_message=f"token={SECRET}{number}")
    first = next(stored_secrets.scrub_table(stored_secrets.TABLES[0], dry_run=False))

    assert (first.read, first.changed) == (2, 2)
    assert scrub()[0] == "runs: 3 of 3 rows changed"
    assert not Run.objects.filter(error_message__contains=SECRET).exists()
    assert scrub("--restart")[0] == "runs: 0 of 5 rows changed"


def test_a_name_in_the_admin_log_is_cut_if_its_mask_is_longer_than_the_secret(admin_user: User) -> None:
    name = "x" * 185 + " password=tiger"
    entry = LogEntry.objects.create(user=admin_user, action_flag=CHANGE, object_repr=name)

    scrub()

    assert LogEntry.objects.get(pk=entry.pk).object_repr == "x" * 185 + " password=[filt"


def test_an_id_is_kept_and_reported_if_another_run_has_its_masked_form() -> None:
    first = create_unscrubbed_run(external_run_id=f"x?token={SECRET}")
    scrub()
    scrubbed = Run.objects.get(pk=first.pk)
    assert SECRET not in scrubbed.external_run_id
    second = RunFactory.create(pipeline=scrubbed.pipeline)
    Run.objects.filter(pk=second.pk).update(external_run_id=f"x?token={SECRET}", error_message=f"token={SECRET}")

    assert scrub()[0] == (
        "runs: 1 of 2 rows changed; ids that still contain a secret, because another run has the masked id: 1"
    )
    assert Run.objects.get(pk=second.pk).error_message == "token=[filtered]"


def test_a_row_without_a_secret_is_not_written() -> None:
    run = create_unscrubbed_run(error_message="column missing", payload={"rows": 3})

    def physical_row() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT xmin, ctid FROM runs WHERE id = %s", [run.pk])
            return cursor.fetchone()

    before = physical_row()
    scrub()

    assert physical_row() == before
