from typing import Literal

FlakyOrdering = Literal['failures', 'flips']

FLAKY_ORDERING_VALUES: set[FlakyOrdering] = { 'failures', 'flips',  }

def check_flaky_ordering(value: str) -> FlakyOrdering:
    if value in FLAKY_ORDERING_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FLAKY_ORDERING_VALUES!r}")
