"""Test whether Prometheus and Alertmanager notify an on-call engineer about an outage."""
