"""Matrices that nobody here made, and large ones: truth, seconds, the choice of a method."""
