"""Counts of runs by day and month. Triggers update them (migrations 0008_rollup and 0014_rollup_adds_less).

Each write adds rows with partial counts (parts) to a table. Compaction merges the parts of each key into one row.
"""
