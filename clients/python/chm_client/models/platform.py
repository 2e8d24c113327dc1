from typing import Literal

Platform = Literal['airflow', 'cron', 'custom', 'dbt', 'vendor_api']

PLATFORM_VALUES: set[Platform] = { 'airflow', 'cron', 'custom', 'dbt', 'vendor_api',  }

def check_platform(value: str) -> Platform:
    if value in PLATFORM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PLATFORM_VALUES!r}")
