"""Metrics of all processes, and one log line per request, page and task."""
