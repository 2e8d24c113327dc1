from typing import Literal

RunStatus = Literal['canceled', 'failed', 'running', 'skipped', 'success']

RUN_STATUS_VALUES: set[RunStatus] = { 'canceled', 'failed', 'running', 'skipped', 'success',  }

def check_run_status(value: str) -> RunStatus:
    if value in RUN_STATUS_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUN_STATUS_VALUES!r}")
