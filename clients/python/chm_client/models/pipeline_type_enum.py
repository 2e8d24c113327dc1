from typing import Literal

PipelineTypeEnum = Literal['export', 'healthcheck', 'ingestion', 'quality', 'transform']

PIPELINE_TYPE_ENUM_VALUES: set[PipelineTypeEnum] = { 'export', 'healthcheck', 'ingestion', 'quality', 'transform',  }

def check_pipeline_type_enum(value: str) -> PipelineTypeEnum:
    if value in PIPELINE_TYPE_ENUM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PIPELINE_TYPE_ENUM_VALUES!r}")
