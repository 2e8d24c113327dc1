from typing import Literal

ReportTopFlakyPipelinesOrder = Literal['failures', 'flips']

REPORT_TOP_FLAKY_PIPELINES_ORDER_VALUES: set[ReportTopFlakyPipelinesOrder] = { 'failures', 'flips',  }

def check_report_top_flaky_pipelines_order(value: str) -> ReportTopFlakyPipelinesOrder:
    if value in REPORT_TOP_FLAKY_PIPELINES_ORDER_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {REPORT_TOP_FLAKY_PIPELINES_ORDER_VALUES!r}")
