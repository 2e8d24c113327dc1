from typing import Literal

PipelineRunOrdering = Literal['-event_at', '-started_at', 'event_at', 'started_at']

PIPELINE_RUN_ORDERING_VALUES: set[PipelineRunOrdering] = { '-event_at', '-started_at', 'event_at', 'started_at',  }

def check_pipeline_run_ordering(value: str) -> PipelineRunOrdering:
    if value in PIPELINE_RUN_ORDERING_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PIPELINE_RUN_ORDERING_VALUES!r}")
