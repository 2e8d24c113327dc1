from typing import Literal

IngestionState = Literal['failed', 'queued', 'running', 'succeeded']

INGESTION_STATE_VALUES: set[IngestionState] = { 'failed', 'queued', 'running', 'succeeded',  }

def check_ingestion_state(value: str) -> IngestionState:
    if value in INGESTION_STATE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {INGESTION_STATE_VALUES!r}")
