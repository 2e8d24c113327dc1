from typing import Literal

PipelineType = Literal['export', 'healthcheck', 'ingestion', 'quality', 'transform']

PIPELINE_TYPE_VALUES: set[PipelineType] = { 'export', 'healthcheck', 'ingestion', 'quality', 'transform',  }

def check_pipeline_type(value: str) -> PipelineType:
    if value in PIPELINE_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PIPELINE_TYPE_VALUES!r}")
