from typing import Literal

PlatformEnum = Literal['airflow', 'cron', 'custom', 'dbt', 'vendor_api']

PLATFORM_ENUM_VALUES: set[PlatformEnum] = { 'airflow', 'cron', 'custom', 'dbt', 'vendor_api',  }

def check_platform_enum(value: str) -> PlatformEnum:
    if value in PLATFORM_ENUM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PLATFORM_ENUM_VALUES!r}")
