"""Recurrences that turn products into coefficients."""
