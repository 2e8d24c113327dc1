"""Drill for on-call notifications: an outage through Prometheus and Alertmanager."""
