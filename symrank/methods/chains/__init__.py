"""Langevin chains: the paper's Algorithm 1 and its schemes."""
