"""Benchmarks against real peers; `python -m benchmarks NAME…` runs them."""
