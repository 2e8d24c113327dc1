"""Counts of runs by day and month, updated by triggers (migrations 0008_rollup and 0011_rollup_skips_empty)."""
