"""Format of times in the admin: UTC, named as such. A script converts them to the browser's time zone."""

DATETIME_FORMAT = r"Y-m-d H:i \U\T\C"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
