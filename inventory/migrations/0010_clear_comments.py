"""Describe columns in plainer words: what is_active, external_id and the times of ingestion hold."""

from django.db import migrations

from chm_project.db.alter_comments import AlterComments


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0009_plain_comments"),
    ]

    operations = [
        AlterComments(
            model_name="client",
            comments={
                "is_active": "False: disabled. CHM keeps its history, but reads no new runs",
            },
        ),
        AlterComments(
            model_name="pipeline",
            comments={
                "external_id": "Id of the pipeline in its orchestrator, such as a DAG id; empty: CHM does not ingest the pipeline",
                "is_active": "False: disabled. CHM keeps its history, but reads no new runs",
                "ingest_due_at": "After this time the pipeline is stale: its latest status may be outdated",
                "last_ingest_at": "When CHM last walked the pipeline completely",
                "source_url_template": "Template for the URLs of runs; CHM replaces {run_id} by the percent-encoded external_run_id",
                "pruned_before": "CHM has deleted runs with an event_at before this time, and does not store them again; empty: none",
                "source_missing_since": "Since when the source no longer lists the pipeline; empty: it lists the pipeline, or has no list",
                "known_fingerprint": "Fingerprint of the incident that the failure belonged to when it was marked as known",
                "known_until": "Until when the failure counts as known; empty: until the failure ends",
            },
        ),
    ]
