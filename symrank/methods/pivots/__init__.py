"""Inertia by the signs of pivots, with a measured error."""
