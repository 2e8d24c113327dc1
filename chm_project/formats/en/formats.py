"""How the admin writes moments: in UTC and saying so; its script tells them in the browser's zone."""

DATETIME_FORMAT = r"Y-m-d H:i \U\T\C"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
