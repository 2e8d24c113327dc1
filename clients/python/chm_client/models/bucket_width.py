from typing import Literal

BucketWidth = Literal['day', 'hour', 'minute', 'week']

BUCKET_WIDTH_VALUES: set[BucketWidth] = { 'day', 'hour', 'minute', 'week',  }

def check_bucket_width(value: str) -> BucketWidth:
    if value in BUCKET_WIDTH_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {BUCKET_WIDTH_VALUES!r}")
