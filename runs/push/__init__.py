"""Translate what jobs push in formats of existing clients: OpenLineage events, Healthchecks pings and files of dbt.

lineage, pings and dbt return RunEvents for runs.services.record_runs. They use neither HTTP nor the database.
"""
