"""Readiness, metrics, beat, proxies and erasure: what operators need."""
