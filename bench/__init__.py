"""Measurements: one question a script, one JSON each in bench/results."""
