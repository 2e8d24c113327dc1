from typing import Literal

LineageOutcomeOutcomeEnum = Literal['created', 'ignored', 'pruned', 'rejected', 'stale', 'unchanged', 'unmatched', 'updated']

LINEAGE_OUTCOME_OUTCOME_ENUM_VALUES: set[LineageOutcomeOutcomeEnum] = { 'created', 'ignored', 'pruned', 'rejected', 'stale', 'unchanged', 'unmatched', 'updated',  }

def check_lineage_outcome_outcome_enum(value: str) -> LineageOutcomeOutcomeEnum:
    if value in LINEAGE_OUTCOME_OUTCOME_ENUM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LINEAGE_OUTCOME_OUTCOME_ENUM_VALUES!r}")
