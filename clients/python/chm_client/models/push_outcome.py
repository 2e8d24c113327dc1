from typing import Literal

PushOutcome = Literal['created', 'stale', 'unchanged', 'updated']

PUSH_OUTCOME_VALUES: set[PushOutcome] = { 'created', 'stale', 'unchanged', 'updated',  }

def check_push_outcome(value: str) -> PushOutcome:
    if value in PUSH_OUTCOME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PUSH_OUTCOME_VALUES!r}")
