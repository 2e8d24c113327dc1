"""Test of on-call notifications: an outage is reported through Prometheus and Alertmanager."""
