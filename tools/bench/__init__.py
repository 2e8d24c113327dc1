"""Benchmarks: speed and memory as ratios in one run, on real processes. `make bench`."""
