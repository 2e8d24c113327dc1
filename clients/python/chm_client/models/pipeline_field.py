from typing import Literal

PipelineField = Literal['client_id', 'created_at', 'description', 'environment', 'external_id', 'id', 'ingest_due_at', 'ingested_through', 'is_active', 'last_ingest_at', 'last_ingest_error', 'name', 'pipeline_type', 'platform', 'pruned_before', 'source_missing_since', 'source_next_run_at', 'source_paused', 'source_url', 'source_url_template', 'stale_since', 'updated_at']

PIPELINE_FIELD_VALUES: set[PipelineField] = { 'client_id', 'created_at', 'description', 'environment', 'external_id', 'id', 'ingest_due_at', 'ingested_through', 'is_active', 'last_ingest_at', 'last_ingest_error', 'name', 'pipeline_type', 'platform', 'pruned_before', 'source_missing_since', 'source_next_run_at', 'source_paused', 'source_url', 'source_url_template', 'stale_since', 'updated_at',  }

def check_pipeline_field(value: str) -> PipelineField:
    if value in PIPELINE_FIELD_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PIPELINE_FIELD_VALUES!r}")
