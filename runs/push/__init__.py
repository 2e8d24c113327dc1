"""Runs that their own jobs report, in the words of clients that exist: OpenLineage, Healthchecks pings, dbt's files.

lineage, pings and dbt translate, without the database, into the RunEvent that runs.services.record_runs takes.
"""
