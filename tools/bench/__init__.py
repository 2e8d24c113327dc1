"""Measure speed and memory with real processes: `make bench`. Most figures are compared with a reference."""
