"""Translate the data that jobs push: OpenLineage events, pings of Healthchecks clients, and result files of dbt.

The modules lineage, pings and dbt return RunEvents for runs.services.record_runs. They use neither HTTP nor the
database.
"""
