"""Benchmarks of speed and memory with real processes, compared with references of the same run: `make bench`."""
