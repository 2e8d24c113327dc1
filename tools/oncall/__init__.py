"""The drill of on-call notifications: an outage through Prometheus and Alertmanager."""
