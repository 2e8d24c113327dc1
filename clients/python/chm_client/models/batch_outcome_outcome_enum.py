from typing import Literal

BatchOutcomeOutcomeEnum = Literal['created', 'pruned', 'rejected', 'stale', 'unchanged', 'updated']

BATCH_OUTCOME_OUTCOME_ENUM_VALUES: set[BatchOutcomeOutcomeEnum] = { 'created', 'pruned', 'rejected', 'stale', 'unchanged', 'updated',  }

def check_batch_outcome_outcome_enum(value: str) -> BatchOutcomeOutcomeEnum:
    if value in BATCH_OUTCOME_OUTCOME_ENUM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {BATCH_OUTCOME_OUTCOME_ENUM_VALUES!r}")
