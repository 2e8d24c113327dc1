"""Code for operators: the check of settings, probes, metrics, beat, proxies, and the erasure of a client."""
