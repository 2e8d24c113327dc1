"""Metrics of all processes, and one log line for each request, page of runs and task."""
