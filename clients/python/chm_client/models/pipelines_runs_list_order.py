from typing import Literal

PipelinesRunsListOrder = Literal['asc', 'desc']

PIPELINES_RUNS_LIST_ORDER_VALUES: set[PipelinesRunsListOrder] = { 'asc', 'desc',  }

def check_pipelines_runs_list_order(value: str) -> PipelinesRunsListOrder:
    if value in PIPELINES_RUNS_LIST_ORDER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PIPELINES_RUNS_LIST_ORDER_VALUES!r}")
