"""Benchmarks of speed and memory on real processes, as ratios within one run: `make bench`."""
