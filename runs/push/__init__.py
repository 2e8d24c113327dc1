"""Runs that jobs push in formats of existing clients: OpenLineage, Healthchecks pings, dbt's files.

lineage, pings and dbt translate into RunEvents for runs.services.record_runs, without the database.
"""
