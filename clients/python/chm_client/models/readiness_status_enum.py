from typing import Literal

ReadinessStatusEnum = Literal['ok', 'unavailable']

READINESS_STATUS_ENUM_VALUES: set[ReadinessStatusEnum] = { 'ok', 'unavailable',  }

def check_readiness_status_enum(value: str) -> ReadinessStatusEnum:
    if value in READINESS_STATUS_ENUM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {READINESS_STATUS_ENUM_VALUES!r}")
