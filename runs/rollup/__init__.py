"""Counts of runs by day and month. Triggers update them (migrations 0008_rollup and 0011_rollup_skips_empty)."""
