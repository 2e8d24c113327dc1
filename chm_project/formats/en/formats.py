"""Formats of times in the admin: in UTC with its name; a script converts them to the browser's zone."""

DATETIME_FORMAT = r"Y-m-d H:i \U\T\C"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
