from typing import Literal

LineageEventType = Literal['ABORT', 'COMPLETE', 'FAIL', 'OTHER', 'RUNNING', 'START']

LINEAGE_EVENT_TYPE_VALUES: set[LineageEventType] = { 'ABORT', 'COMPLETE', 'FAIL', 'OTHER', 'RUNNING', 'START',  }

def check_lineage_event_type(value: str) -> LineageEventType:
    if value in LINEAGE_EVENT_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LINEAGE_EVENT_TYPE_VALUES!r}")
