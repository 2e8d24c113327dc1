"""Counts of runs by day and month. Triggers of the migration runs/0008_rollup update them."""
