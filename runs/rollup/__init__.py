"""Counts of runs by day and month, kept by triggers: see the migration runs/0008_rollup."""
