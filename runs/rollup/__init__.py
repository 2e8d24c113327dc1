"""Counts of runs by day and month. Triggers update them (migrations 0008_rollup and 0014_rollup_adds_less)."""
