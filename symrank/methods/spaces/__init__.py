"""Bases of the range and of the null space, and projections on them."""
