"""Benchmarks: `make bench` measures each row in processes of their own and prints figures and ratios."""
