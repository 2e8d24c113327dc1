from typing import Literal

RunField = Literal['created_at', 'duration_seconds', 'error_message', 'event_at', 'external_run_id', 'finished_at', 'id', 'ingested_at', 'payload', 'pipeline_id', 'rows_processed', 'source_updated_at', 'source_url', 'started_at', 'status', 'status_reason', 'updated_at']

RUN_FIELD_VALUES: set[RunField] = { 'created_at', 'duration_seconds', 'error_message', 'event_at', 'external_run_id', 'finished_at', 'id', 'ingested_at', 'payload', 'pipeline_id', 'rows_processed', 'source_updated_at', 'source_url', 'started_at', 'status', 'status_reason', 'updated_at',  }

def check_run_field(value: str) -> RunField:
    if value in RUN_FIELD_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUN_FIELD_VALUES!r}")
