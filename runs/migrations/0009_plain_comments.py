"""Describe columns in plain words."""

from django.db import migrations

from chm_project.db.alter_comments import AlterComments


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0009_plain_comments"),
        ("runs", "0008_rollup"),
    ]

    operations = [
        AlterComments(
            model_name="run",
            comments={
                "pipeline": "Pipeline of the run",
                "external_run_id": "Id of the run at the source; together with the pipeline, the idempotency key",
                "started_at": "When the run started, according to the source",
                "finished_at": "When the run ended, according to the source",
                "duration_seconds": "Duration in whole seconds: the value of the source, or finished_at minus started_at",
                "rows_processed": "Rows that the run processed, according to the source",
                "error_message": "Why the run failed, without secrets",
                "status_reason": "Details of the status, and what CHM corrected in the response of the source",
                "payload": "Response of the source about the run, without secrets",
                "source_updated_at": "Version: the source's time of the update or event, or the time of CHM's request",
                "ingested_at": "When CHM last accepted a write of the run",
                "given_source_url": "URL of the run's page at the source; empty if only the pipeline's template gives it",
                "started_at_kept": "True if started_at belongs to the former attempt: the run was re-opened and has no new start yet",
                "error_message_fetched": "True if error_message comes from a second request, not from the response that describes the run",
                "event_at": "When the run happened: when it ended, else when it started, else when it was stored",
            },
        ),
    ]
