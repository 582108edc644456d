"""Benchmarks on losses of networks and their Hessians."""
