"""Counts of runs by day and month. Triggers update the counts (migrations 0008_rollup and 0014_rollup_adds_less).

Each write of a run adds rows with partial counts, called parts: for example +1 success and -1 running. Compaction
merges all parts of the same day, client, platform and environment into one row.
"""
