"""Describe columns in plainer words, for example what status, given_source_url, started_at_kept and event_at hold."""

from django.db import migrations

from chm_project.db.alter_comments import AlterComments


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0016_inline_source_url"),
    ]

    operations = [
        AlterComments(
            model_name="run",
            comments={
                "external_run_id": "Id of the run at the source; unique within the pipeline",
                "status": "Status of the run, translated from the status at the source",
                "duration_seconds": "Duration in whole seconds, according to the source; else finished_at minus started_at",
                "source_updated_at": "Version of the stored state: when the source changed the run, or the time of CHM's request. CHM stores no older version",
                "ingested_at": "When CHM last stored a change of the run",
                "started_at_kept": "True if started_at belongs to the former attempt, because the re-opened run has no new start yet",
                "event_at": "When the run happened: finished_at, else started_at, else created_at; reports use this time",
                "given_source_url": "URL of the run's page that the source returned; empty: CHM uses the pipeline's source_url_template",
                "error_message_fetched": "True if CHM fetched error_message with a second request, for example from the log of a task",
            },
        ),
    ]
