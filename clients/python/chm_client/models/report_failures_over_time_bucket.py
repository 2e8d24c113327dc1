from typing import Literal

ReportFailuresOverTimeBucket = Literal['day', 'hour', 'minute', 'week']

REPORT_FAILURES_OVER_TIME_BUCKET_VALUES: set[ReportFailuresOverTimeBucket] = { 'day', 'hour', 'minute', 'week',  }

def check_report_failures_over_time_bucket(value: str) -> ReportFailuresOverTimeBucket:
    if value in REPORT_FAILURES_OVER_TIME_BUCKET_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {REPORT_FAILURES_OVER_TIME_BUCKET_VALUES!r}")
