"""Counts of runs by day and month. Triggers update the counts.

Migration 0018_failures_by_pipeline has the latest functions of the triggers.

Each write of a run adds rows with partial counts, called parts: for example +1 success and -1 running. Compaction
merges all parts of the same day, client, platform and environment into one row.
"""
