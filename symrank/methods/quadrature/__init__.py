"""Lanczos quadrature: the measure of every probe, with proved bounds."""
