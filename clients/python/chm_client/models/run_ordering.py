from typing import Literal

RunOrdering = Literal['-event_at', 'event_at']

RUN_ORDERING_VALUES: set[RunOrdering] = { '-event_at', 'event_at',  }

def check_run_ordering(value: str) -> RunOrdering:
    if value in RUN_ORDERING_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUN_ORDERING_VALUES!r}")
