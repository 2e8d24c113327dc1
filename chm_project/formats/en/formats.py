"""Formats of times in the console, with the suffix UTC. A script converts the times to the browser's time zone."""

DATETIME_FORMAT = r"Y-m-d H:i \U\T\C"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
