"""Code for operators: readiness, metrics, beat, proxies, and the erasure of a client."""
