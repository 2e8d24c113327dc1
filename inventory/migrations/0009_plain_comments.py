"""Describe columns in plain words."""

from django.db import migrations, models

from chm_project.db.alter_comments import AlterComments


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0008_client_names"),
    ]

    operations = [
        AlterComments(
            model_name="client",
            comments={
                "name": "Name of the client; unique, ignoring upper and lower case",
                "is_active": "False if disabled: not ingested, history kept",
            },
        ),
        AlterComments(
            model_name="pipeline",
            comments={
                "client": "Client that the pipeline runs for",
                "name": "Name of the pipeline; unique within the client",
                "platform": "Kind of orchestrator that runs the pipeline",
                "external_id": "Name of the pipeline in the orchestrator; empty if the pipeline is not ingested",
                "pipeline_type": "What the pipeline does",
                "environment": "Where the pipeline runs",
                "is_active": "False if disabled: not ingested, history kept",
                "ingested_through": "Watermark: all changes up to this time are stored; empty until the first complete walk",
                "ingest_due_at": "After this time the status of the pipeline is stale",
                "last_ingest_at": "When ingestion last finished a walk of the pipeline",
                "last_ingest_error": "Why the last walk failed, in one sentence; empty if it succeeded",
                "source_paused": "Whether the schedule is paused at the source; empty if the source does not report it",
                "source_next_run_at": "When the schedule of the source starts the next run; empty if the source does not report it",
                "source_missing_since": "Since when the pipeline is missing from the source's list; empty if listed, or if no list exists",
                "source_url": "URL of the pipeline's page at the source, as of the last walk",
                "source_url_template": "URL of the pages of runs at the source; {run_id} stands for the percent-encoded external_run_id",
                "pruned_before": "Runs before this time were pruned and are not stored again; empty until the first pruning",
                "known_reason": "Why the failure is known; empty if no failure is marked as known",
                "known_ticket_url": "URL of the ticket of the known failure",
                "known_until": "When the mark as known ends; empty if it ends only with the failure",
                "known_fingerprint": "Fingerprint of the failure's incident when it was marked",
            },
        ),
        migrations.AlterConstraint(
            model_name="pipeline",
            name="pipelines_known_until_later",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("known_until__isnull", True), ("known_until__gt", models.F("known_since")), _connector="OR"
                ),
                name="pipelines_known_until_later",
                violation_error_message="A known failure must end later than it was marked.",
            ),
        ),
    ]
